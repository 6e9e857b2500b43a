"""Whatever becomes of a replica or of the API server, journeys go on and no law is broken.

All but one case are `chaos`; each plays four journeys in two namespaces under two replicas that
share them by two Leases, and looks at every version of every object in etcd.
"""

import asyncio
import contextlib
import json
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from rollout.cli.manifests import rbac
from rollout.controller import rights
from rollout.controller.leader import LEASE
from tests.chaos.cut import Cut
from tests.chaos.fleet import Pod
from tests.chaos.mishaps import Play, Stage

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(900)]
chaos = pytest.mark.chaos

LONG = LEASE + 4  # seconds after which another replica leads for certain
Mishap = Callable[[Play], Awaitable[None]]


async def survives(stage: Stage, mishap: Mishap) -> None:
    """The mishap comes while every canary has some requests; all arrive, and all laws hold."""
    async with stage.play() as play:
        await play.push()
        await play.moves()
        await mishap(play)
        await play.arrives()
        await play.recorded()
        play.holds()


async def test_a_leader_that_is_killed(stage: Stage) -> None:
    """The one that `make test` plays, too."""

    async def mishap(play: Play) -> None:
        (await play.fleet.leads(1)).send(signal.SIGKILL)

    await survives(stage, mishap)


@chaos
async def test_every_replica_is_killed_five_times(stage: Stage) -> None:
    async def mishap(play: Play) -> None:
        for _ in range(5):
            for pod in play.fleet.pods.values():
                with contextlib.suppress(ProcessLookupError):
                    pod.send(signal.SIGKILL)
            await asyncio.sleep(3)

    await survives(stage, mishap)


@chaos
async def test_a_leader_that_ends_in_order(stage: Stage) -> None:
    async def mishap(play: Play) -> None:
        (await play.fleet.leads(0)).send(signal.SIGTERM)
        (await play.fleet.leads(1)).send(signal.SIGTERM)

    await survives(stage, mishap)


@chaos
async def test_a_leader_that_is_stopped_and_wakes_up_beside_its_heir(stage: Stage) -> None:
    """It goes on in the middle of whatever it did, with answers that are minutes old to it."""

    async def mishap(play: Play) -> None:
        pod = await play.fleet.leads(1)
        pod.send(signal.SIGSTOP)
        await asyncio.sleep(LONG)
        pod.send(signal.SIGCONT)

    await survives(stage, mishap)


@chaos
async def test_leaders_that_stumble_for_less_than_their_lease_lasts(stage: Stage) -> None:
    async def mishap(play: Play) -> None:
        for _ in range(4):
            for pod in play.fleet.pods.values():
                pod.send(signal.SIGSTOP)
            await asyncio.sleep(4)
            for pod in play.fleet.pods.values():
                pod.send(signal.SIGCONT)
            await asyncio.sleep(1)

    await survives(stage, mishap)


@chaos
@pytest.mark.parametrize("cut", [Cut.drop, Cut.refuse], ids=["silent", "refused"])
async def test_a_leader_that_is_cut_off(stage: Stage, cut: Callable[[Cut], None]) -> None:
    async def mishap(play: Play) -> None:
        pod = await play.fleet.leads(1)
        cut(pod.wire)
        await asyncio.sleep(LONG)
        pod.wire.mend()

    await survives(stage, mishap)


@chaos
async def test_everybody_is_cut_off_for_a_while(stage: Stage) -> None:
    async def mishap(play: Play) -> None:
        for pod in play.fleet.pods.values():
            pod.wire.drop()
        await asyncio.sleep(LONG)
        for pod in play.fleet.pods.values():
            pod.wire.mend()

    await survives(stage, mishap)


@chaos
async def test_an_api_server_that_is_killed_and_comes_back(stage: Stage) -> None:
    async def mishap(play: Play) -> None:
        await play.plane.stop()
        await asyncio.sleep(3)
        await play.plane.start()

    await survives(stage, mishap)


@chaos
async def test_watches_that_come_back_to_a_history_that_is_gone(stage: Stage) -> None:
    """410 Gone: etcd was compacted while they were away, and things were written meanwhile."""

    async def mishap(play: Play) -> None:
        for pod in play.fleet.pods.values():
            pod.wire.refuse()
        for scene in play.scenes:
            for _ in range(3):
                await scene.control.change("Service", scene.space, "web", metadata=_noted())
        await play.plane.compact()
        for pod in play.fleet.pods.values():
            pod.wire.mend()

    await survives(stage, mishap)


@chaos
async def test_a_token_that_is_revoked_and_another_that_is_there(stage: Stage) -> None:
    """The account is made anew, so every token from before is refused at once."""

    async def mishap(play: Play) -> None:
        control = play.fleet.control
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        await control.granted({**account, "metadata": {"name": rbac.NAME, "namespace": rbac.OWN}})
        for pod in play.fleet.pods.values():
            config = pod.folder / "config"
            known = json.loads(config.read_text())
            known["users"][0]["user"]["token"] = await control.token()
            config.write_text(json.dumps(known))

    await survives(stage, mishap)


@chaos
async def test_an_api_server_with_another_certificate(stage: Stage) -> None:
    """Its file is replaced where the kubeconfig says that it is, as a pod's is."""

    async def mishap(play: Play) -> None:
        await play.plane.stop()
        for made in play.plane.real.ca.parent.glob("apiserver.*"):
            made.unlink()
        await play.plane.start()
        play.plane.trusted_by(play.fleet.control.kube)

    await survives(stage, mishap)


@chaos
@pytest.mark.parametrize("seconds", [-3600, 3600], ids=["an hour back", "an hour ahead"])
async def test_a_clock_that_is_set_while_its_replica_leads(stage: Stage, seconds: int) -> None:
    async def mishap(play: Play) -> None:
        pod = await play.fleet.leads(1)
        (pod.folder / "clock").write_text(str(seconds))
        await asyncio.sleep(6)
        (pod.folder / "clock").unlink()

    await survives(stage, mishap)


@chaos
async def test_a_disk_that_is_full_and_then_is_not(stage: Stage) -> None:
    """No file of the replica may grow any more, the audit log and the clones of git included."""

    async def mishap(play: Play) -> None:
        pods = list(play.fleet.pods.values())
        for pod in pods:
            resource.prlimit(pod.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await asyncio.sleep(6)
        for pod in pods:
            whole = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(pod.pid, resource.RLIMIT_FSIZE, whole)
        assert [pod.starts for pod in pods] == [1, 1]

    await survives(stage, mishap)


@chaos
async def test_a_leader_that_gets_no_more_memory(stage: Stage) -> None:
    """It dies of it or not; if it does it is begun again, as by a kubelet."""

    async def mishap(play: Play) -> None:
        pod = await play.fleet.leads(1)
        limit = _address_space(pod) + (4 << 20)
        resource.prlimit(pod.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        starved = pod.pid
        await asyncio.sleep(10)
        with contextlib.suppress(ProcessLookupError):
            whole = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(starved, resource.RLIMIT_AS, whole)

    await survives(stage, mishap)


@chaos
@pytest.mark.parametrize("after", [1, 3])
async def test_another_number_of_shards_while_journeys_run(stage: Stage, after: int) -> None:
    """Replicas of two numbers side by side, then only those of the new one."""

    async def mishap(play: Play) -> None:
        fleet, old = play.fleet, dict(play.fleet.pods)
        fleet.shards = after
        async with contextlib.AsyncExitStack() as exits:
            target = int(fleet.control.real.url.rpartition(":")[2])
            for name in ("c", "d"):
                wire = await exits.enter_async_context(Cut(target).running())
                await fleet.add(name, wire)
            await asyncio.sleep(4)
            for name, pod in old.items():
                await pod.end()
                del fleet.pods[name]
            await fleet.settles()
            await play.arrives()
            await play.recorded()
            await fleet.end()

    await survives(stage, mishap)


@chaos
async def test_two_that_both_lead_all_the_time(stage: Stage) -> None:
    """The Leases are given to nobody again and again, so that everybody takes them."""

    async def mishap(play: Play) -> None:
        for _ in range(20):
            for name in rights.leases(2):
                nobody = {"holderIdentity": ""}
                await play.fleet.control.change("Lease", rbac.OWN, name, spec=nobody)
            await asyncio.sleep(0.5)

    await survives(stage, mishap)


def _noted() -> dict[str, object]:
    return {"annotations": {"chaos": os.urandom(4).hex()}}


def _address_space(pod: Pod) -> int:
    """Bytes that its process has now. Source: proc(5), ``statm``."""
    pages = int(Path(f"/proc/{pod.pid}/statm").read_text().split()[0])
    return pages * resource.getpagesize()
