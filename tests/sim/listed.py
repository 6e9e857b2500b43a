"""Meshes as a cluster lists them, which are looked at before an upgrade of them may begin.

Nothing moves in them: the controller says what stands in the way, and a person asks for the plan.
Each has many things otherwise at once, near to others of its kind that are as they should be.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollout.manifest import objects
from rollout.messages import waves
from rollout.model.inventory import Unread
from rollout.upgrade import rules
from rollout.upgrade.inventory import Beside, inventory
from rollout.upgrade.rules.case import Case
from tests.istio.revisions import objects as istio
from tests.istio.revisions.objects import BUNDLE, ROOT, meta
from tests.upgrade.mesh import (
    NEW,
    OLD,
    SYSTEM,
    World,
    budget,
    deployment,
    healthy,
    named,
    pods,
    root,
    spaced,
)

Json = dict[str, Any]
Key = tuple[str, str, str]
Change = Callable[[World], object]
HELM = {"meta.helm.sh/release-name": "istio"}
REV = "istio.io/rev"
"""The label by which everything names a control plane."""
ENDING = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/held"]}
_FREEZES = [
    {"from": "2000-01-01T00:00:00Z", "to": "2001-01-01T00:00:00Z", "reason": "that is over"},
    {"from": "2001-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "reason": "it is looked at"},
]
"""So that no upgrade of such a mesh begins."""
_PLAIN = b64encode(b"root").decode()
"""A root of trust that is no certificate, and so has no end."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One mesh, and what git asks for.

    ``changes``: what is otherwise in it than in a mesh that is well. ``spec``: of the upgrade.
    ``certified``: its roots are real certificates, which have ended long ago but for ``now``.
    ``told``: what istiods say of their proxies, whatever pods there are; None: nobody can be asked.
    The rest is what a person's command is told beside the objects.
    """

    changes: tuple[Change, ...] = ()
    spec: Mapping[str, Any] = field(default_factory=dict)
    certified: bool = False
    told: tuple[tuple[str, list[Json]], ...] | None = ()
    kubernetes: str = "1.33"
    denied: tuple[str, ...] | None = ()
    unread: tuple[Unread, ...] = ()
    metrics: bool | None = None
    now: datetime | None = None

    @property
    def objects(self) -> dict[Key, Json]:
        """All of it, by kind, namespace and name."""
        world = healthy()
        for change in self.changes:
            change(world)
        found = (each | {"kind": kind} for kind, objs in world.items() for each in objs)
        text = json.dumps([*found])
        if not self.certified:
            text = text.replace(BUNDLE, _PLAIN).replace(json.dumps(ROOT)[1:-1], "root")
        return {_key(each): each for each in map(_elsewhere, json.loads(text))}

    @property
    def asked(self) -> dict[str, Any]:
        """What git asks for, as ``tests.upgrade.play.manifest`` takes it."""
        nothing = {"canary": None, "gateways": None, "bake": "1h", "freezes": _FREEZES}
        every = [{"name": "all", "oneAtATime": True}]
        return {**nothing, "waves": every, "default": {}, **self.spec}

    def plan(self, held: Mapping[str, Iterable[Any]], asked: Any, now: datetime) -> Iterator[str]:
        """What a person is shown of the plan, and of what stands in its way."""
        beside = Beside(self.kubernetes, self.told, self.denied, "mesh", unread=self.unread)
        lacks = {each.what for each in self.unread}
        mesh = inventory({k: v for k, v in held.items() if k not in lacks}, SYSTEM, beside)
        spec = objects.spec_of("ControlPlaneUpgrade", asked)
        case = Case.of("mesh", spec, mesh, self.now or now, self.metrics)
        found = rules.findings(case)
        yield from (line for line, _ in waves.lines(case.plan, found) if line)
        yield from (f"({each})" for each in found if each.severity.value == "info")


def _elsewhere(obj: Json) -> Json:
    """Namespace ``shop`` is that of the rollouts of the simulated world."""
    text = json.dumps(obj)
    for old, new in (('"namespace": "shop"', '"namespace": "store"'), (".shop.svc", ".store.svc")):
        text = text.replace(old, new)
    made: Json = json.loads(text)
    if made["kind"] == "Namespace" and made["metadata"]["name"] == "shop":
        made["metadata"]["name"] = "store"
    return made


def _key(obj: Json) -> Key:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


# What is otherwise


def more(kind: str, *objs: Json) -> Change:
    return lambda world: world.setdefault(kind, []).extend(objs)


def an_app(space: str, name: str, revision: str = OLD, **more: Any) -> Change:
    """A Deployment with its pods; ``revision`` empty: of its pods none has a proxy."""

    def change(world: World) -> None:
        made = deployment(name, space, **more)
        world["Deployment"].append(made)
        world["Pod"] += pods(name, space, revision, made["spec"]["replicas"])

    return change


def a_revision_named(name: str, image: str) -> Change:
    """The old control plane is called so, and nothing else says which version it is."""

    def change(world: World) -> None:
        text = json.dumps(world).replace(OLD, name).replace("pilot:1.29.6", f"pilot:{image}")
        world.update(json.loads(text))

    return change


def besides(*worlds: World) -> Change:
    def change(world: World) -> None:
        for each in worlds:
            for kind, objs in each.items():
                world[kind].extend(objs)

    return change


def less(kind: str, *names: str) -> Change:
    def change(world: World) -> None:
        world[kind] = [each for each in world[kind] if each["metadata"]["name"] not in names]

    return change


def edit(kind: str, name: str, change: Callable[[Json], object]) -> Change:
    return lambda world: change(named(world[kind], name))


def a_space(name: str, **labels: str) -> Change:
    def change(world: World) -> None:
        world["Namespace"].append(
            spaced(name, {k.replace("__", "/"): v for k, v in labels.items()})
        )
        world["ConfigMap"].append(root(name))

    return change


def a_space_at(name: str, revision: str) -> Change:
    """A namespace that names a revision or a tag."""
    return a_space(name, **{REV: revision})


def marked(kind: str, name: str, **parts: Json) -> Change:
    """Its labels or annotations have these besides."""

    def change(obj: Json) -> None:
        for part, marks in parts.items():
            obj["metadata"][part] = {**(obj["metadata"].get(part) or {}), **marks}

    return edit(kind, name, change)


def _spec(kind: str, name: str, **spec: Any) -> Change:
    return edit(kind, name, lambda obj: obj["spec"].update(spec))


def a_pod(name: str, change: Callable[[Json], object]) -> Change:
    return edit("Pod", name, change)


def noted(name: str, key: str, value: str) -> Change:
    return a_pod(name, lambda o: o["metadata"]["annotations"].update({key: value}))


def with_image(name: str, image: str) -> Change:
    return a_pod(name, lambda o: o["spec"]["containers"][1].update(image=image))


def an_old_istiod(**more: Any) -> Change:
    """The old revision's control plane is of an Istio whose pods have no native proxies yet."""

    def change(obj: Json) -> None:
        pod = obj["spec"]["template"]["spec"]
        pod["containers"][0].update(image="istio/pilot:1.26.8", **more)

    return edit("Deployment", f"istiod-{OLD}", change)


def mesh_config(revision: str, text: str) -> Change:
    return edit("ConfigMap", f"istio-{revision}", lambda o: o["data"].update(mesh=text))


def with_values(revision: str, **more: Any) -> Change:
    version = revision.replace("-", ".")

    def change(world: World) -> None:
        name = f"istio-sidecar-injector-{revision}"
        kept = [each for each in world["ConfigMap"] if each["metadata"]["name"] != name]
        world["ConfigMap"] = [*kept, istio.injector_config(version, revision, **more)]

    return change


def bundled_with(kind: str, name: str, text: str) -> Change:
    def change(obj: Json) -> None:
        for hook in obj["webhooks"]:
            hook["clientConfig"]["caBundle"] = text

    return edit(kind, name, change)


def moved_already(kind: str, name: str) -> Change:
    return marked(kind, name, labels={REV: NEW})


def pages_of(*clients: Json, at: str = OLD) -> tuple[tuple[str, list[Json]], ...]:
    return ((at, [*clients]),)


def a_gateway(name: str = "edge", space: str = "ingress", **more: Any) -> Change:
    """An injected gateway with what belongs to it; without ``service`` nothing sends to it."""
    labels = {"istio": name, **({REV: more.get("tag", OLD)} if more.get("tag", OLD) else {})}
    notes = {"inject.istio.io/templates": more.get("templates", "gateway")}
    made = deployment(name, space, more.get("replicas", 2), labels=labels, annotations=notes)
    made["metadata"] |= more.get("meta", {})
    made["spec"]["template"]["spec"] |= more.get("pod", {})

    def change(world: World) -> None:
        if not any(each["metadata"]["name"] == space for each in world["Namespace"]):
            world["Namespace"].append(spaced(space, more.get("labels", {})))
            world["ConfigMap"].append(root(space))
        world["Deployment"].append(made)
        world["Pod"] += pods(name, space, OLD, istio=name)
        if "service" in more:
            spec = {"selector": {"istio": name}, **more["service"]}
            service = {"kind": "Service", "metadata": meta(name, space), "spec": spec}
            world["Service"].append(service)
        if "hpa" in more:
            target = {"kind": "Deployment", "name": name, **more.get("target", {})}
            spec = {"scaleTargetRef": target, **more["hpa"]}
            world["HorizontalPodAutoscaler"].append({"metadata": meta(name, space), "spec": spec})

    return change


def an_api_gateway(
    name: str, space: str, of: str = "istio", labels: Json | None = None, **more: Any
) -> Change:
    """A Gateway of the Gateway API, with the Deployment that istiod has made for it."""

    def change(world: World) -> None:
        mark = {"gateway.networking.k8s.io/gateway-name": name}
        made = deployment(f"{name}-{of}", space, more.get("replicas", 2), labels=mark)
        made["metadata"]["labels"] = mark
        made["spec"]["template"]["spec"] |= more.get("pod", {})
        spec: Json = {"gatewayClassName": of}
        if "address" in more:
            spec["addresses"] = [{"type": "Hostname", "value": more["address"]}]
        about = {"metadata": meta(name, space, labels=labels or {}), "spec": spec}
        world["KubernetesGateway"].append(about)
        world["Deployment"].append(made)
        if more.get("guarded", True):
            world["PodDisruptionBudget"].append(budget(name, space, mark))

    return change


def istios(kind: str, *specs: Json, space: str = "plain") -> Change:
    made = [{"metadata": meta(f"{kind.lower()}{n}", space), "spec": s} for n, s in enumerate(specs)]
    return more(kind, *made)


def renamed(obj: Json, name: str, space: str = "shop", **more: Any) -> Json:
    """The object by another name."""
    about = {**obj["metadata"], **meta(name, space), **more}
    return {**obj, "metadata": about}


def a_set(kind: str, name: str, **spec: Any) -> Change:
    """A StatefulSet or DaemonSet of namespace cart, with its pods."""
    made = deployment(name, "cart", more=spec) | {"kind": kind}
    made["status"] |= {"desiredNumberScheduled": 2, "numberReady": 2}

    def change(world: World) -> None:
        world[kind].append(made)
        for each in pods(name, "cart", OLD):
            owner = {"kind": kind, "name": name, "controller": True}
            each["metadata"]["ownerReferences"] = [owner]
            world["Pod"].append(each)

    return change


def owned_by(name: str, kind: str, by: str, space: str = "cart", **spec: Any) -> Json:
    """A pod that something of ``kind`` has made; an empty ``by``: nobody has."""
    made = istio.injected(name, space)
    owner = {"kind": kind, "name": by, "controller": True}
    made["metadata"]["ownerReferences"] = [owner] if by else []
    made["spec"] |= spec
    return made


def over(obj: Json, phase: str = "Succeeded") -> Json:
    return {**obj, "status": {**obj["status"], "phase": phase}}


def a_port(number: int, host: str = "shop.example", tls: Json | None = None, **more: Any) -> Json:
    server = {"port": {"number": number, "protocol": "HTTPS"}, "hosts": [host], **more}
    return {**server, "tls": tls} if tls is not None else server


def doors(*named_servers: tuple[str, str, Json]) -> Change:
    """Istio's Gateways, each of the pods of one gateway, with one server."""
    made = [
        {
            "metadata": meta(name, "ingress"),
            "spec": {"selector": {"istio": pods_of} if pods_of else {}, "servers": [server]},
        }
        for name, pods_of, server in named_servers
    ]
    return more("Gateway", *made)


def routed(name: str, host: str, subset: str = "", **more: Any) -> Json:
    target = {"host": host, **({"subset": subset} if subset else {})}
    route = {more.pop("kind", "http"): [{"route": [{"destination": target}]}]}
    return {"metadata": meta(name, "shop"), "spec": {**route, **more}}


def a_service(name: str, space: str = "shop", **spec: Any) -> Json:
    return {"kind": "Service", "metadata": meta(name, space), "spec": spec}
