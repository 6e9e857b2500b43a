"""How git asks for a switchover, how its records may be written, and what happens in the middle."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rollout.model.switchover import Side
from tests import virtual
from tests.sim.beyond import Past
from tests.sim.measured import SOUND
from tests.sim.objects import ANN, APPROVAL
from tests.sim.requests import BAD, WORSE
from tests.sim.wire import Trap
from tests.sim.zones import HOSTS, QUICK, RATE, SERVERS, SLOW, TARGETS, WEIGHT, weights

if TYPE_CHECKING:
    from tests.sim.server import Json
    from tests.sim.switching import Switching

TTL = 10
BAKE = 15.0
"""Seconds of every step."""
BELOW = 0.01
"""Blue's share of the requests below which it is let go."""
RECORDS = "shop"
_HOME = [{"name": RECORDS}]
_APART = [{"name": "blue", "cluster": "blue"}, {"name": "green", "cluster": "green"}]
_ASKS = {**APPROVAL, "approvers": [ANN, "kubernetes"]}


def record(side: str, weight: int, host: str = HOSTS[0], ttl: int = TTL, **more: Any) -> Json:
    """One record of a set."""
    return {
        "dnsName": host,
        "recordType": "A",
        "recordTTL": ttl,
        "targets": [TARGETS[Side(side)]] if side in ("blue", "green") else ["203.0.113.1"],
        "setIdentifier": side,
        "providerSpecific": [
            {"name": "aws/evaluate-target-health", "value": "true"},
            {"name": WEIGHT, "value": str(weight)},
        ],
        **more,
    }


def endpoint(name: str, *entries: Json) -> Json:
    """An object of external-dns, with what its author has beside."""
    beside = record("blue", 0, "api.example.com")
    meta = {"name": name, "namespace": "edge", "annotations": {"owner": "team-edge"}}
    return {"kind": "DNSEndpoint", "metadata": meta, "spec": {"endpoints": [beside, *entries]}}


def secret(side: str) -> Json:
    """How that cluster is reached."""
    told = base64.b64encode(f"the kubeconfig of {side}".encode()).decode()
    meta = {"name": side, "namespace": "edge"}
    return {"kind": "Secret", "metadata": meta, "data": {"kubeconfig": told}}


@dataclass(frozen=True)
class Shape:
    """``stuck``: the share of users who stay at blue until its gateway is restarted.
    ``abroad``: blue has an API server of its own. ``blocked``: it can never begin, as written.
    ``sets``: host and weight that blue has in the beginning. ``alias``: what DNS answers is not
    what the records say.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    stuck: float = 0.0
    abroad: bool = False
    apart: bool = False
    blocked: bool = False
    alias: bool = False
    sets: tuple[tuple[str, int], ...] = ((HOSTS[0], 100),)
    prepare: Callable[[Switching], object] = lambda _: None
    baked: float = BAKE
    below: float = BELOW
    tolerance: float = 0.05

    @property
    def careful(self) -> bool:
        """Whether a failure asks people, and goes home by their word alone."""
        return self.changes.get("onFailure") == "hold"

    def records(self) -> Iterator[Json]:
        if self.apart:
            for side, weight in (("blue", 100), ("green", 0)):
                yield endpoint(side, record(side, weight))
            return
        both = [record(s, w, host) for host, most in self.sets for s, w in _whole(most)]
        yield endpoint(RECORDS, *both)

    def spec(self) -> Json:
        """What git asks for; times are seconds here that would be minutes elsewhere."""
        abroad = {side: {"kubeconfig": {"name": side}} for side in ("blue", "green")}
        if not self.abroad:
            del abroad["blue"]
        answers = {side: {"answers": [f"{side}.example.net"]} for side in ("blue", "green")}
        sides = {
            side: {
                "setIdentifier": side,
                **abroad.get(side, {}),
                **(answers[side] if self.alias else {}),
            }
            for side in ("blue", "green")
        }
        return {
            "serve": "green",
            **sides,
            "dns": {
                "names": [host for host, _ in self.sets],
                "endpoints": _APART if self.apart else _HOME,
                "nameServers": list(SERVERS),
                **self.changes.get("dns", {}),
            },
            "probes": [{"url": f"https://{HOSTS[0]}/health"}],
            "steps": [{"weight": weight, "bake": f"{BAKE:g}s"} for weight in (10, 50)],
            "analysis": {"interval": "5s", "warmup": "5s"},
            "bake": "20s",
            "drain": {"below": f"{100 * BELOW:g}%", "within": "40s"},
            "progressDeadline": "2m",
            **{key: value for key, value in self.changes.items() if key != "dns"},
            "dataCanGoBack": "overrule" not in self.changes,
        }


def _whole(most: int) -> tuple[tuple[str, int], ...]:
    return ("blue", most), ("green", 0)


def _steps(*weights: int, **more: Any) -> list[Json]:
    rows = [{"weight": weight, "bake": f"{BAKE:g}s"} for weight in weights]
    return [*rows[:-1], {**rows[-1], **more}]


def _may_restart(switching: Switching) -> None:
    """The gateway is another namespace's, whose owner lets us restart it."""
    held = switching.gateway(Side.BLUE)
    assert held is not None
    notes = {"rollout.dev/may-restart": "edge/edge"}
    switching.sides[Side.BLUE].put({**held, "metadata": {**held["metadata"], "annotations": notes}})


def _annotated(switching: Switching) -> None:
    """The pods of blue's gateway have annotations of their own."""
    held = switching.gateway(Side.BLUE)
    assert held is not None
    template = held["spec"]["template"]
    pods = {**template, "metadata": {**template["metadata"], "annotations": {"x": "y"}}}
    switching.sides[Side.BLUE].put({**held, "spec": {**held["spec"], "template": pods}})


_DRAIN = {"below": f"{100 * BELOW:g}%", "within": "20s"}
SHAPES: Mapping[str, Shape] = {
    "plainly": Shape(),
    "apart": Shape(apart=True),
    "abroad": Shape(abroad=True),
    "people": Shape({"steps": _steps(10, approval=_ASKS), "notify": {"slack": "#releases"}}),
    "people in Slack": Shape(
        {"steps": _steps(10, approval=APPROVAL), "notify": {"slack": "#releases"}}
    ),
    "hold": Shape({"onFailure": "hold"}),
    "restarts": Shape(
        {"drain": {**_DRAIN, "restartGateway": True}}, stuck=0.03, prepare=_may_restart
    ),
    "may not restart": Shape({"drain": {**_DRAIN, "restartGateway": True}}, stuck=0.03),
    "restarts abroad": Shape(
        {"drain": {**_DRAIN, "restartGateway": True}}, stuck=0.03, abroad=True, prepare=_annotated
    ),
    "lingering": Shape(
        {"drain": _DRAIN, "dns": {"shareTolerance": "10%"}}, stuck=0.05, tolerance=0.1
    ),
    "names": Shape(sets=((HOSTS[0], 255), (HOSTS[1], 7))),
    "an old TTL": Shape({"dns": {"previousTtl": "40s"}}),
    "overruled": Shape({"overrule": [{"rule": "SW-008", "reason": "nothing is stored"}]}),
    "alias": Shape(alias=True),
    "a ramp": Shape({"steps": _steps(10, 30, 60)}),
    "at blue": Shape({"serve": "blue"}),
    "errors alone": Shape(
        {
            "analysis": {"interval": "5s", "metrics": [{"name": "errors"}]},
            "dns": {"nameServers": [SERVERS[0]]},
        }
    ),
    "a ramp for people": Shape(
        {"steps": _steps(10, 30, 60, approval=_ASKS), "notify": {"slack": "#releases"}}
    ),
}


def whole(switching: Switching) -> None:
    """Nothing that people made is missing any more."""
    world = switching.world
    for name, obj in switching.records().items():
        server = switching.places[name]
        held = server.get("DNSEndpoint", "edge", name)
        if held is None:
            server.put(obj)
            continue
        objs = [*switching.now().values()]
        entries = [_as_now(one, weights(objs, one["dnsName"])) for one in obj["spec"]["endpoints"]]
        if held["spec"]["endpoints"] != entries:
            _entries(switching, name, entries, "kubectl-edit")
    for side in Side:
        if world.server.get("Secret", "edge", side) is None:
            world.server.put(secret(side))


def _as_now(entry: Json, found: Mapping[Side, int]) -> Json:
    """A record as its author wrote it, with the weight that it has now."""
    side = Side(entry["setIdentifier"])
    mine = entry["dnsName"] in HOSTS and side in found and any(found.values())
    return _weighing(entry, found[side]) if mine else entry


Back = Callable[[], object]
Edit = Callable[["Switching"], Back]


def _nothing() -> None: ...


def _reads(past: Callable[[Switching], Past], value: float, after: float) -> Edit:
    """So it is for a while, and ``after`` that again."""

    def done(switching: Switching) -> Back:
        past(switching).now(value)
        return lambda: past(switching).now(after)

    return done


def _answers(side: Side, share: float) -> Edit:
    """So many of the requests at that side fail."""
    return _reads(lambda switching: switching.users.flows[side].bad, share, SOUND)


def _slow(side: Side) -> Edit:
    return _reads(lambda switching: switching.users.slow[side].bad, SLOW, QUICK)


def _shut(side: Side) -> Edit:
    """Its gateway answers nobody, though its pods say that they are ready."""
    return _reads(lambda switching: switching.users.open[side], 0.0, 1.0)


def _lull(rate: float) -> Edit:
    return _reads(lambda switching: switching.users.rate, rate, RATE)


def _pods(side: Side, ready: int) -> Edit:
    def done(switching: Switching) -> Back:
        switching.pods(side, ready)
        return lambda: switching.pods(side, 4)

    return done


def _quiet(side: Side) -> Edit:
    """Nobody collects what its gateway counts."""

    def done(switching: Switching) -> Back:
        switching.users.uncounted.add(side)
        return lambda: switching.users.uncounted.discard(side)

    return done


def _deaf(side: Side) -> Edit:
    """Its gateway takes longer to answer a probe than anybody waits."""

    def done(switching: Switching) -> Back:
        switching.doors.slow.add(side)
        switching.deaf_at = virtual.passed() + 1e4

        def back() -> None:
            switching.doors.slow.discard(side)
            switching.deaf_at = virtual.passed()

        return back

    return done


def _away(side: Side, what: str, value: float = 0.0) -> Edit:
    """Its API server does not answer, or not as it should; of one that is not home."""

    def done(switching: Switching) -> Back:
        verbs = ("get", "list", "create", "patch", "delete")
        trap = Trap(what, verbs, "", 1000, 1e9, value)
        switching.traps[side].append(trap)
        switching.away[side] = 1e9

        def back() -> None:
            switching.away.pop(side, None)
            if trap in switching.traps[side]:
                switching.traps[side].remove(trap)

        return back

    return done


def _stuck(switching: Switching) -> Back:
    switching.zone.stuck = True
    return switching.unstuck


def _behind(switching: Switching) -> Back:
    """A name server follows the zone no more."""
    switching.zone.behind.add(SERVERS[1])

    def back() -> None:
        switching.zone.behind.clear()
        switching.zone.mended()

    return back


def _silent(switching: Switching) -> Back:
    switching.zone.silent.add(SERVERS[0])
    return switching.zone.silent.clear


def _strange(switching: Switching) -> Back:
    switching.zone.strange = "203.0.113.9"

    def back() -> None:
        switching.zone.strange = ""

    return back


def _written(change: Callable[[list[Json]], list[Json]], by: str = "kubectl-edit") -> Edit:
    """Somebody writes the entries of every object; what it was is put back later."""

    def done(switching: Switching) -> Back:
        before = switching.now()
        for name, obj in before.items():
            _entries(switching, name, change(list(obj["spec"]["endpoints"])), by)

        def back() -> None:
            for name, obj in before.items():
                _entries(switching, name, obj["spec"]["endpoints"], by)

        return back

    return done


def _entries(switching: Switching, name: str, entries: list[Json], by: str) -> None:
    held = switching.now().get(name)
    if held is not None:
        stamp = virtual.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        managers = [{"manager": by, "operation": "Update", "time": stamp}]
        meta = {**held["metadata"], "managedFields": managers}
        spec = {**held["spec"], "endpoints": entries}
        switching.places[name].put({**held, "metadata": meta, "spec": spec})


def _weigh(blue: int, green: int) -> Edit:
    wanted = {"blue": blue, "green": green}
    return _written(_each(lambda one: _weighing(one, wanted[one["setIdentifier"]])))


def _weighing(entry: Json, weight: int) -> Json:
    others = [one for one in entry["providerSpecific"] if one["name"] != WEIGHT]
    weighed = {"name": WEIGHT, "value": str(weight)}
    return {**entry, "providerSpecific": [*others, weighed]}


def _each(change: Callable[[Json], Json]) -> Callable[[list[Json]], list[Json]]:
    return lambda entries: [change(one) if one["dnsName"] in HOSTS else one for one in entries]


def _only(one: Json, side: str, **changes: Any) -> Json:
    return {**one, **changes} if one["setIdentifier"] == side else one


def _without(side: str) -> Callable[[list[Json]], list[Json]]:
    def change(entries: list[Json]) -> list[Json]:
        mine = [one for one in entries if one["dnsName"] in HOSTS and one["setIdentifier"] == side]
        return [one for one in entries if one not in mine]

    return change


def _unweighted(one: Json) -> Json:
    return _only(one, "green", providerSpecific=[])


def _odd(one: Json) -> Json:
    odd = [{"name": WEIGHT, "value": "many"}]
    return _only(one, "green", providerSpecific=odd)


def _noted(switching: Switching) -> Back:
    """Somebody annotates the objects again and again: each has another version."""
    loop, ends = asyncio.get_running_loop(), [False]

    def again(turn: int) -> None:
        if ends[0] or switching.world.stopping:
            return
        for name, obj in switching.now().items():
            notes = {**(obj["metadata"].get("annotations") or {}), "seen": str(turn)}
            meta = {**obj["metadata"], "annotations": notes}
            switching.places[name].put({**obj, "metadata": meta})
        loop.call_later(0.7, again, turn + 1)

    again(0)
    return lambda: ends.__setitem__(0, True)


def _gone(switching: Switching) -> Back:
    """The objects are deleted, and made anew as they were; external-dns deletes nothing."""
    before = switching.now()
    for name in before:
        switching.places[name].remove("DNSEndpoint", "edge", name)

    def back() -> None:
        for name, obj in before.items():
            meta = {k: v for k, v in obj["metadata"].items() if k not in ("uid", "resourceVersion")}
            if name not in switching.now():
                switching.places[name].put({**obj, "metadata": meta})

    return back


def _secret(data: Mapping[str, str] | None) -> Edit:
    """Green's kubeconfig is gone, or is another one."""

    def done(switching: Switching) -> Back:
        server = switching.world.server
        if data is None:
            server.remove("Secret", "edge", "green")
        else:
            server.put({**secret("green"), "data": dict(data)})
        return lambda: server.put(secret("green"))

    return done


def _object(side: Side, kind: str, name: str, change: Callable[[Json], Json | None]) -> Edit:
    """Something of one cluster's is otherwise, or gone."""

    def done(switching: Switching) -> Back:
        server = switching.sides[side]
        space = "istio-system" if name.startswith("istio") else "edge"
        held = server.get(kind, space, name)
        if held is None:
            return _nothing
        new = change(held)
        if new is None:
            server.remove(kind, space, name)
        else:
            server.put(new)
        meta = {k: v for k, v in held["metadata"].items() if k not in ("uid", "resourceVersion")}
        return lambda: server.put({**held, "metadata": meta})

    return done


def _beside(side: Side, obj: Callable[[], Json]) -> Edit:
    """There is one more object in a cluster, for a while."""

    def done(switching: Switching) -> Back:
        made, server = obj(), switching.sides[side]
        server.put(made)
        meta = made["metadata"]
        return lambda: server.remove(made["kind"], meta["namespace"], meta["name"])

    return done


def _rival() -> Json:
    return endpoint("rival", record("blue", 1))


def _image(obj: Json) -> Json:
    spec = obj["spec"]
    box = {**spec["template"]["spec"]["containers"][0], "image": "shop:other"}
    pods = {**spec["template"], "spec": {"containers": [box]}}
    return {**obj, "spec": {**spec, "template": pods}}


def _spec(**changes: Any) -> Edit:
    def done(switching: Switching) -> Back:
        held = switching.object
        before = held["spec"] if held else {}
        switching.ask_for(**changes)
        was = {key: before.get(key) for key in changes}
        return lambda: switching.ask_for(**was)

    return done


def _names_others(switching: Switching) -> Back:
    """Git names other records, which are there."""
    switching.world.server.put(endpoint("other", record("blue", 100), record("green", 0)))
    held = switching.object
    dns = held["spec"]["dns"] if held else {}
    switching.ask_for(dns={**dns, "endpoints": [{"name": "other"}]})

    def back() -> None:
        switching.ask_for(dns=dns)
        switching.world.server.remove("DNSEndpoint", "edge", "other")

    return back


def _deleted(switching: Switching) -> Back:
    switching.world.server.remove("ClusterSwitchover", "edge", "edge")
    switching.laws.respecified()
    return _nothing


def _status(change: Callable[[dict[str, Any]], object]) -> Edit:
    """Somebody writes in the status."""

    def done(switching: Switching) -> Back:
        held = switching.object
        if held is not None and "status" in held:
            status = {**held["status"]}
            status["stage"] = {**status.get("stage", {})}
            status["attempt"] = {**status.get("attempt", {})}
            change(status)
            switching.laws.scribbled()
            switching.world.server.put({**held, "status": status})
        return _nothing

    return done


def _later_version(status: dict[str, Any]) -> None:
    status["later"] = {"word": "of a later version"}
    status["stage"]["later"] = 1


def _freed(switching: Switching) -> Back:
    """The last users leave blue."""
    switching.users.freed()
    return _nothing


EDITS: Mapping[str, Edit] = {
    "the last users leave blue": _freed,
    "green fails": _answers(Side.GREEN, BAD),
    "green is a little worse": _answers(Side.GREEN, WORSE),
    "blue fails": _answers(Side.BLUE, BAD),
    "green is slow": _slow(Side.GREEN),
    "blue is slow": _slow(Side.BLUE),
    "green is shut": _shut(Side.GREEN),
    "blue is shut": _shut(Side.BLUE),
    "green has no pods": _pods(Side.GREEN, 0),
    "blue has no pods": _pods(Side.BLUE, 0),
    "blue has one pod": _pods(Side.BLUE, 1),
    "blue has two pods": _pods(Side.BLUE, 2),
    "green is not counted": _quiet(Side.GREEN),
    "blue is not counted": _quiet(Side.BLUE),
    "green answers probes late": _deaf(Side.GREEN),
    "green's API is gone": _away(Side.GREEN, "lost before"),
    "green's API is slow": _away(Side.GREEN, "slow", 4.0),
    "green's API refuses": _away(Side.GREEN, "forbidden"),
    "blue's API is gone": _away(Side.BLUE, "lost before"),
    "external-dns is stuck": _stuck,
    "a name server is behind": _behind,
    "a name server is silent": _silent,
    "strangers are answered": _strange,
    "hardly anybody comes": _lull(0.5),
    "nobody comes": _lull(0.0),
    "the weights are edited": _weigh(30, 70),
    "the weights are put home": _weigh(100, 0),
    "the weights are all 0": _weigh(0, 0),
    "green's weight is raised a little": _weigh(89, 11),
    "the TTL is raised": _written(_each(lambda one: {**one, "recordTTL": 30})),
    "green has another TTL": _written(_each(lambda one: _only(one, "green", recordTTL=30))),
    "green has no record": _written(_without("green")),
    "blue has no record": _written(_without("blue")),
    "green has no weight": _written(_each(_unweighted)),
    "green's weight is no number": _written(_each(_odd)),
    "green's weight is too much": _weigh(100, 300),
    "a third record": _written(lambda entries: [*entries, record("red", 0)]),
    "blue's record twice": _written(lambda entries: [*entries, record("blue", 1)]),
    "the records are annotated": _noted,
    "the records are gone": _gone,
    "green's kubeconfig is gone": _secret(None),
    "green's kubeconfig is empty": _secret({}),
    "green's kubeconfig is no base64": _secret({"kubeconfig": "%"}),
    "green's kubeconfig is refused": _secret({"kubeconfig": "eA=="}),
    "green has no shop": _object(Side.GREEN, "Deployment", "shop-v1", lambda _: None),
    "green has another shop": _object(Side.GREEN, "Deployment", "shop-v1", _image),
    "green lets nobody in": _object(Side.GREEN, "Gateway", "shop", lambda _: None),
    "green has no gateway": _object(
        Side.GREEN, "Deployment", "istio-ingressgateway", lambda _: None
    ),
    "a rival writes the name": _beside(Side.BLUE, _rival),
    "git asks for blue": _spec(serve="blue"),
    "git asks for green": _spec(serve="green"),
    "other steps": _spec(steps=_steps(5, 80)),
    "no steps": _spec(steps=[]),
    "steps fall": _spec(steps=_steps(50, 10)),
    "other records": _names_others,
    "deleted": _deleted,
    "the status says nobody serves": _status(lambda s: s.pop("serving", None)),
    "the status has no step": _status(lambda s: s["attempt"].pop("step", None)),
    "the status has no times": _status(
        lambda s: [s["stage"].pop(key, None) for key in ("since", "askedAt", "writtenAt")]
    ),
    "the status has odd weights": _status(
        lambda s: s["stage"].update(split={"stable": 100, "canary": 0})
    ),
    "the status is gone": _status(lambda s: s.clear()),
    "the status cannot be read": _status(lambda s: s["stage"].update(name="Nowhere")),
    "a later version wrote": _status(_later_version),
}
"""What happens to a switchover's world by its name, and what ends it."""
