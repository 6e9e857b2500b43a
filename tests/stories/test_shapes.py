"""Routes and rules as people write them: each shape goes through a journey, or is refused in words.

What is not ours stays byte for byte at every look, and all of it is as it was at the end.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from rollout.istio import destinationrule
from rollout.model.spec import BlueGreen, Canary, RolloutSpec, Step, Stickiness, Strategy, Traffic
from rollout.model.status import Phase, Stage
from rollout.model.traffic import Cohort, StringMatch
from tests import make
from tests.istio.objects import TARGET, Json, samples, to, vs
from tests.played import Played, foreign

FULL = "shop.shop.svc.cluster.local"
V2 = {"version": "v2"}
STABLE = to(subset="stable")
HALF = make.canary_spec(5, 50)


def through(*steps: Step, **more: Any) -> RolloutSpec:
    canary = Canary(tuple(replace(step, bake=make.MINUTE) for step in steps))
    return make.spec(Strategy(canary=canary), **more)


def cohort(**marks: Any) -> RolloutSpec:
    """A cohort alone, then half of everybody beside copies for the canary."""
    return through(Step(weight=0, cohorts=(Cohort(**marks),)), Step(weight=50, mirror=0.1))


TESTERS = cohort(headers={"x-tester": StringMatch(exact="1")})
PATH = cohort(path=StringMatch(prefix="/api/v2"))
STICKY = make.canary_spec(5, 50, traffic=Traffic(stickiness=Stickiness("side")))
GREEN = make.spec(Strategy(blue_green=BlueGreen(preview_host="preview.shop.example")))


def deployment(version: str, app: str) -> Json:
    labels = {"app": app, "version": version}
    box = {"name": app, "image": version, "readinessProbe": {"httpGet": {"port": 80}}}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [box]}}
    spec = {"replicas": 4, "selector": {"matchLabels": labels}, "template": pods}
    meta = {"name": f"{app}-{version}", "namespace": "shop"}
    return {"kind": "Deployment", "metadata": meta, "spec": spec}


def service(app: str = "shop") -> Json:
    spec = {"selector": {"app": app}, "ports": [{"name": "http", "port": 80}]}
    return {"kind": "Service", "metadata": {"name": app, "namespace": "shop"}, "spec": spec}


def rule(name: str = "shop", namespace: str = "shop", host: str = "shop", **spec: Any) -> Json:
    meta = {"name": name, "namespace": namespace}
    return {"kind": "DestinationRule", "metadata": meta, "spec": {"host": host, **spec}}


def subsets(**labels: str) -> list[Json]:
    return [{"name": name, "labels": {"version": value}} for name, value in labels.items()]


BY_ROLE = rule(subsets=subsets(stable="v1"))
BY_VERSION = rule(subsets=subsets(v1="v1", v2="v2"))
JASON = {"headers": {"end-user": {"exact": "jason"}}}
JASONS = "^(.*?;)?(user=jason)(;.*)?$"
WEB = {"sourceLabels": {"app": "web"}, "gateways": ["mesh"]}
API = {"uri": {"regex": "/api/.*"}}
ROOT = vs(
    {"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "shop"}},
    {"route": [to("other")]},
    name="root",
    hosts=["shop.example"],
    gateways=["edge"],
)
POLICED = rule(
    trafficPolicy={"outlierDetection": {"consecutive5xxErrors": 3}},
    subsets=[
        {"name": "old", "labels": {"version": "v0"}},
        *subsets(stable="v1"),
        {"name": "gold", "labels": {"tier": "gold"}, "trafficPolicy": {"tls": {"mode": "DISABLE"}}},
    ],
)
POLICED["spec"]["subsets"][1]["trafficPolicy"] = {
    "loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}
}

EDGE = {
    "kind": "Gateway",
    "metadata": {"name": "edge", "namespace": "shop"},
    "spec": {"servers": [{"port": {"number": 80, "protocol": "HTTP"}, "hosts": ["*"]}]},
}
PUBLIC: dict[str, Any] = {"hosts": ["shop.example"], "gateways": ["edge"]}
PAGES = vs(
    {"match": [{"uri": {"prefix": "/pages"}}], "route": [to("other")]}, name="pages", **PUBLIC
)

SHAPES: dict[str, tuple[RolloutSpec, list[Json]]] = {
    "a host alone": (HALF, [vs({"route": [to()]})]),
    "a host alone with a weight": (HALF, [vs({"route": [to(weight=100)]})]),
    "the stable subset": (HALF, [BY_ROLE, vs({"route": [STABLE]})]),
    "a pair of shares of 1": (
        HALF,
        [BY_ROLE, vs({"route": [to(subset="stable", weight=1), to(subset="canary", weight=0)]})],
    ),
    "two rules, and the second has the subset": (
        HALF,
        [
            rule("a", trafficPolicy={"tls": {"mode": "ISTIO_MUTUAL"}}),
            BY_ROLE,
            vs({"route": [STABLE]}),
        ],
    ),
    "two rules with the same subset, of which the first counts": (
        HALF,
        [BY_ROLE, rule("z", subsets=subsets(stable="v9", other="v0")), vs({"route": [STABLE]})],
    ),
    "a foreign destination without weight": (
        HALF,
        [BY_ROLE, vs({"route": [to(subset="stable", weight=100), to("legacy")]})],
    ),
    "a mesh of clusters": (
        HALF,
        [
            BY_ROLE,
            vs({"route": [to("shop.shop.global", weight=20), to(subset="stable", weight=80)]}),
        ],
    ),
    "a catch-all beside another's path": (
        TESTERS,
        [BY_ROLE, EDGE, PAGES, vs({"route": [STABLE]}, **PUBLIC)],
    ),
    "a catch-all with a cookie beside another's path": (
        STICKY,
        [BY_ROLE, EDGE, PAGES, vs({"route": [STABLE]}, **PUBLIC)],
    ),
    "routes that go elsewhere": (
        TESTERS,
        [
            BY_ROLE,
            vs(
                {"match": [{"uri": {"exact": "/old"}}], "redirect": {"uri": "/new"}},
                {"match": [{"uri": {"exact": "/ping"}}], "directResponse": {"status": 200}},
                {"match": [{"uri": {"prefix": "/x"}}], "route": [to("api.example.com")]},
                {
                    "name": "main",
                    "match": [{"uri": {"prefix": "/"}}, {"headers": {"a": {}}, "port": 80}],
                    "rewrite": {"authority": "x"},
                    "timeout": "3s",
                    "retries": {"attempts": 1, "perTryTimeout": "1s"},
                    "corsPolicy": {"allowOrigins": [{"exact": "*"}]},
                    "route": [to(subset="stable", headers={"request": {"set": {"a": "b"}}})],
                },
            ),
        ],
    ),
    "a path by regex beside a cohort's": (
        PATH,
        [BY_ROLE, vs({"match": [API], "route": [STABLE]}, {"route": [STABLE]})],
    ),
    "callers by label": (
        TESTERS,
        [BY_ROLE, vs({"match": [WEB], "route": [STABLE]}, {"route": [STABLE]})],
    ),
    "two routes of one name": (
        TESTERS,
        [
            BY_ROLE,
            vs({"name": "a", "match": [API], "route": [STABLE]}, {"name": "a", "route": [STABLE]}),
        ],
    ),
    "old mirrors": (
        TESTERS,
        [BY_ROLE, vs({"route": [STABLE], "mirror": {"host": "spy"}, "mirrorPercent": 5})],
    ),
    "a cookie of the author's": (
        STICKY,
        [
            BY_ROLE,
            vs(
                {"route": [to(subset="stable", headers={"response": {"add": {"set-cookie": "a"}}})]}
            ),
        ],
    ),
    "a cookie by regex beside ours": (
        STICKY,
        [
            BY_ROLE,
            vs(
                {"match": [{"headers": {"cookie": {"regex": JASONS}}}], "route": [STABLE]},
                {"route": [STABLE]},
            ),
        ],
    ),
    "any host at a gateway": (
        HALF,
        [BY_ROLE, vs({"route": [STABLE]}, hosts=["*"], gateways=["edge/gate"])],
    ),
    "an old version of the API": (
        HALF,
        [BY_ROLE, vs({"route": [STABLE]}) | {"apiVersion": "networking.istio.io/v1alpha3"}],
    ),
    "tls and tcp": (
        HALF,
        [
            BY_ROLE,
            vs(
                tls=[{"match": [{"port": 443, "sniHosts": ["shop"]}], "route": [STABLE]}],
                tcp=[
                    {
                        "match": [{"port": 81}],
                        "route": [to("other", weight=50), to(subset="stable", weight=50)],
                    }
                ],
            ),
        ],
    ),
    "a delegate in the root's namespace": (
        TESTERS,
        [BY_ROLE, ROOT, vs({"route": [STABLE], "match": [{"uri": {"prefix": "/a/b"}}]}, hosts=[])],
    ),
    "a preview host that a delegate's root lists": (
        GREEN,
        [BY_ROLE, ROOT, vs({"route": [STABLE]}, hosts=[])],
    ),
    "a preview host among names by prefix": (
        GREEN,
        [
            BY_ROLE,
            vs(
                {"match": [{"authority": {"prefix": "shop."}}], "route": [STABLE]},
                {"match": [{"authority": {"prefix": "preview."}}], "route": [STABLE]},
                hosts=["*.example"],
                gateways=["edge"],
            ),
        ],
    ),
    "another namespace's routes": (
        HALF,
        [
            BY_ROLE,
            vs({"route": [STABLE]}, exportTo=["."]),
            vs(
                {"route": [to("shop.shop.svc.cluster.local", "stable")]},
                name="mine",
                namespace="callers",
                hosts=["shop.shop.svc.cluster.local"],
                exportTo=["."],
            ),
        ],
    ),
    "subsets with policies": (TESTERS, [POLICED, vs({"route": [STABLE]})]),
    "a third subset that a route names": (
        HALF,
        [
            POLICED,
            deployment("v0", "shop"),
            vs({"match": [JASON], "route": [to(subset="old")]}, {"route": [STABLE]}),
        ],
    ),
    "a role of another name": (
        TESTERS,
        [rule(subsets=subsets(prod="v1")), vs({"route": [to(subset="prod")]})],
    ),
    "a rule of the root namespace": (
        HALF,
        [
            rule("default", "istio-system", "*.local", trafficPolicy={"tls": {"mode": "SIMPLE"}}),
            vs({"route": [to()]}),
        ],
    ),
    "subsets in the root namespace": (
        HALF,
        [
            rule("old", "istio-system", FULL, subsets=subsets(stable="v1", old="v0")),
            vs({"route": [STABLE]}),
        ],
    ),
    "a rule of our name for another host": (
        HALF,
        [rule(host="other"), vs({"route": [to()]})],
    ),
    "subsets by version": (
        HALF,
        [BY_VERSION, vs({"route": [to(subset="v1", weight=100), to(subset="v2", weight=0)]})],
    ),
    "a user who is pinned by version": (
        HALF,
        [
            BY_VERSION,
            vs({"match": [JASON], "route": [to(subset="v2")]}, {"route": [to(subset="v1")]}),
        ],
    ),
}


def play(spec: RolloutSpec, objs: list[Json], app: str = "shop") -> Played:
    """Only v1 is there at first; a push brings its own pods."""
    pods = [service(app), deployment("v1", app)]
    rollout = make.rollout(replace(spec, service=app), "v1")
    if app != "shop":
        workload = replace(spec.workload, deployments=f"{app}-{{revision}}")
        rollout = replace(rollout, spec=replace(rollout.spec, workload=workload))
    return Played.of(rollout, [*pods, *objs])


def pushed(one: Played, revision: str) -> None:
    """Git asks for ``revision``, and its Deployment is there by now."""
    app = one.rollout.spec.service
    if one.cluster.get("Deployment", "shop", f"{app}-{revision}") is None:
        one.cluster.put(deployment(revision, app))
    one.rollout = replace(one.rollout, spec=replace(one.rollout.spec, revision=revision))


def authored(one: Played) -> dict[str, Mapping[str, Any]]:
    """VirtualServices as their authors wrote them."""
    return {name: obj for name, obj in one.objects().items() if name.startswith("VirtualService")}


async def whole(one: Played, phase: Phase) -> None:
    """Looks until this phase; whatever is not ours is as it was at each of them."""
    before = {name: foreign(obj) for name, obj in authored(one).items()}
    for _ in range(400):
        again = await one.look()
        assert {name: foreign(obj) for name, obj in authored(one).items()} == before
        if one.status.phase is phase and one.status.stage.name is Stage.IDLE:
            return
        one.now += again if again is not None else 15 * make.MINUTE / 60
    raise AssertionError(f"never {phase}:\n" + "\n".join(one.story))


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_good_release_takes_everyone_and_leaves_what_people_wrote(shape: str) -> None:
    spec, objs = SHAPES[shape]
    one = play(spec, objs)
    await one.until(Phase.HEALTHY)
    before = authored(one)
    pushed(one, "v2")
    await one.until(Phase.PROGRESSING, Stage.STEPPING)
    await whole(one, Phase.HEALTHY)
    await one.settle()
    assert one.status.stable is not None
    assert one.status.stable.name == "v2"
    alone = [obj for obj in one.cluster.list("Deployment") if obj["metadata"]["name"] != "shop-v1"]
    await one.cluster.delete("Deployment", "shop", "shop-v1")
    one.cluster.put(*alone)
    await one.settle()
    if BY_VERSION not in objs:
        assert authored(one) == before
    found = destinationrule.in_force(one.cluster.list("DestinationRule"), TARGET)
    pods = destinationrule.subsets(found)
    role = "prod" if "prod" in pods else "stable"
    assert "v2" in pods if BY_VERSION in objs else pods[role] == V2


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_bad_release_leaves_every_byte_as_it_was(shape: str) -> None:
    spec, objs = SHAPES[shape]
    one = play(spec, objs)
    await one.until(Phase.HEALTHY)
    pushed(one, "v2")
    before = one.objects()
    await one.until(Phase.PROGRESSING, Stage.STEPPING)
    one.numbers.value = 5
    await whole(one, Phase.DEGRADED)
    await one.cluster.delete("Deployment", "shop", "shop-v2")
    await one.settle()
    made = [name for name in one.objects() if name not in before]
    if "canary" in str(objs):  # a subset that its author names stays
        del before["DestinationRule shop"]
    assert {name: obj for name, obj in one.objects().items() if name in before} == before
    assert made in ([], ["DestinationRule shop"], ["DestinationRule shop-rollout"])


async def test_a_rule_that_hides_the_meshs_has_its_policy() -> None:
    policy = {"tls": {"mode": "ISTIO_MUTUAL"}}
    everyone = rule("default", "istio-system", "*.local", trafficPolicy=policy)
    one = play(HALF, [everyone, vs({"route": [to()]})])
    await one.until(Phase.HEALTHY)
    pushed(one, "v2")
    await one.until(Phase.PROGRESSING, Stage.STEPPING)
    assert one.objects()["DestinationRule shop"]["spec"]["trafficPolicy"] == policy


async def test_subsets_by_version_of_the_root_namespace_need_no_rule_of_ours() -> None:
    everyone = rule("shop", "istio-system", FULL, subsets=subsets(v1="v1", v2="v2", v3="v3"))
    one = play(HALF, [everyone, vs({"route": [to(subset="v1")]})])
    await one.until(Phase.HEALTHY)
    pushed(one, "v2")
    await one.until(Phase.PROGRESSING, Stage.STEPPING)
    await whole(one, Phase.HEALTHY)
    assert len(one.cluster.list("DestinationRule")) == 1


async def test_a_stable_that_another_rule_names_is_found() -> None:
    rules = [rule("a", subsets=subsets(v0="v0")), rule("b", subsets=subsets(v1="v1", v2="v2"))]
    one = play(HALF, [*rules, vs({"route": [to(subset="v1")]})])
    await one.until(Phase.HEALTHY)
    assert one.status.stable is not None
    assert one.status.stable.name == "v1"
    pushed(one, "v2")
    await one.until(Phase.PROGRESSING, Stage.STEPPING)
    await whole(one, Phase.HEALTHY)
    assert [obj["spec"] for obj in one.cluster.list("DestinationRule")] == [
        each["spec"] for each in rules
    ]


REFUSED = {
    "shares of nothing whole": (
        HALF,
        vs({"route": [to(subset="stable", weight=3), to("legacy", weight=1)]}),
        "virtualservice shop/shop: http[0]: weights 3 and 1 sum to 4; 100 is wanted",
    ),
    "two versions that serve, and git asks for neither": (
        HALF,
        vs({"route": [to(subset="v3", weight=90), to(subset="v4", weight=10)]}),
        "requests go to v3 and v4; git may ask for one of them, not for v2",
    ),
    "several versions behind one route": (
        HALF,
        vs({"route": [to()]}),
        "route to a subset of one: shop-…op-v2, shop-v3 and shop-v4 share these requests",
    ),
    "a fault": (
        HALF,
        vs(
            {
                "route": [STABLE],
                "fault": {"abort": {"httpStatus": 500, "percentage": {"value": 10}}},
            }
        ),
        "ROL-034: virtualservice shop/shop http[0]: injects a fault; take it out first",
    ),
    "one destination twice": (
        HALF,
        vs({"route": [to(subset="stable", weight=50), to(subset="stable", weight=50)]}),
        "virtualservice shop/shop: http[…vice twice with the same subset; once is wanted",
    ),
    "any text of the cookies beside ours": (
        STICKY,
        vs({"match": [{"headers": {"cookie": {"regex": ".*user=jason.*"}}}], "route": [STABLE]}),
        "ROL-037: virtualservice shop/sh…t say both, use exact or prefix for one of them",
    ),
}


@pytest.mark.parametrize("shape", REFUSED)
async def test_what_cannot_be_done_is_said_and_nothing_is_written(shape: str) -> None:
    spec, obj, because = REFUSED[shape]
    every = rule(subsets=subsets(v3="v3", v4="v4"))
    others = [deployment("v3", "shop"), deployment("v4", "shop"), every]
    several = "v3" in str(obj["spec"]) or obj["spec"]["http"] == [{"route": [to()]}]
    one = play(spec, [*(others if several else [BY_ROLE]), obj])
    before = one.objects()
    for revision in ("v1", "v2"):
        pushed(one, revision)
        for _ in range(20):
            one.now += await one.look() or make.MINUTE
    assert (one.status.phase, one.status.because) == (Phase.PAUSED, because)
    assert one.objects() == before


def _samples() -> list[tuple[str, Json, str]]:
    """Istio's own VirtualServices that send one service of theirs everything, by version.

    The others are refused above: a fault, two versions that serve; or pin a user to one.
    """
    found = [d for f in samples() for d in yaml.safe_load_all(f.read_text())]
    apps = ("reviews", "ratings", "details", "productpage")
    return [
        (app, obj, f"{obj['metadata']['name']} {index}")
        for index, obj in enumerate(found)
        if obj and obj["kind"] == "VirtualService"
        for app in apps
        if obj["metadata"]["name"] == app
        and not any(word in str(obj) for word in ("fault", "weight", "end-user"))
    ]


@pytest.mark.parametrize(("app", "obj", "name"), _samples(), ids=[s[2] for s in _samples()])
async def test_istios_own_routes_go_there_and_back(app: str, obj: Json, name: str) -> None:
    """By version the weights stay ours; there and back again every byte is as Istio wrote it."""
    obj["metadata"]["namespace"] = "shop"
    one = play(HALF, [rule(app, host=app, subsets=subsets(v1="v1", v2="v2", v3="v3")), obj], app)
    await one.until(Phase.HEALTHY)
    before = one.objects()
    for revision in ("v2", "v1"):
        pushed(one, revision)
        await one.until(Phase.PROGRESSING, Stage.STEPPING)
        await whole(one, Phase.HEALTHY)
        await one.settle()
    assert one.objects() == before, name
