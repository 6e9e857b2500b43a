"""What each kind of mishap does to a world: one row a kind."""

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from rollout.controller.seeing.pods import HPA
from rollout.errors import OutsideError
from rollout.model.chat import Press
from tests import virtual
from tests.controller.shop import NAMESPACE, obj
from tests.sim import objects, scribbling
from tests.sim.mesh import Upgrading
from tests.sim.objects import ANN, EVE
from tests.sim.plan import REQUESTS, Mishap
from tests.sim.process import Process
from tests.sim.requests import BAD, RATE, SLOW, WORSE, Counters
from tests.sim.server import event
from tests.sim.wire import Trap
from tests.sim.world import World
from tests.upgrade.cluster import NEW, OLD

Do = Callable[[World, Mishap, Process | None], None]
FOUND_WITHIN = 60.0
"""Seconds in which a watch that says nothing any more is given up (L5)."""
_WRITES = ("create", "patch", "delete")
_READS = ("get", "list", "watch")
_OF_WRITES = (
    "late after",
    "conflict",
    "denied",
    "lost before",
    "lost after",
    "reset after",
    "garbled after",
)


def _trap(world: World, mishap: Mishap, _: Process | None) -> None:
    verbs = _WRITES if mishap.do in _OF_WRITES else _WRITES + _READS
    until = virtual.passed() + mishap.lasts
    kind = "Rollout" if mishap.do == "unknown kind" and not mishap.on else mishap.on
    world.traps.append(Trap(mishap.do, verbs, kind, mishap.times, until, mishap.value))


def _watch(what: Callable[[World, Any, Mishap], None]) -> Do:
    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        for watching in list(world.server.watches):
            if mishap.on in ("", watching.kind):
                what(world, watching, mishap)

    return done


def _silent(world: World, watching: Any, mishap: Mishap) -> None:
    watching.silent_until = virtual.passed() + mishap.lasts
    watching.ends_at = max(watching.ends_at, watching.silent_until)
    asyncio.get_running_loop().call_later(FOUND_WITHIN, _found, world, watching)


def _found(world: World, watching: Any) -> None:
    """L5: a watch that says nothing is given up."""
    stopped = any(mishap.do == "pause" for mishap in world.plan.mishaps)
    living = any(p.name == watching.actor and p.alive for p in world.processes.values())
    silent = virtual.passed() < watching.silent_until
    if silent and living and watching in world.server.watches and not stopped:
        world.laws.broken("L5", f"{watching.actor} still waits for {watching.kind}, which is dead")


def _doubled(_: World, watching: Any, __: Mishap) -> None:
    watching.doubled = True


def _ends(last: bytes = b"") -> Do:
    return _watch(lambda _, watching, __: watching.end(last))


def _compaction(world: World, mishap: Mishap, process: Process | None) -> None:
    world.server.compact()
    _ends()(world, mishap, process)


def _lags(world: World, mishap: Mishap, _: Process | None) -> None:
    replica = world.server.replicas[0]
    before, replica.lag = replica.lag, max(replica.lag, mishap.value)

    def mended() -> None:
        replica.lag = before
        for watching in world.server.watches:
            watching.hear()

    world.later(mishap.lasts, mended)


def _elsewhere(world: World, mishap: Mishap, process: Process | None) -> None:
    """To another API server, which is behind: time travel."""
    if process is not None:
        process.wire.replica = 1 - process.wire.replica
        world.server.replicas[process.wire.replica].lag = mishap.value
        process.wire.stale_list = 3
        _ends(event("ERROR", {"kind": "Status", "code": 410}))(world, mishap, process)


def _stale(world: World, mishap: Mishap, process: Process | None) -> None:
    if process is not None:
        process.wire.stale_list = max(2, mishap.times)
        process.wire.at.lag = max(process.wire.at.lag, mishap.value)
        _ends(event("ERROR", {"kind": "Status", "code": 410}))(world, mishap, process)


def _ended(how: Callable[[Process], None]) -> Do:
    """The process ends, and the next one in its place begins after a while."""

    def done(world: World, mishap: Mishap, process: Process | None) -> None:
        for number, one in world.processes.items():
            if one is process:
                world.downtime[number] = mishap.value
                how(one)

    return done


def _pause(_: World, mishap: Mishap, process: Process | None) -> None:
    if process is not None:
        process.stopped_until = virtual.passed() + mishap.value


def _clock(world: World, mishap: Mishap, process: Process | None) -> None:
    if process is None:
        return
    process.skew = timedelta(seconds=mishap.value)
    world.skewed_at = math.inf
    world.later(mishap.lasts, _right, world, process)


def _right(world: World, process: Process) -> None:
    process.skew = timedelta(0)
    world.skewed_at = min(world.skewed_at, virtual.passed())


def _weights(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody divides the first managed route otherwise."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is None:
        return
    routes: list[dict[str, Any]] = [{**route} for route in held["spec"]["http"]]
    for route in routes:
        dests: list[dict[str, Any]] = route.get("route") or []
        if len(dests) == 2 and dests[0]["destination"]["host"] == name:
            weights = (100 - int(mishap.value), int(mishap.value))
            pairs = zip(dests, weights, strict=True)
            route["route"] = [{**dest, "weight": weight} for dest, weight in pairs]
            world.server.put({**held, "spec": {**held["spec"], "http": routes}})
            world.laws.edited(name)
            return


def _applied(world: World, mishap: Mishap, _: Process | None) -> None:
    """A GitOps tool writes what git says over what is there."""
    name, subject = world.subjects[mishap.who]
    for made in objects.mesh(name, subject):
        held = world.server.get(str(made["kind"]), NAMESPACE, name)
        if held is not None:
            world.server.put({**held, "spec": made["spec"]})
    world.laws.edited(name)


def _gone(kind: str) -> Do:
    """Deleted, and made anew after a while; with a value, by the words of its first day."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        name, subject = world.subjects[mishap.who]
        stable = world.named(name, "v1") if mishap.value else _stable(world, name)
        made = next(
            (m for m in objects.mesh(name, subject, stable) if m["kind"] == kind),
            obj(kind, name, {"selector": {"app": name}}),
        )
        world.server.remove(kind, NAMESPACE, name)
        world.laws.edited(name)
        world.later(max(mishap.lasts, 0.5), _back, world, made)

    return done


def _back(world: World, made: Any) -> None:
    if world.server.get(str(made["kind"]), NAMESPACE, made["metadata"]["name"]) is None:
        world.server.put(made)
        world.laws.edited(made["metadata"]["name"])


def _subset(world: World, mishap: Mishap, _: Process | None) -> None:
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("DestinationRule", NAMESPACE, name)
    if held is not None and held["spec"].get("subsets"):
        left = [s for s in held["spec"]["subsets"] if s["name"] != "canary"]
        world.server.put({**held, "spec": {**held["spec"], "subsets": left}})
        world.laws.edited(name)


def _touched(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody labels the Rollout: another version of the same thing."""
    name, _subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if held is not None:
        labels = {"seen": f"at-{virtual.passed():.0f}"}
        world.server.put({**held, "metadata": {**held["metadata"], "labels": labels}})


def _scaled(world: World, mishap: Mishap, _: Process | None) -> None:
    """Not behind a bare host that nobody manages: whoever adopts that is asked who is stable."""
    name, subject = world.subjects[mishap.who]
    if subject.author != "host" or world.rollout(name) is not None:
        world.scale(name, world.named(name, mishap.on), int(mishap.value))


def _rebuilt(world: World, mishap: Mishap, _: Process | None) -> None:
    """Another image under the same name."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("Deployment", NAMESPACE, f"{name}-{world.named(name, mishap.on)}")
    if held is None:
        return
    template = held["spec"]["template"]
    image = {"containers": [{"name": "app", "image": f"app:{virtual.passed():.0f}"}]}
    spec = {**held["spec"], "template": {**template, "spec": image}}
    world.server.put({**held, "spec": spec})
    world.laws.rebuilt(name)


def _counted(change: Callable[[Counters, str, Mishap], None]) -> Do:
    """What is counted is otherwise for a while, where requests are."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        name, _subject = world.subjects[mishap.who]
        if world.counters is not None:
            change(world.counters, name, mishap)
            world.later(max(mishap.lasts, 20.0), world.counters.sound, name)

    return done


def _limited(world: World, mishap: Mishap) -> None:
    """Its limit reads too much for a while."""
    reads = world.numbers.of(world.subjects[mishap.who][0])
    reads.now(5.0)
    world.later(max(mishap.lasts, 20.0), reads.now, 0.0)


_fails = _counted(lambda counters, name, how: counters.answers(name, how.value or BAD))
_slows = _counted(lambda counters, name, how: counters.slows(name, how.value))


def _bad(world: World, mishap: Mishap, process: Process | None) -> None:
    _limited(world, mishap)
    _fails(world, mishap, process)


def _slower(world: World, mishap: Mishap, process: Process | None) -> None:
    """Every revision but stable takes so many times as long."""
    _slows(world, mishap, process)
    if world.subjects[mishap.who][1].judged in objects.TIMED and mishap.value >= SLOW:
        _limited(world, mishap)


def _lull(world: World, mishap: Mishap, _: Process | None) -> None:
    """Hardly anybody comes."""
    name, _subject = world.subjects[mishap.who]
    if world.counters is not None:
        world.counters.lull(name, mishap.value)
        world.later(max(mishap.lasts, 20.0), world.counters.lull, name, RATE)


def _anew(*, renamed: bool) -> Do:
    """The counters of a revision begin anew, since its pods do, or others take their places."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        if world.counters is not None:
            world.counters.of(world, mishap).anew(virtual.passed(), renamed=renamed)

    return done


def _scrapes(what: str) -> Do:
    """For a while something is wrong with what is told of a revision's pods."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        if world.counters is not None:
            past = getattr(world.counters.of(world, mishap), what)
            past.now(1.0)
            world.later(mishap.lasts, past.now, 0.0)

    return done


def _outdated(world: World, mishap: Mishap, _: Process | None) -> None:
    """What answers is another Prometheus, which is some seconds behind."""
    name, _subject = world.subjects[mishap.who]
    if world.counters is not None:
        world.counters.behind[name].now(mishap.value)
        world.later(mishap.lasts, world.counters.behind[name].now, 0.0)


def _template_edited(world: World, mishap: Mishap, _: Process | None) -> None:
    """A setting of the Deployment that is no part of a release; git says otherwise later."""
    name, subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if not subject.templated or held is None:
        return
    path = f"/spec/workload/template/{mishap.on}"
    ops = [{"op": "add", "path": path, "value": int(mishap.value)}]
    world.server.change("Rollout", NAMESPACE, name, ops)


def _unconfigured(world: World, mishap: Mishap, _: Process | None) -> None:
    """What the template names is gone for a while."""
    name, subject = world.subjects[mishap.who]
    if subject.templated:
        world.server.remove(*objects.place(name))
        world.later(max(mishap.lasts, 0.5), _put_back, world, objects.config(name))


def _put_back(world: World, made: Any) -> None:
    if world.server.get(str(made["kind"]), NAMESPACE, made["metadata"]["name"]) is None:
        world.server.put(made)


def _prometheus(trouble: str) -> Do:
    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        world.numbers.says(trouble)
        world.later(mishap.lasts, world.numbers.says, "")

    return done


def _down(which: Callable[[World, str], str], times: int = 1) -> Do:
    """Pods of a revision are not ready for a while, ``times`` times."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        name, _subject = world.subjects[mishap.who]
        revision = which(world, name)
        for turn in range(times):
            world.later(turn * 10.0, _set_down, world, (name, revision), True)
            lasts = mishap.lasts if times == 1 else 5.0
            world.later(turn * 10.0 + lasts, _set_down, world, (name, revision), False)

    return done


def _set_down(world: World, pods: tuple[str, str], down: bool) -> None:
    (world.pods.down.add if down else world.pods.down.discard)(pods)
    world.pods.sync(pods[0])


def _asked(world: World, name: str) -> str:
    return world.asked[name]


def _stable(world: World, name: str) -> str:
    return world.stable(name)


def _late(world: World, mishap: Mishap, _: Process | None) -> None:
    world.pods.late = 4.0
    world.later(mishap.lasts, setattr, world.pods, "late", 0.0)


def _behind(world: World, mishap: Mishap, _: Process | None) -> None:
    world.istiod.behind = True
    world.later(mishap.lasts, setattr, world.istiod, "behind", False)


def _istiod_silent(world: World, mishap: Mishap, _: Process | None) -> None:
    """Nobody says what the proxies have; a value: and its pushes take so many seconds."""
    world.istiod.silent = True
    if mishap.value:
        usual, world.istiod.delay = world.istiod.delay, mishap.value
        world.later(mishap.lasts, setattr, world.istiod, "delay", usual)
    world.later(mishap.lasts, setattr, world.istiod, "silent", False)


def _moves(world: World, mishap: Mishap, _: Process | None) -> None:
    """An upgrade of the mesh moves the pods of the namespace, and says when it has."""
    world.moving = "upgrade/mesh"
    world.later(mishap.lasts, setattr, world, "moving", "")


def _push(world: World, mishap: Mishap, _: Process | None) -> None:
    world.push(mishap.who, mishap.on)


def _request(world: World, mishap: Mishap, _: Process | None) -> None:
    world.request(mishap.who, mishap.on)


def _delete(world: World, mishap: Mishap, _: Process | None) -> None:
    """The Rollout goes, and is written anew once it has gone.

    Not behind a bare host with people's own pods of all revisions: whoever adopts that anew is
    asked which of them is stable.
    """
    name, subject = world.subjects[mishap.who]
    if (subject.author, subject.workload) != ("host", "user"):
        world.server.remove("Rollout", NAMESPACE, name)


def _edited(world: World, mishap: Mishap, _: Process | None) -> None:
    """Another step in the middle of the journey."""
    name, _subject = world.subjects[mishap.who]
    steps = {"canary": {"steps": [{"weight": 10, "bake": "20s"}, {"weight": 40, "bake": "20s"}]}}
    ops = [{"op": "replace", "path": "/spec/strategy", "value": steps}]
    world.server.change("Rollout", NAMESPACE, name, ops)
    world.laws.respecified(name)


def _unreadable(world: World, mishap: Mishap, _: Process | None) -> None:
    name, _subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if held is None:
        return
    before, odd = held["spec"].get("strategy"), {"canary": {"steps": "none"}}
    if before == odd:
        return
    ops = [{"op": "replace", "path": "/spec/strategy", "value": odd}]
    world.server.change("Rollout", NAMESPACE, name, ops)
    back = [{"op": "replace", "path": "/spec/strategy", "value": before}]
    world.laws.respecified(name)
    world.later(mishap.lasts, world.server.change, "Rollout", NAMESPACE, name, back)
    world.later(mishap.lasts, world.laws.respecified, name)


def _slack_down(world: World, mishap: Mishap, _: Process | None) -> None:
    world.chat.errors["*"] = OutsideError("slack: no answer")
    world.later(mishap.lasts, world.chat.errors.clear)


def _unanswered(world: World, _: Mishap, __: Process | None) -> None:
    world.chat.unanswered.append(OutsideError("slack: no answer in 10 s"))


def _pressed(who: str, times: int = 1) -> Do:
    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        buttons = world.buttons(world.subjects[mishap.who][0])
        if ticket := buttons.get(Press.APPROVE):
            world.fired[f"met press of {who}"] += 1
            world.press(who, Press.APPROVE, ticket, times)

    return done


def _git_down(world: World, mishap: Mishap, _: Process | None) -> None:
    world.repo.down = True
    world.later(mishap.lasts, setattr, world.repo, "down", False)


def _pushed_back(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody resets the branch to its first commit, and pushes the newest again later.

    What others pushed meanwhile stays: another reset would be held, and a person asked about it.
    Whoever resets a branch that is reset already pushes nothing again: it may not follow the first.
    Nor does whoever resets one that has no other commit yet.
    """
    newest, first = world.repo.head, world.repo.line(world.repo.head)[-1]
    world.repo.reset(first)
    if world.is_pushed_back or newest == first:
        return
    world.is_pushed_back = True

    def again() -> None:
        world.is_pushed_back = False
        since = world.repo.head
        if newest not in world.repo.line(since):
            world.repo.reset(newest)
            if since != first:
                world.commit_files()

    world.later(max(mishap.lasts, 1.0), again)


def _broken(world: World, mishap: Mishap, _: Process | None) -> None:
    world.commit_files(broken=True)
    world.later(max(mishap.lasts, 1.0), world.commit_files)


def _all_gone(world: World, mishap: Mishap, _: Process | None) -> None:
    world.commit_files(empty=True)
    world.later(max(mishap.lasts, 1.0), world.commit_files)


def _abroad(world: World, mishap: Mishap, _: Process | None) -> None:
    """A file that wants to be in another team's namespace."""
    world.commit_files(abroad=True)
    world.later(max(mishap.lasts, 1.0), world.commit_files)


def _newer(world: World, mishap: Mishap, process: Process | None) -> None:
    """A later version ran for a moment, wrote what this one does not know, and was taken back."""
    _ended(lambda running: running.kill())(world, mishap, process)
    name, _subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if held is not None and held.get("status"):
        status = {**held["status"], "later": {"word": "of a later version"}}
        for part in ("stage", "attempt"):
            status[part] = {**(status.get(part) or {}), "later": ["of a later version"]}
        world.server.put({**held, "status": status}, actor="version n+1")


def _gate(trouble: str) -> Do:
    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        world.gates.trouble = trouble
        world.later(mishap.lasts, setattr, world.gates, "trouble", "")

    return done


def _load(world: World, mishap: Mishap, _: Process | None) -> None:
    """The autoscaler wants another number of pods of whatever it scales now; 0 pods are off."""
    for name, _subject in world.subjects:
        scaler = world.server.get(HPA, NAMESPACE, f"{name}-load")
        if scaler is None:
            continue
        spec = scaler["spec"]
        target = spec["scaleTargetRef"]["name"]
        held = world.server.get("Deployment", NAMESPACE, target)
        if held is not None and held["spec"].get("replicas", 1):
            wanted = min(spec["maxReplicas"], max(spec["minReplicas"], int(mishap.value)))
            ops = [{"op": "replace", "path": "/spec/replicas", "value": wanted}]
            world.server.change("Deployment", NAMESPACE, target, ops, "autoscaler")


def _points_elsewhere(world: World, mishap: Mishap, _: Process | None) -> None:
    """Git's name for what the autoscaler scales is put back: the first day's."""
    name, _subject = world.subjects[mishap.who]
    ops = [{"op": "replace", "path": "/spec/scaleTargetRef/name", "value": f"{name}-v1"}]
    world.server.change(HPA, NAMESPACE, f"{name}-load", ops)
    world.laws.edited(name)


def _unscaled(world: World, mishap: Mishap, _: Process | None) -> None:
    name, subject = world.subjects[mishap.who]
    if subject.workload == "scaled":
        made = objects.autoscaler(name, world.plan.setup.pods, world.stable(name))
        world.server.remove(HPA, NAMESPACE, f"{name}-load")
        world.later(max(mishap.lasts, 0.5), _scaled_again, world, made)


def _scaled_again(world: World, made: Any) -> None:
    if world.server.get(HPA, NAMESPACE, made["metadata"]["name"]) is None:
        world.server.put(made)


def _mesh(change: Callable[[World, Upgrading], Callable[[], object]]) -> Do:
    """Something of the mesh goes wrong, and is right again later."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        if world.upgrading is not None:
            back = change(world, world.upgrading)
            world.upgrading.looked_again()
            world.later(mishap.lasts, _mesh_back, world.upgrading, back)

    return done


def _mesh_back(upgrading: Upgrading, back: Callable[[], object]) -> None:
    back()
    upgrading.looked_again()


def _deaf(revision: str) -> Do:
    def change(_: World, upgrading: Upgrading) -> Callable[[], object]:
        upgrading.mesh.deaf.add(revision)
        return lambda: upgrading.mesh.deaf.discard(revision)

    return _mesh(change)


def _unready(_: World, upgrading: Upgrading) -> Callable[[], object]:
    upgrading.mesh.unready.add("shop1")
    return upgrading.mesh.heal


def _failing(_: World, upgrading: Upgrading) -> Callable[[], object]:
    upgrading.mesh.broken["shop1"] = virtual.clock()
    return upgrading.mesh.broken.clear


def _refusing(_: World, upgrading: Upgrading) -> Callable[[], object]:
    upgrading.mesh.refusing.add("shop1")
    return upgrading.mesh.refusing.clear


def _upgrade_asked(world: World, mishap: Mishap, _: Process | None) -> None:
    if world.upgrading is not None:
        world.upgrading.ask(mishap.on)


def _upgrade_deleted(world: World, mishap: Mishap, _: Process | None) -> None:
    world.server.remove("ControlPlaneUpgrade", "", "mesh")


def _full(world: World, mishap: Mishap, _: Process | None) -> None:
    world.log.full = True
    world.later(mishap.lasts, setattr, world.log, "full", False)


def _bug(world: World, mishap: Mishap, _: Process | None) -> None:
    world.buggy = True
    world.later(mishap.lasts, setattr, world, "buggy", False)


_GONE_TOO = event("ERROR", {"kind": "Status", "code": 410, "message": "too old"})
_ODD = event("ERROR", {"kind": "Status", "code": 500})
DO: Mapping[str, Do] = {
    **dict.fromkeys(REQUESTS, _trap),
    "watch cut": _ends(),
    "watch half a line": _ends(b'{"type":"MODIFIED","obj'),
    "watch silent": _watch(_silent),
    "watch gone": _ends(_GONE_TOO),
    "watch error": _ends(_ODD),
    "watch garbage": _ends(b'[1]\n"x"\n{"type":"MODIFIED"}\n'),
    "watch nameless": _ends(b'{"type":"ADDED","object":{"metadata":{}}}\n'),
    "watch doubled": _watch(_doubled),
    "compaction": _compaction,
    "replica lags": _lags,
    "other replica": _elsewhere,
    "stale lists": _stale,
    "kill": _ended(lambda process: process.kill()),
    "terminate": _ended(lambda process: process.stop.set()),
    "pause": _pause,
    "clock jumps": _clock,
    "weights edited": _weights,
    "mesh applied again": _applied,
    "virtualservice deleted": _gone("VirtualService"),
    "destinationrule deleted": _gone("DestinationRule"),
    "service deleted": _gone("Service"),
    "subset removed": _subset,
    "rollout touched": _touched,
    "deployment scaled": _scaled,
    "bad": _bad,
    "prometheus down": _prometheus("down"),
    "prometheus slow": _prometheus("slow"),
    "prometheus nan": _prometheus("nan"),
    "prometheus empty": _prometheus("empty"),
    "prometheus two series": _prometheus("two series"),
    "prometheus partial": _prometheus("partial"),
    "prometheus infinite": _prometheus("infinite"),
    "prometheus refuses": _prometheus("refuses"),
    "never ready": _down(_asked),
    "canary crashes": _down(_asked),
    "stable crashes": _down(_stable),
    "flapping": _down(_asked, 5),
    "endpoints late": _late,
    "rebuilt": _rebuilt,
    "proxies behind": _behind,
    "istiod silent": _istiod_silent,
    "namespace moves": _moves,
    "push": _push,
    "request": _request,
    "delete": _delete,
    "spec edited": _edited,
    "spec unreadable": _unreadable,
    "slack down": _slack_down,
    "slack unanswered": _unanswered,
    "approve": _pressed(ANN),
    "pressed twice": _pressed(ANN, 2),
    "press by a stranger": _pressed(EVE),
    "git down": _git_down,
    "pushed back": _pushed_back,
    "broken yaml": _broken,
    "all files gone": _all_gone,
    "audit log full": _full,
    "a bug of ours": _bug,
    "gate holds": _gate("holds"),
    "gate says failed": _gate("says failed"),
    "gate down": _gate("down"),
    "gate slow": _gate("slow"),
    "gate refuses": _gate("refuses"),
    "old istiod deaf": _deaf(OLD),
    "new istiod deaf": _deaf(NEW),
    "mesh pods unready": _mesh(_unready),
    "mesh requests fail": _mesh(_failing),
    "mesh proxies refuse": _mesh(_refusing),
    "upgrade asked": _upgrade_asked,
    "upgrade deleted": _upgrade_deleted,
    "load": _load,
    "autoscaler edited": _points_elsewhere,
    "autoscaler deleted": _unscaled,
    "lease taken": scribbling.taken,
    "lease scribbled": scribbling.scribbled,
    "mark scribbled": scribbling.marked,
    "mark gone": scribbling.marked,
    "rule written": scribbling.ruled,
    "made routes moved": scribbling.moved,
    "made routes put back": scribbling.put_back,
    "subset written": scribbling.pointed,
    "routes emptied": scribbling.emptied,
    "shape written": scribbling.shaped,
    "replaced by force": scribbling.replaced,
    "held by others": scribbling.held,
    "status written over": scribbling.status,
    "status of a former version": scribbling.former,
    "template gone": scribbling.template_gone,
    "measures written": scribbling.measured,
    "made routes gone": scribbling.routes(lambda made: []),
    "made routes edited": scribbling.routes(lambda made: [{**made, "timeout": "77s"}]),
    "made routes twice": scribbling.routes(lambda made: [made, {**made, "timeout": "77s"}]),
    "lull": _lull,
    "worse": _counted(lambda counters, name, _: counters.answers(name, WORSE)),
    "slow answers": _slower,
    "both fail": _counted(lambda counters, name, _: counters.trouble(name, BAD)),
    "no endpoint": _counted(lambda counters, name, how: counters.loses(name, how.value)),
    "counters anew": _anew(renamed=False),
    "counters of others": _anew(renamed=True),
    "uncounted": _scrapes("unseen"),
    "failures unread": _scrapes("unread"),
    "scrapes behind": _outdated,
    "template edited": _template_edited,
    "configuration deleted": _unconfigured,
    "wants another namespace": _abroad,
    "a later version": _newer,
}
