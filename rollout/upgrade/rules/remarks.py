"""Rules about Istio's own configuration as it stands: what is old, broken or clashing in it."""

from collections.abc import Iterator, Sequence

from rollout.model.inventory import Remark
from rollout.upgrade.rules.case import Case

MOST = 8
"""Objects named by one rule; of more there is the number."""


def dated(case: Case) -> Iterator[str]:
    """UPG-040, W: what the next version may not know any more. IST0135, IST0002."""
    yield from _shown(case.mesh.dated, "deprecated annotations and fields")


def broken(case: Case) -> Iterator[str]:
    """UPG-041, W: a mesh that does not work as it is should not be upgraded. IST0101, IST0111."""
    if case.saw("VirtualService", "Gateway", "Service", "ServiceEntry", "DestinationRule"):
        yield from _shown(case.mesh.broken, "objects that do not work as they are")


def clashing(case: Case) -> Iterator[str]:
    """GW-012, W: 404 and failed handshakes that are there already. IST0138, IST0145, IST0162."""
    if case.saw("Gateway", "Service", "Deployment"):
        yield from _shown(case.mesh.clashes, "clashes of Gateways")


def _shown(remarks: Sequence[Remark], noun: str) -> Iterator[str]:
    for each in remarks[:MOST]:
        yield f"{each.ref}: {each.text}"
    if len(remarks) > MOST:
        yield f"{remarks[0].ref}: and {len(remarks) - MOST} more {noun}"
