"""Two replicas under exactly the documented rights, with a journey of each kind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client

from rollout.cli.manifests import rbac
from rollout.controller import rights
from rollout.controller.rights import Call, Need
from rollout.controller.seeing import concerns
from rollout.edges import kube
from rollout.edges.kube import Kube, paths
from rollout.errors import ConflictError, OutsideError
from rollout.lab.kube.client import ApiRefusedError
from tests.cluster import objects
from tests.cluster.conftest import Control
from tests.cluster.journeys import JOURNEYS, Scene
from tests.cluster.replica import Replica, replica

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(900)]


async def holder(control: Control) -> str:
    lease = await control.read("Lease", rbac.OWN, rights.LEASE)
    return str(lease["spec"]["holderIdentity"])


def leads(replicas: Sequence[Replica], held: str) -> Replica:
    """The replica that ``held`` names: host, process id and a random word."""
    return next(one for one in replicas if held.split("-")[-2] == str(one.process.pid))


@pytest.mark.parametrize("only", [True, False], ids=["one namespace", "cluster-wide"])
async def test_every_kind_of_journey_uses_just_the_documented_rights_and_outlives_its_leader(
    control: Control, tmp_path: Path, only: bool
) -> None:
    """SEC-17: the granted roles are those of the page, and suffice.

    The Lease is in a namespace that ``-n`` does not name, and no right is to list Leases."""
    space = "one-namespace" if only else "all-namespaces"
    reach = space if only else ""
    await control.apply(objects.namespace(space))
    await control.granted(*rbac.manifests(reach, rbac.OWN))
    with contextlib.suppress(ApiRefusedError):
        await control.delete("Lease", rbac.OWN, rights.LEASE)
    token, before = await control.token(), len(control.audited())
    config = control.kubeconfig(tmp_path / "config", token)
    words = ("-n", space) if only else ()
    scene = Scene(control, space, tmp_path)
    with (
        replica(tmp_path, config, control.mesh, *words) as first,
        replica(tmp_path, config, control.mesh, *words) as second,
    ):
        for one in (first, second):
            assert await one.until_ready() == "ok\n"
        async with asyncio.TaskGroup() as ways:
            for journey in JOURNEYS:
                ways.create_task(journey.run(scene))
            await scene.moves("canary")
            leader = leads([first, second], await holder(control))
            other = second if leader is first else first
            leader.kill()
        assert leads([other], await holder(control)) is other
        assert await other.until_ready() == "ok\n"
    done = used(control.audited()[before:])
    await lost_races(control, token, reach, space)
    await control.revoked(*rbac.manifests(reach, rbac.OWN))
    audited = control.audited()[before:]
    assert [entry for entry in audited if entry["responseStatus"]["code"] == 403] == []
    read = {call for call in used(audited) if call.verb == "get"}
    assert {*done, *read} - GRANTED == ALWAYS
    assert WANTED - {*done, *read} == set()
    assert not only or {where(entry) for entry in audited} <= {space, rbac.OWN, ""}


ALWAYS = {
    # What we may is asked of the API server itself; `system:basic-user` lets everybody do that.
    Call("create", "SelfSubjectAccessReview"),
}
UNPLAYED = {
    # A replica that does not lead notes on the source that somebody pushed: here the one that
    # leads is killed, and who is left leads (tests/controller/sources/test_pushed.py plays it).
    Need.PUSHES,
    # Two more clusters and a zone: tests/controller/switching plays it, on a real API server, too.
    Need.SWITCHOVERS,
}
GRANTED = {call for call, needs in rights.calls().items() if {*needs} - rights.OPT_IN}
"""What a role of its own allows (`rollout rbac --manifests`, `--upgrades`) is not granted here."""
WANTED = {call for call, needs in rights.calls().items() if {*needs} - UNPLAYED - rights.OPT_IN}
_KINDS = {(paths.group(base), plural): kind for kind, (base, plural) in paths.PATHS.items()}
_KINDS["authorization.k8s.io", "selfsubjectaccessreviews"] = "SelfSubjectAccessReview"


def used(audited: Sequence[Any]) -> set[Call]:
    """What was done, as the audit log has it."""
    refs = ((entry["verb"], entry["objectRef"]) for entry in audited)
    return {
        Call(verb, _KINDS[ref.get("apiGroup", ""), ref["resource"]], ref.get("subresource", ""))
        for verb, ref in refs
    }


def where(entry: Any) -> str:
    """The namespace; that of one Namespace's own list is itself."""
    return str(entry["objectRef"].get("namespace", ""))


async def lost_races(control: Control, token: str, reach: str, space: str) -> None:
    """Whoever loses a race reads what won; which no journey can be made to lose at will."""
    patched = {call.kind for call in WANTED if call.verb == "patch"} - {"Lease"}
    async with edge(control, token, reach) as reading:
        for kind in sorted(patched):
            name = await _any(control, reading, kind, space)
            stale = {"op": "test", "path": "/metadata/resourceVersion", "value": "0"}
            with pytest.raises(ConflictError):
                await reading.patch(kind, space, name, [stale])


async def _any(control: Control, reading: Kube, kind: str, space: str) -> str:
    """The name of one object of ``kind``, as soon as they are listed."""
    if kind == "AnalysisTemplate":
        await control.apply(objects.analysis(space, "limits"))
    while True:
        try:
            found = [obj for obj in reading.list(kind) if obj["metadata"]["namespace"] == space]
        except OutsideError:
            found = []
        if found:
            return str(found[0]["metadata"]["name"])
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def edge(control: Control, token: str, reach: str) -> AsyncIterator[Kube]:
    """Our own client of the API server, with that token."""
    settings = client.Configuration(host=control.real.url, ssl_ca_cert=str(control.real.ca))
    settings.api_key["BearerToken"] = f"Bearer {token}"
    api = client.ApiClient(configuration=settings)
    async with Kube(api, concerns.of, kube.scopes(reach)) as reading:
        yield reading
