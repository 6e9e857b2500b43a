"""The demo of a switchover: green turns bad at a quarter and is left, then gets everyone."""

import asyncio
import base64
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from rollout.cli import output
from rollout.cli.cluster import connected
from rollout.cli.exits import Exit
from rollout.cli.lab import up
from rollout.cli.lab.liveness import alive
from rollout.cli.settings import Settings
from rollout.controller.keeping import asking
from rollout.edges.kube import Kube
from rollout.errors import OutsideError
from rollout.lab import sample
from rollout.lab.dns.externaldns import DNSENDPOINT
from rollout.lab.dns.visitors import Met, Visitors
from rollout.lab.kube.client import Kind, Object
from rollout.lab.programs.processes import Child
from rollout.lab.twin import ADDRESSES, GATEWAY, HOST, RECORDS, SYSTEM, Twin, records
from rollout.manifest import switchovers
from rollout.model.reasons import Verb
from rollout.model.spec import GROUP, VERSION
from rollout.model.switchover import Side, SwitchoverStatus, SwitchStage

NAME, SECRET_NAME = "edge", "green-cluster"
BAD_AT, ERROR_RATE = 25, 0.2
JOURNEY = 150.0  # seconds after which a journey has failed
TICK = 0.25
SWITCHOVER = Kind(GROUP, VERSION, "clusterswitchovers", switchovers.KIND)
SECRET = Kind("", "v1", "secrets", "Secret")


def manifest(name_servers: list[str], addresses: dict[str, str]) -> Object:
    """What git asks for; times are seconds here that would be minutes elsewhere."""
    gateway = {"namespace": SYSTEM, "workload": GATEWAY}
    step = {"bake": "3s", "timeBox": "20s"}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": switchovers.KIND,
        "metadata": {"name": NAME, "namespace": sample.NAMESPACE},
        "spec": {
            "serve": "green",
            "blue": {
                "setIdentifier": "blue",
                "gateway": gateway,
                "address": addresses["blue"],
            },
            "green": {
                "setIdentifier": "green",
                "gateway": gateway,
                "address": addresses["green"],
                "kubeconfig": {"name": SECRET_NAME},
            },
            "dns": {
                "names": [HOST],
                "endpoints": [{"name": RECORDS}],
                "nameServers": name_servers,
            },
            "probes": [{"url": f"http://{HOST}/"}],
            "steps": [{"weight": weight, **step} for weight in (10, BAD_AT, 50)],
            # Latency is not judged: a busy machine is slow on both sides, and that is no news.
            "analysis": {"interval": "1s", "warmup": "2s", "metrics": [{"name": "errors"}]},
            "bake": "10s",
            "drain": {"below": "1%"},
            "dataCanGoBack": True,
        },
    }


@dataclass(slots=True)
class SwitchDemo:
    """Everything that takes part; ``legs``: what was met, by attempt and the weight asked for."""

    twin: Twin
    child: Child
    visitors: Visitors
    kube: Kube
    legs: dict[tuple[int, str], Met] = field(default_factory=dict)
    said: str = ""
    faulty: bool = False

    def status(self) -> SwitchoverStatus:
        """What the controller remembers by now."""
        obj = self.kube.get(switchovers.KIND, sample.NAMESPACE, NAME)
        return switchovers.status(obj) if obj is not None else SwitchoverStatus()

    def look(self) -> SwitchoverStatus:
        """The status, with what visitors met since counted to it, and a new sentence printed."""
        alive(self.child)
        status = self.status()
        leg = self.legs.setdefault((status.attempt.number, str(status.stage.split)), Met())
        met = self.visitors.take()
        leg.requests += met.requests
        leg.failures += met.failures
        if status.because != self.said:
            self.said = status.because
            asked = status.stage.split.canary
            share = met.share(ADDRESSES["green"])
            print(f"green asked {asked:3}%, has {share:4.0%}  {status.because}", flush=True)
        return status


async def demo(rate: int) -> int:
    """Both journeys; OK only if both ended as they should."""
    output.say("starting two clusters, name servers, external-dns, Prometheus and controller …")
    async with Twin() as twin:
        await up.teach(twin.blue)
        child = await up.start_controller(twin.blue, prometheus=twin.prometheus.url)
        try:
            return int(await _play(twin, child, rate))
        finally:
            await child.stop()


async def prepared(twin: Twin) -> None:
    """Records, green's kubeconfig and the switchover itself are there."""
    kubeconfig = base64.b64encode(twin.green.kubeconfig.read_bytes()).decode()
    metadata = {"name": SECRET_NAME, "namespace": sample.NAMESPACE}
    await twin.blue.kube.create(DNSENDPOINT, records(twin.ttl))
    await twin.blue.kube.create(SECRET, {"metadata": metadata, "data": {"kubeconfig": kubeconfig}})


def gateways(twin: Twin) -> dict[str, str]:
    """Where each cluster's gateway is, host:port."""
    worlds = {"blue": twin.blue, "green": twin.green}
    return {side: world.gateway_url.removeprefix("http://") for side, world in worlds.items()}


async def _play(twin: Twin, child: Child, rate: int) -> Exit:
    await prepared(twin)
    given = Settings(kubeconfig=str(twin.blue.kubeconfig), namespace=sample.NAMESPACE)
    async with twin.visitors(rate) as visitors, connected(given) as kube:
        await _until(lambda: bool(twin.zone.records), 20)
        play = SwitchDemo(twin, child, visitors, kube)
        await _listed(kube)
        await asyncio.sleep(5)  # some requests on blue, to be compared with
        visitors.take()
        await twin.blue.kube.create(SWITCHOVER, manifest(twin.name_servers, gateways(twin)))
        bad = await _followed(play, _turning_bad)
        play.twin.green.set_faults(sample.NAMESPACE, "shop-v1")
        print(f"\ngreen is mended: rollout retry switchover/{NAME}", flush=True)
        await asking.ask(kube, sample.NAMESPACE, NAME, Verb.RETRY, kind=switchovers.KIND)
        good = await _followed(play, lambda _play, _status: None)
    return _summary(play, bad, good)


async def _listed(kube: Kube) -> None:
    """The switchovers are in the cache."""
    while True:
        try:
            kube.list(switchovers.KIND)
        except OutsideError:
            await asyncio.sleep(0.05)
        else:
            return


def _turning_bad(play: SwitchDemo, status: SwitchoverStatus) -> None:
    """With a quarter of the users sent to green, a fifth of its answers are errors."""
    at = status.stage.split.canary == BAD_AT
    if at and not play.faulty:
        play.faulty = True
        play.twin.green.set_faults(sample.NAMESPACE, "shop-v1", error_rate=ERROR_RATE)
        print(f"-- green's shop now fails {ERROR_RATE:.0%} of its requests --", flush=True)


Meddle = Callable[[SwitchDemo, SwitchoverStatus], None]


async def _followed(play: SwitchDemo, meddle: Meddle) -> SwitchoverStatus:
    """The status at the end of the attempt that begins now."""
    number = play.status().attempt.number
    end = asyncio.get_running_loop().time() + JOURNEY
    while asyncio.get_running_loop().time() < end:
        status = play.look()
        meddle(play, status)
        over = status.stage.name is SwitchStage.SERVING and status.attempt.number > number
        if over and (status.rejected is not None or status.serving is Side.GREEN):
            return status
        await asyncio.sleep(TICK)
    raise OutsideError(f"not at its end within {JOURNEY:g} s: {play.said}")


async def _until(done: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(TICK)


def _summary(play: SwitchDemo, bad: SwitchoverStatus, good: SwitchoverStatus) -> Exit:
    """The words at the end, and the outcome."""
    print()
    green = ADDRESSES["green"]
    for (attempt, split), met in play.legs.items():
        if met.requests:
            count, lost = met.requests.total(), met.failures.total()
            share = f"green had {met.share(green):6.1%}  {lost} failed"
            print(f"attempt {attempt}  {split:>7}  {count:6} requests  {share}")
    total = sum(met.requests.total() for met in play.legs.values())
    failed = sum(met.failures.total() for met in play.legs.values())
    blues = sum(met.failures[ADDRESSES["blue"]] for met in play.legs.values())
    print(f"{total} requests, {failed} failed: {failed - blues} of green, {blues} of blue")
    left = bad.rejected is not None and bad.serving is Side.BLUE
    moved = good.serving is Side.GREEN
    print(f"bad green: {'left, everyone on blue again' if left else 'NOT left'}")
    print(f"good green: {'serves everyone' if moved else 'does NOT serve everyone'}")
    sys.stdout.flush()
    return Exit.OK if left and moved else Exit.FAILED
