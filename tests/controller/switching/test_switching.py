"""Switchovers on the lab's API server and a real one, with external-dns's CRD and real DNS."""

import asyncio
import base64
import contextlib
import copy
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.aio import client

from rollout.cli.lab import switching
from rollout.cli.lab.switching import SECRET, SWITCHOVER
from rollout.controller.guard import Guard
from rollout.controller.instruments import Instruments
from rollout.controller.keeping import asking
from rollout.controller.ports import Answers
from rollout.controller.seeing import concerns
from rollout.controller.switching.clusters import Connections
from rollout.controller.switching.doing import Performer
from rollout.controller.switching.look import Looks
from rollout.controller.switching.seeing import Observer
from rollout.controller.switching.store import Store
from rollout.edges.dns import NameServers
from rollout.edges.kube import Kube, credentials
from rollout.edges.kube.remote import Remote
from rollout.errors import ConflictError, ManifestError, OutsideError, RefusedError
from rollout.lab.apiserver.server import ApiServer
from rollout.lab.dns.externaldns import DNSENDPOINT, ExternalDns
from rollout.lab.dns.server import DnsServer
from rollout.lab.dns.zone import Zone
from rollout.lab.kube import crds
from rollout.lab.kube.client import CRD, DEPLOYMENT, NAMESPACE, Object
from rollout.lab.kube.client import Kube as LabKube
from rollout.lab.twin import objects as twins
from rollout.lab.twin import records
from rollout.manifest import definition, schema, switchovers
from rollout.model.observation import CountsQuestion, ValueQuestion
from rollout.model.reasons import Verb
from rollout.model.switching import Probed, SetWeights
from rollout.model.switchover import Probe, Side, SwitchoverStatus, SwitchStage
from rollout.model.traffic import Split
from tests.realkube import RealKube, running
from tests.upgrade.switchover.world import World

CRD_FILE = Path(__file__).parents[2] / "cases" / "dnsendpoints-crd.yaml"
SPACE, NAME = "shop", "edge"
HOST = "shop.example.com"


@dataclass
class Users:
    """Counters of both gateways, as arithmetic; weights follow the zone."""

    world: World

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        told, lost = self.world._counts(counts)
        return told, (), lost


@dataclass
class Doors:
    """Gateways that answer, but for those in ``shut``."""

    shut: set[Side] = field(default_factory=set)

    async def probe(self, side: Side, probe: Probe, address: str) -> Probed:
        return Probed(side, probe.url, "connection refused" if side in self.shut else "")


@dataclass
class Given:
    """The home cluster's API as plain connections; the others by their kubeconfigs."""

    home: Remote

    async def connect(self, kubeconfig: bytes) -> Remote:
        return Remote(await credentials.given(kubeconfig))


@dataclass
class Scene:
    """Everything that takes part, and the time."""

    api: LabKube
    kube: Kube
    looks: Looks
    users: Users
    doors: Doors
    zone: Zone
    external: ExternalDns
    blue: ApiServer
    green: ApiServer

    def status(self) -> SwitchoverStatus:
        obj = self.kube.get(switchovers.KIND, SPACE, NAME)
        assert obj is not None
        return switchovers.status(obj)

    async def record(self) -> Object:
        return await self.api.read(DNSENDPOINT, SPACE, "shop")

    async def weights(self) -> tuple[str, str]:
        ends = (await self.record())["spec"]["endpoints"]
        return tuple(end["providerSpecific"][0]["value"] for end in ends)

    async def look(self) -> timedelta | None:
        again = await self.looks.look(f"{SPACE}/{NAME}")
        await self.external.sync()
        found = {key[2]: record.weight for key, record in self.zone.records.items()}
        weights = found["blue"], found["green"]
        if weights != self.users.world.weights:
            self.users.world.edit(*weights)
        return again

    async def run(self, until: Any, looks: int = 400) -> SwitchoverStatus:
        told = []
        for _ in range(looks):
            again = await self.look()
            status = self.looks.store.load(f"{SPACE}/{NAME}").status  # type: ignore[union-attr]
            told.append(f"{status.stage.name} {status.stage.split} {status.because}")
            if until(status):
                return status
            if again != timedelta(0):
                self.users.world.pass_time(10)
        raise AssertionError("\n".join(dict.fromkeys(told)))


def objects() -> list[Object]:
    """What the rules want of each cluster: a gateway, a host, a route and the shop."""
    return twins()


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    await server.start()
    api = LabKube(server.url)
    try:
        for crd in crds.istio():
            await api.apply(crd)
        await filled(api)
        yield server
    finally:
        await api.close()
        await server.stop()


async def filled(api: LabKube) -> None:
    """The shop and the gateway are there, and as ready as a Deployment's status can say."""
    for space in (SPACE, "istio-system"):
        with contextlib.suppress(RefusedError):
            await api.create(NAMESPACE, {"metadata": {"name": space}})
    for obj in objects():
        await api.apply(obj)
        if obj["kind"] == "Deployment":
            meta, wanted = obj["metadata"], obj["spec"]["replicas"]
            status = {"status": {"replicas": wanted, "readyReplicas": wanted}}
            await api.patch(DEPLOYMENT, meta["namespace"], meta["name"], status, "status")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running(tmp_path_factory.mktemp("kube")) as found:
        yield found


@pytest.fixture(params=["lab", pytest.param("real", marks=pytest.mark.envtest)])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with contextlib.AsyncExitStack() as exits:
        blue = await exits.enter_async_context(cluster())
        green = await exits.enter_async_context(cluster())
        if request.param == "real":
            found: RealKube = request.getfixturevalue("real")
            api = LabKube(found.url, found.token, found.context())
            connection = _connection(found.url, found.token, str(found.ca))
            again = _connection(found.url, found.token, str(found.ca))
        else:
            home = await exits.enter_async_context(cluster())
            api = LabKube(home.url)
            connection, again = _connection(home.url), _connection(home.url)
        exits.push_async_callback(api.close)
        await _installed(api, real=request.param == "real")
        kube = await exits.enter_async_context(Kube(connection, concerns.of))
        remote = Remote(again)
        exits.push_async_callback(remote.close)
        yield await _scene(exits, api, kube, remote, (blue, green))


def _connection(url: str, token: str = "", ca: str | None = None) -> Any:
    given = client.Configuration(host=url, ssl_ca_cert=ca)
    if token:
        given.api_key["BearerToken"] = f"Bearer {token}"
    return client.ApiClient(configuration=given)


async def _installed(api: LabKube, *, real: bool) -> None:
    kinds = [definition.crd(schema.KINDS[switchovers.KIND])]
    if real:
        kinds.append(yaml.safe_load(CRD_FILE.read_text()))
    else:
        kinds.append(crds.dns())
    for crd in kinds:
        await api.apply(crd)
        for _ in range(100):
            found = await api.read(CRD, "", crd["metadata"]["name"])
            if any(
                c["type"] == "Established" and c["status"] == "True"
                for c in found.get("status", {}).get("conditions") or ()
            ):
                break
            await asyncio.sleep(0.05)
    with contextlib.suppress(RefusedError):
        await api.create(NAMESPACE, {"metadata": {"name": SPACE}})


async def _scene(
    exits: contextlib.AsyncExitStack,
    api: LabKube,
    kube: Kube,
    remote: Remote,
    sides: tuple[ApiServer, ApiServer],
) -> Scene:
    zone = Zone("example.com")
    servers = [DnsServer(zone), DnsServer(zone)]
    for server in servers:
        await server.start()
        exits.push_async_callback(server.stop)
    for kind, obj in (
        (DNSENDPOINT, records(30)),
        (SWITCHOVER, manifest([server.address for server in servers])),
        *((SECRET, secret(name, s)) for name, s in zip(("blue", "green"), sides, strict=True)),
    ):
        with contextlib.suppress(RefusedError):  # of the test before, on the real API server
            held = {"metadata": {"finalizers": None}}
            await api.patch(kind, SPACE, obj["metadata"]["name"], held)
            await api.delete(kind, SPACE, obj["metadata"]["name"])
        await api.create(kind, obj)
    world, doors = World(ttl=30, delay=0), Doors()
    users = Users(world)
    connections = Connections(kube, Given(remote))
    exits.push_async_callback(connections.close)
    store = Store(kube)
    observer = Observer(connections, users, NameServers(), doors, Guard())
    performer = Performer(connections, observer, store, "test")
    clock = lambda: world.time  # noqa: E731
    looks = Looks(store, observer, performer, Instruments(), clock, lambda _: True, lambda _: None)
    while True:
        try:
            if kube.get(switchovers.KIND, SPACE, NAME) is not None:
                break
        except OutsideError:
            pass
        await asyncio.sleep(0.02)
    external = ExternalDns(api, zone, "home")
    await external.sync()
    return Scene(api, kube, looks, users, doors, zone, external, *sides)


def manifest(servers: list[str]) -> Object:
    made = switching.manifest(servers, {"blue": "192.0.2.10", "green": "198.51.100.10"})
    spec = made["spec"]
    spec["blue"]["kubeconfig"] = {"name": "blue"}
    spec["green"]["kubeconfig"] = {"name": "green"}
    spec["steps"] = [{"weight": 10}, {"weight": 50}]
    spec["analysis"] = {}
    spec["bake"] = "1m"
    return made


def secret(name: str, server: ApiServer) -> Object:
    text = base64.b64encode(server.kubeconfig("token").encode()).decode()
    return {"metadata": {"name": name, "namespace": SPACE}, "data": {"kubeconfig": text}}


def moved(split: Split) -> Any:
    return lambda status: status.stage.split == split and status.stage.confirmed_at is not None


async def test_users_move_and_of_the_records_only_the_weights_change(scene: Scene) -> None:
    before = await scene.record()
    status = await scene.run(lambda s: s.serving is Side.GREEN)
    assert status.stage.name is SwitchStage.SERVING
    after = await scene.record()
    assert await scene.weights() == ("0", "100")
    expected = copy.deepcopy(before["spec"])
    expected["endpoints"][0]["providerSpecific"][0]["value"] = "0"
    expected["endpoints"][1]["providerSpecific"][0]["value"] = "100"
    assert after["spec"] == expected
    assert after["metadata"].get("annotations") == before["metadata"].get("annotations")
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 3


async def test_a_bad_green_is_left_and_everyone_is_back(scene: Scene) -> None:
    await scene.run(moved(Split(90, 10)))
    scene.users.world.bad[Side.GREEN] = 0.3
    status = await scene.run(
        lambda s: s.rejected is not None and s.stage.name is SwitchStage.SERVING
    )
    assert status.serving is Side.BLUE
    assert await scene.weights() == ("100", "0")


async def test_clusters_that_do_not_answer_keep_nobody_from_going_back(scene: Scene) -> None:
    await scene.run(moved(Split(90, 10)))
    await scene.blue.stop()
    await scene.green.stop()
    held = await scene.run(lambda s: s.waits_for == "Cluster")
    assert held.because.startswith("blue: deployment istio-system/")
    await asking.ask(scene.kube, SPACE, NAME, Verb.ABORT, switchovers.KIND)
    await scene.run(lambda s: s.stage.name is SwitchStage.SERVING)
    assert await scene.weights() == ("100", "0")


async def test_whoever_was_overtaken_writes_nothing(scene: Scene) -> None:
    held = scene.looks.store.load(f"{SPACE}/{NAME}")
    assert held is not None
    old = SetWeights(Split(0, 100), {"dnsendpoint shop/shop": "1"})
    with pytest.raises(ConflictError, match="was written since it was seen"):
        await scene.looks.performer.do(held, old, scene.users.world.time)
    assert await scene.weights() == ("100", "0")


def restarted(scene: Scene) -> None:
    """The process is gone with all that it had in memory; another one begins."""
    scene.looks.store.forget()


async def edited(scene: Scene, **spec: Any) -> None:
    """Somebody has changed the spec, and the controller has heard of it."""
    await scene.api.patch(SWITCHOVER, SPACE, NAME, {"spec": spec})
    wanted = (await scene.api.read(SWITCHOVER, SPACE, NAME))["spec"]
    await heard(scene, lambda obj: obj["spec"] == wanted)


async def asked(scene: Scene, verb: str) -> None:
    note = {"metadata": {"annotations": {"rollout.dev/request": f"{verb}@x"}}}
    await scene.api.patch(SWITCHOVER, SPACE, NAME, note)
    await heard(scene, lambda obj: bool(obj["metadata"].get("annotations")))


async def heard(scene: Scene, holds: Callable[[Mapping[str, Any]], bool]) -> None:
    while not holds(scene.kube.get(switchovers.KIND, SPACE, NAME) or {}):
        await asyncio.sleep(0.01)


SPOILED = {"steps": [{"weight": 50}, {"weight": 10}]}
"""Steps that do not rise: the API server takes them, and nobody can read them."""


def at_rest(status: SwitchoverStatus) -> bool:
    return status.stage.name is SwitchStage.SERVING


async def test_a_process_that_never_read_the_spec_takes_everyone_home_by_the_status(
    scene: Scene,
) -> None:
    await scene.run(moved(Split(50, 50)))
    await edited(scene, **SPOILED)
    restarted(scene)
    with pytest.raises(ManifestError, match="steps have weights"):
        await scene.looks.look(f"{SPACE}/{NAME}")
    assert await scene.weights() == ("50", "50")
    await asked(scene, "abort")
    status = await scene.run(at_rest)
    assert await scene.weights() == ("100", "0")
    assert (status.serving, status.rejected is not None) == (Side.BLUE, True)


async def test_one_that_cannot_be_read_and_is_on_its_way_home_gets_there_after_a_restart(
    scene: Scene,
) -> None:
    await scene.run(moved(Split(50, 50)))
    await asked(scene, "abort")
    await scene.run(lambda status: status.stage.name is SwitchStage.RETURNING)
    await edited(scene, **SPOILED)
    restarted(scene)
    assert (await scene.run(at_rest)).serving is Side.BLUE
    assert await scene.weights() == ("100", "0")


async def test_a_spec_that_cannot_be_read_is_told_and_goes_on_as_it_was(scene: Scene) -> None:
    await scene.run(moved(Split(50, 50)))
    await edited(scene, **SPOILED)
    status = await scene.run(lambda status: status.because.startswith("goes on as it was"))
    assert status.because.startswith("goes on as it was: spec steps have weights")


async def test_records_of_another_name_are_not_moved_before_the_first_are_home(
    scene: Scene,
) -> None:
    await scene.run(moved(Split(50, 50)))
    dns = (await scene.api.read(SWITCHOVER, SPACE, NAME))["spec"]["dns"]
    await edited(scene, dns={**dns, "endpoints": [{"name": "other"}]})
    restarted(scene)
    status = await scene.run(lambda status: status.stage.name is SwitchStage.RETURNING)
    assert status.because == "other records are named: home by those it began with"
    await scene.run(at_rest)
    assert await scene.weights() == ("100", "0")


async def test_an_edit_of_the_weights_is_named_and_left(scene: Scene) -> None:
    await scene.run(moved(Split(90, 10)))
    spec: Mapping[str, Any] = (await scene.record())["spec"]
    ends = copy.deepcopy(spec["endpoints"])
    ends[0]["providerSpecific"][0]["value"] = "1"
    await scene.api.patch(DNSENDPOINT, SPACE, "shop", {"spec": {"endpoints": ends}})
    status = await scene.run(lambda s: s.attempt.pause is not None)
    assert "to 1/10, 90/10 asked" in status.because
    assert await scene.weights() == ("1", "10")


async def test_a_rule_that_blocks_is_said_and_nothing_is_written(scene: Scene) -> None:
    api = LabKube(scene.green.url)
    try:
        await api.delete(DEPLOYMENT, SPACE, "shop-v1")
    finally:
        await api.close()
    status = await scene.run(lambda s: s.waits_for == "Objects")
    assert status.because == "SW-001: green has no Deployment shop/shop-v1"
    assert await scene.weights() == ("100", "0")


async def test_an_epoch_never_falls_whatever_somebody_wrote_over_a_status(scene: Scene) -> None:
    known = (await scene.run(lambda status: status.stage.name is not SwitchStage.SERVING)).epoch
    emptied = [{"op": "replace", "path": "/status", "value": {}}]
    await scene.kube.patch(switchovers.KIND, SPACE, NAME, emptied, "status")
    seen = [known]

    def goes_on(status: SwitchoverStatus) -> bool:
        seen.append(status.epoch)
        return status.epoch > known

    await scene.run(goes_on)
    assert min(seen) == known


async def test_half_of_a_set_whose_other_object_is_gone_is_not_written(scene: Scene) -> None:
    """It was there in the look that decided, and is not in the one that acts."""
    held = scene.looks.store.load(f"{SPACE}/{NAME}")
    assert held is not None
    version = (await scene.record())["metadata"]["resourceVersion"]
    seen = {"dnsendpoint shop/shop": version, "green: dnsendpoint shop/green": "1"}
    with pytest.raises(ConflictError, match="shop/green: was written since it was seen"):
        await scene.looks.performer.do(
            held, SetWeights(Split(50, 50), seen), scene.users.world.time
        )
    assert await scene.weights() == ("100", "0")


async def test_a_status_that_was_saved_is_acted_upon_after_a_crash(scene: Scene) -> None:
    """The status is written, and the process dies before the weights are."""

    class Died(Exception):
        pass

    class Dying(Performer):
        async def do(self, held: Any, action: Any, now: datetime) -> None:
            if isinstance(action, SetWeights):
                raise Died
            await super().do(held, action, now)

    alive, looks = scene.looks.performer, scene.looks
    looks.performer = Dying(alive.connections, alive.observer, alive.store, "x")
    with pytest.raises(Died):
        await scene.run(lambda _: False)
    assert scene.status().stage.split == Split(90, 10)
    assert await scene.weights() == ("100", "0")
    looks.performer, looks.store._known = alive, {}
    await scene.run(moved(Split(90, 10)))
    assert await scene.weights() == ("90", "10")


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ({"exec": {"command": "sh"}}, "exec is not taken"),
        ({"tokenFile": "/var/run/secrets/token"}, "tokenFile is not taken"),
        ({"client-key": "/etc/key.pem"}, "client-key is not taken"),
    ],
)
async def test_a_kubeconfig_that_reads_files_or_runs_programs_is_refused(
    user: Object, why: str
) -> None:
    config = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "x", "user": user}],
    }
    with pytest.raises(RefusedError, match=why):
        await credentials.given(yaml.safe_dump(config).encode())


async def test_a_ca_in_a_file_and_no_kubeconfig_at_all_are_refused() -> None:
    ca = "clusters: [{name: x, cluster: {certificate-authority: /x}}]\ncurrent-context: x"
    for text in (ca.encode(), b"", b"[", b"{}"):
        with pytest.raises(RefusedError, match="kubeconfig: "):
            await credentials.given(text)
