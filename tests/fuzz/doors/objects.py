"""Objects of the cluster: ours, Istio's and Kubernetes', as whoever may writes them."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from rollout.controller.seeing import concerns, mesh
from rollout.errors import RolloutError
from rollout.istio import destinationrule, traffic, virtualservice
from rollout.manifest import objects, record, shapes, sources
from rollout.messages.page import rows
from rollout.model.traffic import Cohort, Route, Split, StringMatch, Target
from rollout.upgrade import inventory
from rollout.workloads import build, configuration, deployment, hpa, trouble
from tests.controller import shop
from tests.fakes import FakeKube
from tests.fuzz import oracle
from tests.fuzz.bites import Bites, spoilt
from tests.fuzz.doors.manifests import FILES, objects_of

HOST = "shop.shop.svc.cluster.local"
TARGET = Target("shop", "shop", HOST, "v1", "v2")
WEIGHTS = Route(Split.giving_canary(25))
DRESSED = Route(
    Split.giving_canary(0),
    cohorts=(Cohort(headers={"x-tester": StringMatch(exact="1")}, path=StringMatch(regex="/a.*")),),
)
"""Two routes of a journey: weights alone, and one with a cohort of its own."""


def _vs(name: str, **spec: Any) -> dict[str, Any]:
    return {**shop.obj("VirtualService", name, {"hosts": ["shop"], **spec})}


TO_BOTH = [
    {"destination": {"host": "shop", "subset": "v1"}, "weight": 75},
    {"destination": {"host": HOST, "subset": "v2"}, "weight": 25},
]
MATCHES = [
    {"uri": {"prefix": "/a"}, "headers": {"cookie": {"regex": "^(.*?;)?(a=b)(;.*)?$"}}},
    {"uri": {"exact": "/ab"}, "withoutHeaders": {"x": {"exact": "1"}}, "gateways": ["mesh"]},
    {"uri": {"regex": "/a.*"}, "queryParams": {"q": {"exact": "1"}}, "sourceLabels": {"app": "x"}},
]
SAMPLES: tuple[Any, ...] = (
    _vs("shop", http=[{"name": "main", "match": MATCHES, "route": TO_BOTH}]),
    _vs("plain", http=[{"route": [{"destination": {"host": "shop"}}]}], gateways=["mesh", "edge"]),
    _vs("tls", tls=[{"match": [{"sniHosts": ["shop"], "port": 443}], "route": TO_BOTH}]),
    _vs("tcp", tcp=[{"route": TO_BOTH}]),
    _vs("root", http=[{"match": MATCHES[:1], "delegate": {"name": "shop", "namespace": "shop"}}]),
    *(obj for obj in shop.objects() if obj["kind"] != "VirtualService"),
    shop.obj("Gateway", "edge", {"servers": [{"port": {"number": 80}, "hosts": ["shop"]}]}),
    shop.obj("HorizontalPodAutoscaler", "shop", {"scaleTargetRef": {"kind": "Deployment"}}),
    *(one for one in objects_of(FILES) if one.get("kind") != "List"),
)


def read(data: bytes) -> None:
    """One cluster in which one object is odd, as a look reads it."""
    bites = Bites(data)
    sample = bites.pick(SAMPLES)
    route = bites.pick((WEIGHTS, DRESSED, None))
    odd = spoilt(sample, bites)
    odd = {**(odd if isinstance(odd, dict) else {}), "kind": sample["kind"]}
    meta = odd.get("metadata")
    odd["metadata"] = {**(meta if isinstance(meta, dict) else {}), **_identity(sample)}
    concerns.of(odd)
    match odd["kind"]:
        case "VirtualService" | "DestinationRule" | "Service" | "Gateway":
            _routed(odd, route)
        case "Rollout" | "RolloutSource" | "AnalysisTemplate":
            _driven(odd)
        case "Deployment":
            _worked(shapes.mended(odd))
        case "HorizontalPodAutoscaler":
            _scaled(shapes.mended(odd))
        case _:
            inventory.inventory({odd["kind"]: [odd]})


def _identity(sample: Any) -> dict[str, str]:
    """What the API server itself guarantees of every object."""
    meta = sample["metadata"]
    return {"name": meta["name"], "namespace": meta.get("namespace", shop.NAMESPACE)}


def _routed(odd: Any, route: Route | None) -> None:
    kube = FakeKube()
    kube.put(*shop.objects(), odd)
    oracle.sentences(mesh.oddities(kube, TARGET))
    services, rules = mesh.virtual_services(kube, TARGET), mesh.destination_rules(kube, TARGET)
    beside = mesh.beside(kube, TARGET, route)
    seen = traffic.seen(services, rules, TARGET, route, beside)
    oracle.sentences((*seen.differences, *seen.problems, *seen.refused, *seen.strays, *seen.gone))
    for obj in virtualservice.discover(services, TARGET):
        with _told():
            if route is None:
                virtualservice.release(obj, TARGET, 1)
            else:
                virtualservice.patch(obj, TARGET, route, 1, beside)
    for rule in destinationrule.governing(rules, TARGET):
        with _told():
            destinationrule.point(rule, TARGET, "canary", {"version": "v2"}, 1)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """A no of ours is one sentence."""
    try:
        yield
    except RolloutError as error:
        oracle.refused(error)


def _driven(odd: Any) -> None:
    objects.heard(odd)
    objects.driven(odd)
    objects.names_a_channel(odd)
    objects.names_a_listener(odd)
    record.is_idle(odd)
    sources.status(odd)
    readers: dict[str, Callable[[Any], object]] = {
        "Rollout": objects.rollout,
        "RolloutSource": sources.source,
        "AnalysisTemplate": objects.template,
    }
    for reading in (readers[odd["kind"]], record.status):
        with _told():
            reading(odd)
    rows.unread(odd["kind"], odd["metadata"], "cannot be read")


def _worked(sound: Any) -> None:
    """A Deployment and the pods of its template; ``sound``: as ``shapes`` mends it."""
    build.of(sound)
    build.image(sound)
    deployment.replicas(sound)
    deployment.labels(sound)
    configuration.named(sound["spec"]["template"])
    pod = {**sound["spec"]["template"], "kind": "Pod"}
    pod["metadata"] = {**(pod.get("metadata") or {}), "name": "shop-1", "namespace": "shop"}
    deployment.runs(pod)
    oracle.sentences([trouble.words(sound, [pod])])


def _scaled(sound: Any) -> None:
    hpa.target(sound)
    hpa.least(sound)
    oracle.sentences([hpa.problem(sound)])
