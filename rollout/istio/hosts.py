"""How a host written in Istio's objects names a service; nothing is resolved over a network."""

from collections.abc import Iterator
from functools import lru_cache

from rollout.model.traffic import full_host

SVC = ".svc."


def means(written: str, namespace: str, host: str) -> bool:
    """Whether ``written``, in an object of ``namespace``, names the service ``host`` (in full).

    A short name means the object's own namespace. ``name.namespace`` counts too: people mean the
    service by it, though Istio takes any name with a dot as it stands (ROL-024 says so).
    Source: Istio API, VirtualService, ``Destination.host``.
    """
    return written in _spellings(host, namespace)


@lru_cache(4096)
def _spellings(host: str, namespace: str) -> frozenset[str]:
    name, _, rest = host.partition(".")
    home = rest.partition(SVC)[0]
    spellings = frozenset((host, f"{name}.{home}", f"{name}.{home}.svc"))
    return spellings | {name} if namespace == home else spellings


def full(written: str, namespace: str) -> str:
    """The full name of what ``written`` means in an object of ``namespace``, as in ``means``."""
    parts = written.rstrip(".").split(".")
    if written.startswith("*"):
        return written
    if len(parts) == 1:
        return full_host(written, namespace)
    if len(parts) == 2 or (len(parts) == 3 and parts[2] == "svc"):
        return full_host(parts[0], parts[1])
    return written.rstrip(".")


def short(host: str) -> str:
    """The service's own name, ``reviews`` of ``reviews.bookinfo.svc.cluster.local``."""
    return host.partition(".")[0]


def covers(pattern: str, host: str) -> bool:
    """Whether a host pattern (``*``, ``*.shop.example``, or a name) covers ``host``."""
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    return pattern == host


def patterns(host: str) -> Iterator[str]:
    """Every pattern with a ``*`` that covers ``host``, the longest first."""
    rest = host
    while rest:
        rest = rest.partition(".")[2]
        yield f"*.{rest}" if rest else "*"
