"""What is done in scenes alone, at moments that are known: no seed draws it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rollout.controller.seeing.pods import HPA
from rollout.errors import RefusedError
from rollout.model.chat import Press
from tests.controller.shop import NAMESPACE, obj
from tests.sim import edits, objects, shapes, switches, truth
from tests.sim.mesh import Upgrading
from tests.sim.objects import ANN
from tests.sim.plan import Mishap
from tests.sim.process import Process
from tests.sim.server import Json
from tests.sim.switching import Switching
from tests.sim.world import World

Do = Callable[[World, Mishap, Process | None], None]


DIVIDED: Mapping[str, tuple[Mapping[str, int], ...]] = {
    "nobody": (),
    "all but a few": ({"v1": 60, "v2": 40},),
    "two that git does not ask for": ({"v2": 50, "v3": 50},),
    "three": ({"v1": 40, "v2": 30, "v3": 30},),
    "two ways": ({"v1": 30, "v2": 70}, {"v1": 10, "v2": 90}),
    "the whole service": ({"": 100},),
    "its subset and the whole service": ({"v1": 100}, {"": 100}),
    "one without pods": ({"v1": 50, "v3": 50},),
    "the canary alone": ({"canary": 100},),
}
"""How a service that nobody manages yet is divided: of each route the subsets and their shares."""


def _divided(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody has divided the service otherwise, and mends it later."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        *others, main = held["spec"]["http"]
        routes = [
            {**main, "name": f"main{place or ''}", "route": _sides(name, shares),
             **({"match": [{"uri": {"prefix": "/beta"}}]} if place else {})}
            for place, shares in enumerate(DIVIDED[mishap.on])
        ]  # fmt: skip
        http = [*others, *reversed(routes)]
        _written(world, mishap, {**held, "spec": {**held["spec"], "http": http}})


def _sides(name: str, shares: Mapping[str, int]) -> list[Json]:
    return [
        {"destination": {"host": name} | ({"subset": one} if one else {}), "weight": weight}
        for one, weight in shares.items()
    ]


def _scribbled(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody takes a leaf of the status away."""
    name, _subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if held is not None and held.get("status"):
        status = json.loads(json.dumps(held["status"]))
        *path, last = mishap.on.split(".")
        place = status
        for key in path:
            place = place.get(key) or {}
        place.pop(last, None)
        world.server.put({**held, "status": status})
        world.laws.of(name).scribbled = True


def _spec(path: str, value: Callable[[World, str, Mishap], Any]) -> Do:
    """Git says something else at ``path``."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        name, _subject = world.subjects[mishap.who]
        ops = [{"op": "add", "path": path, "value": value(world, name, mishap)}]
        world.server.change("Rollout", NAMESPACE, name, ops)
        world.laws.respecified(name)

    return done


def _written(world: World, mishap: Mishap, made: Json) -> None:
    """An object is another one; for a while, where that has an end."""
    name, _subject = world.subjects[mishap.who]
    meta = made["metadata"]
    before = world.server.get(str(made["kind"]), NAMESPACE, meta["name"])
    world.server.put(made)
    world.laws.edited(name)
    if mishap.lasts and before is not None:
        world.later(mishap.lasts, _as_before, world, before)


def _as_before(world: World, before: Json) -> None:
    held = world.server.get(str(before["kind"]), NAMESPACE, before["metadata"]["name"])
    if held is not None:
        world.server.put({**held, "spec": before["spec"], "status": before.get("status")})
        world.laws.edited(str(before["metadata"]["name"]).partition("-")[0])


def _routes(change: Callable[[World, str, dict[str, Any], Mishap], Json]) -> Do:
    """Somebody edits each route to the service."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        name, _subject = world.subjects[mishap.who]
        held = world.server.get("VirtualService", NAMESPACE, name)
        if held is None:
            return
        routes = [
            change(world, name, {**route}, mishap) if _ours(route, name) else route
            for route in held["spec"]["http"]
        ]
        _written(world, mishap, {**held, "spec": {**held["spec"], "http": routes}})

    return done


def _ours(route: Json, name: str) -> bool:
    return any(dest["destination"]["host"] == name for dest in route.get("route") or ())


def _shared(_: World, name: str, route: dict[str, Any], mishap: Mishap) -> Json:
    first = route["route"][0]
    canary = {"destination": {"host": name, "subset": "canary"}, "weight": int(mishap.value)}
    return {**route, "route": [{**first, "weight": 100 - int(mishap.value)}, canary]}


def _odd(_: World, __: str, route: dict[str, Any], ___: Mishap) -> Json:
    return {**route, "retries": "often"}


def _even(_: World, __: str, route: dict[str, Any], ___: Mishap) -> Json:
    return {**route, "retries": {"attempts": 2}}


def _old_name(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody applies an old VirtualService, in which testers have a route of their own, too."""
    name, subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        spec = objects.mesh(name, subject, world.named(name, "v1"))[-1]["spec"]
        *others, main = spec["http"]
        match = [{"headers": {"x-tester": {"exact": "1"}}}]
        testers = {**main, "name": "testers", "match": match}
        beta = {**main, "name": "beta", "match": [{"uri": {"prefix": "/beta"}}]}
        sides = [{**main["route"][0], "weight": 50}] * 2
        http = [*others, testers, {**beta, "route": sides}, main]
        bare = {key: value for key, value in held["metadata"].items() if key != "annotations"}
        _written(world, mishap, {**held, "metadata": bare, "spec": {**spec, "http": http}})


def _ahead(world: World, mishap: Mishap, _: Process | None) -> None:
    """A write of a status that was lost with its cluster's backup: the objects know of it."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    key = f"rollout.dev/{name}.{NAMESPACE}"
    notes = ((held or {}).get("metadata") or {}).get("annotations") or {}
    if held is None or key not in notes:
        return
    note = json.loads(notes[key])
    note = json.dumps({**note, "epoch": note["epoch"] + 5})
    world.server.put({**held, "metadata": {**held["metadata"], "annotations": {key: note}}})
    world.laws.edited(name)


def _deployed(change: Callable[[Json, Mishap], Json]) -> Do:
    """Somebody, or a controller of Kubernetes, writes the Deployment of a revision."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        name, _subject = world.subjects[mishap.who]
        called = f"{name}-{world.named(name, mishap.on)}"
        held = world.server.get("Deployment", NAMESPACE, called)
        if held is not None:
            _written(world, mishap, change(held, mishap))
            world.pods.sync(name)

    return done


def _replacing(held: Json, _: Mishap) -> Json:
    seen = held["metadata"]["generation"]
    pods = held["spec"].get("replicas", 1)
    status = {"observedGeneration": seen, "replicas": pods, "updatedReplicas": pods - 1}
    return {**held, "status": status}


def _refusing(held: Json, _: Mishap) -> Json:
    why = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: '
    condition = {"type": "ReplicaFailure", "status": "True", "message": f"{why}pods=2"}
    return {**held, "status": {"conditions": [condition]}}


def _undeployed(world: World, mishap: Mishap, _: Process | None) -> None:
    name, subject = world.subjects[mishap.who]
    called = world.named(name, mishap.on)
    held = world.server.get("Deployment", NAMESPACE, f"{name}-{called}")
    if held is not None:
        world.server.remove("Deployment", NAMESPACE, f"{name}-{called}")
        world.laws.edited(name)
        if not subject.templated:
            made = objects.deployment(name, subject, mishap.on, world.plan.setup.pods)
            world.later(mishap.lasts or 1e6, _put_back, world, made)


def _put_back(world: World, made: Json) -> None:
    if world.server.get(str(made["kind"]), NAMESPACE, made["metadata"]["name"]) is None:
        world.server.put(made)


def _second_gone(world: World, mishap: Mishap, _: Process | None) -> None:
    """One of two VirtualServices, which the Rollout names, is away for a while."""
    name, subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, f"{name}-edge")
    if held is not None:
        world.server.remove("VirtualService", NAMESPACE, f"{name}-edge")
        back = objects.edge(name, subject)[0]
        world.later(mishap.lasts, _put_back, world, {**back, "spec": held["spec"]})


def _unknown(world: World, mishap: Mishap, _: Process | None) -> None:
    """No proxy is connected to the istiod that answers."""
    world.istiod.alone = True
    world.later(mishap.lasts, setattr, world.istiod, "alone", False)


def _pointed(world: World, mishap: Mishap, _: Process | None) -> None:
    """Another controller keeps pointing the autoscaler where it was on the first day."""
    name, _subject = world.subjects[mishap.who]
    for turn in range(8):
        world.later(turn * 2.0, _points, world, name)


def _points(world: World, name: str) -> None:
    ops = [{"op": "replace", "path": "/spec/scaleTargetRef/name", "value": f"{name}-v1"}]
    world.server.change(HPA, NAMESPACE, f"{name}-load", ops)
    world.laws.edited(name)


def _approved(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody who may sees the message, and presses a while later, whatever it says then."""
    if ticket := world.buttons(world.subjects[mishap.who][0]).get(Press.APPROVE):
        world.later(mishap.lasts, world.press, ANN, Press.APPROVE, ticket)


def _rejected(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody who may opens the form, and sends it a while later."""
    name, _subject = world.subjects[mishap.who]
    if ticket := world.buttons(name).get(Press.REJECT):
        world.laws.reasons.requested(name, "reject")
        world.later(mishap.lasts, world.refuse, ANN, ticket)


def _pressed(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody who may presses a button in Slack, or so many times."""
    name, _subject = world.subjects[mishap.who]
    press = Press(mishap.on)
    if ticket := world.buttons(name).get(press):
        world.laws.reasons.requested(name, mishap.on)
        world.later(mishap.lasts, world.press, ANN, press, ticket, mishap.times)


def _slack_refuses(world: World, mishap: Mishap, _: Process | None) -> None:
    """The channel is not one that we may write to, for a while."""
    world.chat.errors["*"] = RefusedError("slack: not_in_channel")
    world.later(mishap.lasts, world.chat.errors.clear)


def _left(world: World, mishap: Mishap, _: Process | None) -> None:
    """Nobody is in the group any more."""
    world.chat.groups[objects.GROUP] = set()


def _slack_slow(world: World, mishap: Mishap, _: Process | None) -> None:
    """It takes its time to say who somebody is."""
    world.chat.slow = mishap.value
    world.later(mishap.lasts, setattr, world.chat, "slow", 0.0)


def _astray(world: World, mishap: Mishap, _: Process | None) -> None:
    """A bug of ours goes where the tables forbid it; what takes requests away is done all the same.

    ``Healthy`` and the like: somebody else has written that phase into the status.
    """
    name, _subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if mishap.on in truth.ASTRAY:
        world.laws.of(name).scribbled = mishap.on in ("home", "back")
        world.astray = mishap.on
    elif held is not None:
        world.laws.of(name).scribbled = True
        world.server.put({**held, "status": {**held["status"], "phase": mishap.on}})


def _scaler_moved(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody points the autoscaler where it is to be, just before us."""
    name, _subject = world.subjects[mishap.who]
    target = f"{name}-{world.named(name, mishap.on)}"
    ops = [{"op": "replace", "path": "/spec/scaleTargetRef/name", "value": target}]
    world.server.change(HPA, NAMESPACE, f"{name}-load", ops)
    world.laws.edited(name)


def _gone_or_odd(kind: str) -> Do:
    """An object that others name is away for a while, as it was."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        held = world.server.get(kind, NAMESPACE, mishap.on)
        if held is not None:
            world.server.remove(kind, NAMESPACE, mishap.on)
            world.later(mishap.lasts, _put_back, world, held)

    return done


def _beside(world: World, mishap: Mishap, _: Process | None) -> None:
    """Those who share its gateway write other routes."""
    name, subject = world.subjects[mishap.who]
    world.server.put(*objects.edge(name, replace(subject, beside=mishap.on)))


def _bound(world: World, mishap: Mishap, _: Process | None) -> None:
    """The VirtualService is bound in another way for a while."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        bound = shapes.bound(mishap.on)
        _written(world, mishap, {**held, "spec": {**held["spec"], **bound}})


MEANS: Mapping[str, Callable[[str], Json]] = {
    "nobody": lambda _: {"version": "v0"},
    "everybody": lambda name: {"app": name},
    "v1": lambda _: {"version": "v1"},
}
"""What every subset of a rule may mean, by its labels."""


def _means(world: World, mishap: Mishap, _: Process | None) -> None:
    """Every subset of the rule means the same for a while; ``prod``: stable's has that name."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("DestinationRule", NAMESPACE, name)
    if held is not None:
        labels = MEANS[mishap.on](name)
        every = [{**one, "labels": labels} for one in held["spec"]["subsets"]]
        _written(world, mishap, {**held, "spec": {**held["spec"], "subsets": every}})


def _prod(world: World, mishap: Mishap, _: Process | None) -> None:
    """Its author calls stable's subset by a name of their own, alone or beside another's."""
    name, _subject = world.subjects[mishap.who]
    rule = world.server.get("DestinationRule", NAMESPACE, name)
    routes = world.server.get("VirtualService", NAMESPACE, name)
    if rule is not None and routes is not None:
        mine = [{"name": mishap.on or "prod", "labels": {"version": "v1"}}]
        beside = [{"name": "next", "labels": {"version": "v2"}}] if mishap.value else []
        world.server.put({**rule, "spec": {**rule["spec"], "subsets": [*mine, *beside]}})
        *others, main = routes["spec"]["http"]
        to = [{"destination": {"host": name, "subset": mine[0]["name"]}}]
        http = [*others, {**main, "route": to}]
        world.server.put({**routes, "spec": {**routes["spec"], "http": http}})
        world.laws.edited(name)
        world.laws.of(name).scribbled = True  # what it wrote is not as a plan of the world has it


def _said(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody writes another value into the status: ``path=value``."""
    name, _subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if held is not None and held.get("status"):
        status = json.loads(json.dumps(held["status"]))
        path, value = mishap.on.split("=", 1)
        *before, last = path.split(".")
        place = status
        for key in before:
            place = place.setdefault(key, {})
        place[last] = value
        world.laws.of(name).scribbled = True
        world.server.put({**held, "status": status})


def _bare_pod(world: World, mishap: Mishap, _: Process | None) -> None:
    """A pod that no revision's Deployment runs stands behind the Service for a while."""
    name, _subject = world.subjects[mishap.who]
    end = {"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": "bare"}}
    ends = obj("EndpointSlice", "bare", None, {"kubernetes.io/service-name": name})
    made = [_odd_pod(name, mishap.on), {**ends, "endpoints": [end]}]
    if mishap.on == "another Deployment":
        labels = {"app": name, "version": "v1"}
        template = {"metadata": {"labels": {**labels, "app": "legacy"}}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        made.append(obj("Deployment", "legacy", spec))
    if mishap.on == "a gone":
        made = made[1:]  # an endpoint is there still, and its pod is not
    world.server.put(*made)
    for one in made:
        where = str(one["kind"]), NAMESPACE, one["metadata"]["name"]
        world.later(mishap.lasts, world.server.remove, *where)


def _odd_pod(name: str, whose: str) -> Json:
    """``whose``: nobody's, Argo Rollouts', another Deployment's, or a revision's."""
    labels = {"app": name, "version": whose if whose in objects.REVISIONS else "v1"}
    if not whose:
        return obj("Pod", "bare", {}, labels)
    mark = "rollouts-pod-template-hash" if whose == "Argo" else "pod-template-hash"
    made = obj("Pod", "bare", {}, {**labels, mark: "h"})
    runs = f"{name}-{whose}" if whose in objects.REVISIONS else "legacy"
    owner = {"kind": "ReplicaSet", "name": f"{runs}-h", "controller": True}
    return {**made, "metadata": {**made["metadata"], "ownerReferences": [owner]}}


def _of_argos(world: World, mishap: Mishap, _: Process | None) -> None:
    """For a while the Service chooses pods of Argo Rollouts' ReplicaSets, or (``none``) none."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("Service", NAMESPACE, name)
    if held is not None:
        chosen = {**held["spec"]["selector"], "rollouts-pod-template-hash": "abc"}
        chosen = {} if mishap.on else chosen
        _written(world, mishap, {**held, "spec": {**held["spec"], "selector": chosen}})


def _specless(world: World, mishap: Mishap, _: Process | None) -> None:
    """For a while an object has no spec at all."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get(mishap.on, NAMESPACE, name)
    if held is not None:
        world.laws.edited(name)
        world.server.put({key: value for key, value in held.items() if key != "spec"})
        world.later(mishap.lasts, _spec_back, world, held)


def _spec_back(world: World, before: Json) -> None:
    """It is as we had left it, so nobody's edit stands any more."""
    _as_before(world, before)
    world.laws.evidence.of(before["metadata"]["name"]).most = None


def _odd_scaler(world: World, mishap: Mishap, _: Process | None) -> None:
    """What the autoscaler scales is no object for a while."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get(HPA, NAMESPACE, f"{name}-load")
    if held is not None:
        odd = {**held["spec"], "scaleTargetRef": "text"}
        world.server.put({**held, "spec": odd})
        world.later(mishap.lasts, world.server.put, held)


def _applied(world: World, mishap: Mishap, _: Process | None) -> None:
    """Its author's tool manages fields of the mesh's objects, too."""
    name, _subject = world.subjects[mishap.who]
    for kind in ("VirtualService", "DestinationRule"):
        held = world.server.get(kind, NAMESPACE, name)
        if held is not None:
            meta = held["metadata"]
            tool = mishap.on or "kubectl"
            theirs = {"manager": tool, "operation": "Apply", "fieldsV1": {"f:spec": {}}}
            every = [theirs, *(meta.get("managedFields") or ())]
            world.server.put({**held, "metadata": {**meta, "managedFields": every}})


def _second(world: World, mishap: Mishap, _: Process | None) -> None:
    """Another Rollout asks for the same service, and goes again later."""
    name, subject = world.subjects[mishap.who]
    made = objects.spec(name, subject, "v1")
    world.server.put({**made, "metadata": {"name": "shop-too", "namespace": NAMESPACE}})
    world.later(mishap.lasts, world.server.remove, "Rollout", NAMESPACE, "shop-too")


def _crowd(world: World, mishap: Mishap, _: Process | None) -> None:
    """Objects of all kinds beside, which are about nobody here, or that nobody can read."""
    for made in shapes.CROWD:
        world.server.put(made)


def _deployments(_: World, name: str, mishap: Mishap) -> str:
    return f"{name}{mishap.on}-{{revision}}"


def _mirrored(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody sends copies of others' requests to the canary, or (``no more``) none."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        first, *others = held["spec"]["http"]
        mirror = {"mirror": {"host": name, "subset": "canary"}}
        plain = {key: value for key, value in first.items() if key != "mirror"}
        http = [plain if mishap.on else {**plain, **mirror}, *others]
        _written(world, mishap, {**held, "spec": {**held["spec"], "http": http}})


def _rule_replaced(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody deletes the DestinationRule and makes it anew, as it was."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("DestinationRule", NAMESPACE, name)
    if held is not None:
        world.server.remove("DestinationRule", NAMESPACE, name)
        meta = {k: v for k, v in held["metadata"].items() if k not in ("uid", "resourceVersion")}
        world.server.put({**held, "metadata": meta})
        world.laws.edited(name)


def _named(world: World, name: str, mishap: Mishap) -> Json:
    """The VirtualService of the service, or some of its routes."""
    routes = {"routes": mishap.on.split(",")} if mishap.on else {}
    return {"virtualServices": [{"name": name, **routes}]}


def _marked_by_others(world: World, mishap: Mishap, _: Process | None) -> None:
    """Another rollout, or a GitOps tool, has left its mark on the VirtualService for a while."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        meta, mark = held["metadata"], MARKS_OF_OTHERS[mishap.on]
        notes = {**(meta.get("annotations") or {}), **mark}
        world.server.put({**held, "metadata": {**meta, "annotations": notes}})
        world.later(mishap.lasts, _unmarked, world, name, mark)


def _unmarked(world: World, name: str, mark: Mapping[str, str]) -> None:
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        meta = held["metadata"]
        notes = {k: v for k, v in (meta.get("annotations") or {}).items() if k not in mark}
        world.server.put({**held, "metadata": {**meta, "annotations": notes}})


_FULL = f"shop.{NAMESPACE}.svc.cluster.local"
MARKS_OF_OTHERS: Mapping[str, Mapping[str, str]] = {
    "same service": {"rollout.dev/rival.shop": json.dumps({"epoch": 1, "host": _FULL})},
    "same name": {"rollout.dev/shop.web": json.dumps({"epoch": 1, "host": "x"})},
    "neither": {"rollout.dev/rival.shop": json.dumps({"epoch": 1, "host": "x"})},
    "Argo CD": {"argocd.argoproj.io/tracking-id": "shop:networking.istio.io/VirtualService:shop"},
    "Helm": {"meta.helm.sh/release-name": "shop"},
}
"""By whose they are, what stands in the annotations."""


def _of_mesh(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody does something to the mesh, and it is put back after a while."""
    if world.upgrading is not None:
        back = edits.EDITS[mishap.on](world.upgrading)
        world.upgrading.looked_again()
        world.later(mishap.lasts or 1e6, _put_right, world.upgrading, back)


def _put_right(upgrading: Upgrading, back: Callable[[], object]) -> None:
    back()
    upgrading.looked_again()


def _of_clusters(world: World, mishap: Mishap, _: Process | None) -> None:
    """Something happens to a switchover, and ends after a while."""
    if world.switching is None:
        return
    laws, back = world.switching.laws, switches.EDITS[mishap.on](world.switching)
    laws.troubled()
    if mishap.lasts:
        laws.active += 1
        world.later(mishap.lasts, _ended, world.switching, back)


def _ended(switching: Switching, back: Callable[[], object]) -> None:
    back()
    switching.laws.active = max(0, switching.laws.active - 1)
    switching.laws.troubled()


def _switchover_asked(world: World, mishap: Mishap, _: Process | None) -> None:
    if world.switching is not None:
        world.switching.ask(mishap.on)


def _switchover_pressed(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody presses a button on its message: what, and who."""
    if world.switching is not None:
        world.switching.press(*mishap.on.split(" by "))


DO: Mapping[str, Do] = {
    "mesh": _of_mesh,
    "switch": _of_clusters,
    "switchover asked": _switchover_asked,
    "switchover pressed": _switchover_pressed,
    "marks of others": _marked_by_others,
    "pressed": _pressed,
    "slack refuses": _slack_refuses,
    "slack slow": _slack_slow,
    "left the group": _left,
    "a wrong turn of ours": _astray,
    "autoscaler moved": _scaler_moved,
    "secret gone": _gone_or_odd("Secret"),
    "others' objects": _crowd,
    "beside written": _beside,
    "a second Rollout": _second,
    "applied by a tool": _applied,
    "bound": _bound,
    "a bare pod": _bare_pod,
    "no spec": _specless,
    "subsets mean": _means,
    "a name of its own": _prod,
    "status said": _said,
    "service of Argo's": _of_argos,
    "autoscaler oddly written": _odd_scaler,
    "status scribbled": _scribbled,
    "divided": _divided,
    "other names": _spec("/spec/traffic", _named),
    "other deployments": _spec("/spec/workload/deployments", _deployments),
    "canary mirrored": _mirrored,
    "rule replaced": _rule_replaced,
    "deadline edited": _spec("/spec/progressDeadline", lambda _, __, m: m.on),
    "canary named": _routes(_shared),
    "oddly written": _routes(_odd),
    "evenly written": _routes(_even),
    "an old name written": _old_name,
    "objects are ahead": _ahead,
    "pods replaced": _deployed(_replacing),
    "pods refused": _deployed(_refusing),
    "deployment deleted": _undeployed,
    "second route gone": _second_gone,
    "no proxies": _unknown,
    "autoscaler pointed": _pointed,
    "approved late": _approved,
    "rejected late": _rejected,
}
