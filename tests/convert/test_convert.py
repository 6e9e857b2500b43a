import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rollout.convert.documents import converted
from rollout.convert.fields import Fate
from rollout.convert.result import Conversion
from rollout.manifest import load

PODS = {
    "selector": {"matchLabels": {"app": "shop"}},
    "template": {
        "metadata": {"labels": {"app": "shop"}},
        "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
    },
}
ISTIO = {"istio": {"virtualService": {"name": "shop", "routes": ["primary"]}}}


def argo(strategy: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "shop"},
        "spec": {"strategy": strategy, **PODS, **spec},
    }


def canary(analysis: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    target = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}}
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "shop", "namespace": "test"},
        "spec": {**target, "service": {"port": 80}, "analysis": analysis, **spec},
    }


DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "namespace": "test"},
    "spec": PODS,
}


def fates(made: Conversion) -> dict[str, Fate]:
    return {note.path: note.fate for note in made.notes}


def valid(made: Conversion) -> list[dict[str, Any]]:
    """The specs of our objects, which are as ``rollout validate`` wants them."""
    text = yaml.safe_dump_all(made.objects)
    assert load.text("converted.yaml", text.encode()).errors == ()
    return [dict(obj["spec"]) for obj in made.objects]


def test_argos_steps_become_steps_with_what_belongs_to_each() -> None:
    steps = [
        {"setCanaryScale": {"replicas": 2}},
        {
            "setHeaderRoute": {
                "name": "h",
                "match": [{"headerName": "X-Beta", "headerValue": {"exact": "1"}}],
            }
        },
        {"pause": {}},
        {"setWeight": 10},
        {"pause": {"duration": "5m"}},
        {"pause": {"duration": 30}},
        {"setWeight": 50},
        {"setWeight": 20},
        {"setWeight": 100},
    ]
    made = converted(
        [argo({"canary": {"steps": steps, "trafficRouting": ISTIO, "stableService": "shop"}})]
    )
    (spec,) = valid(made)
    assert spec["strategy"]["canary"]["steps"] == [
        {
            "replicas": 2,
            "cohorts": [{"headers": {"x-beta": {"exact": "1"}}}],
            "approval": {"approvers": ["kubernetes"]},
        },
        {"weight": 10, "replicas": 2, "bake": "330s"},
        {"weight": 50, "replicas": 2},
    ]
    path = "spec.strategy.canary.steps"
    assert fates(made)[f"{path}[7].setWeight"] is Fate.LOST
    assert fates(made)[f"{path}[8].setWeight"] is Fate.CONVERTED


def test_what_argo_does_after_a_pause_reaches_nobody_before_it_is_over() -> None:
    beta = {"headerName": "x-beta", "headerValue": {"exact": "1"}}
    steps = [
        {"setWeight": 10},
        {"pause": {"duration": "5m"}},
        {"setCanaryScale": {"replicas": 2}},
        {"setWeight": 30},
        {"pause": {}},
        {"setHeaderRoute": {"name": "h", "match": [beta]}},
        {"pause": {"duration": "1m"}},
        {"setWeight": 60},
    ]
    canary = {"stableService": "shop", "steps": steps, "trafficRouting": ISTIO}
    (spec,) = valid(converted([argo({"canary": canary})]))
    assert spec["strategy"]["canary"]["steps"] == [
        {"weight": 10, "bake": "5m"},
        {"weight": 30, "replicas": 2, "approval": {"approvers": ["kubernetes"]}},
        {"replicas": 2, "cohorts": [{"headers": {"x-beta": {"exact": "1"}}}], "bake": "1m"},
        {"weight": 60, "replicas": 2},
    ]


def test_argos_mirror_is_a_step_of_its_own() -> None:
    steps = [
        {"setMirrorRoute": {"name": "m", "percentage": 35, "match": [{}]}},
        {"pause": {"duration": "1h"}},
    ]
    made = converted(
        [argo({"canary": {"steps": steps, "trafficRouting": ISTIO, "stableService": "shop"}})]
    )
    (spec,) = valid(made)
    assert spec["strategy"]["canary"]["steps"] == [{"mirror": "35%", "bake": "1h"}]


def test_argos_blue_green_keeps_its_preview_its_promotion_and_its_delay() -> None:
    blue = {
        "activeService": "shop",
        "previewService": "shop-preview",
        "autoPromotionEnabled": False,
        "scaleDownDelaySeconds": 600,
        "prePromotionAnalysis": {"templates": [{"templateName": "smoke"}]},
    }
    (spec,) = valid(converted([argo({"blueGreen": blue})]))
    assert spec["strategy"] == {
        "blueGreen": {
            "previewHost": "shop-preview",
            "approval": {"approvers": ["kubernetes"]},
            "keepWarm": "10m",
        }
    }
    assert spec["analysis"] == {"templates": [{"name": "smoke"}]}


def test_argos_pods_may_stand_in_a_deployment() -> None:
    obj = argo({"canary": {"trafficRouting": ISTIO}})
    obj["spec"] = {
        "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "strategy": {"canary": {"trafficRouting": ISTIO}},
    }
    (spec,) = valid(converted([obj, DEPLOYMENT]))
    assert spec["workload"]["template"] == PODS
    alone = converted([obj])
    assert fates(alone)["spec.workloadRef.name"] is Fate.LOST


def test_argos_prometheus_metrics_become_a_template_and_others_are_told_of() -> None:
    ask = {"prometheus": {"address": "http://p", "query": 'sum(up{app="{{args.app}}"})'}}
    obj = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ClusterAnalysisTemplate",
        "metadata": {"name": "ok"},
        "spec": {
            "args": [{"name": "app", "value": "shop"}],
            "metrics": [
                {
                    "name": "Up_Now",
                    "provider": ask,
                    "successCondition": "result[0] >= 1",
                    "failureLimit": 2,
                },
                {"name": "job", "provider": {"job": {}}},
            ],
        },
    }
    made = converted([obj])
    (spec,) = valid(made)
    assert spec["metrics"] == [
        {
            "name": "up-now",
            "query": 'sum(up{app="{{args.app}}"})',
            "min": 1.0,
            "failures": {"total": 3},
        }
    ]
    assert fates(made)["spec.metrics[1].provider.job"] is Fate.LOST
    assert fates(made)["kind"] is Fate.CHANGED


def asking(value: str) -> dict[str, Any]:
    args = [{"name": "of", "value": value}, {"name": "also", "value": "shop-canary-2"}]
    return {"templates": [{"templateName": "ok"}], "args": args}


@pytest.mark.parametrize("value", ["shop-canary", "http://shop-canary.test:80/", "(shop-canary|x)"])
@pytest.mark.parametrize(
    ("strategy", "run"),
    [
        (lambda run: {"canary": {"analysis": run}}, "canary.analysis"),
        (lambda run: {"canary": {"steps": [{"analysis": run}]}}, "canary.steps[0].analysis"),
        (
            lambda run: {"blueGreen": {"prePromotionAnalysis": run}},
            "blueGreen.prePromotionAnalysis",
        ),
    ],
)
def test_a_template_whose_argument_names_a_service_without_requests_is_not_used(
    strategy: Callable[[object], dict[str, dict[str, Any]]], run: str, value: str
) -> None:
    whole = strategy(asking(value))
    services = {"canaryService": "shop-canary", "stableService": "shop"}
    if "blueGreen" in whole:
        services = {"previewService": "shop-canary", "activeService": "shop"}
    for fields in whole.values():
        fields.update(services)
    made = converted([argo(whole)])
    args = f"spec.strategy.{run}.args"
    told = {note.path: (note.fate, note.how) for note in made.notes if note.path.startswith(args)}
    why = "it names the Service shop-canary, which gets no requests any more"
    assert told == {
        f"{args}[0].name": (Fate.CONVERTED, "args"),
        f"{args}[0].value": (Fate.LOST, f"{why}: ask by workload, {{{{canary}}}}"),
        f"{args}[1].name": (Fate.CONVERTED, "args"),
        f"{args}[1].value": (Fate.CONVERTED, "args"),
    }
    (note,) = (n for n in made.notes if n.path == f"spec.strategy.{run}.templates[0].templateName")
    assert (note.fate, note.how.partition(":")[0]) == (Fate.LOST, "it would never be answered")
    (spec,) = valid(made)
    assert "analysis" not in spec


def test_a_template_that_does_not_read_such_an_argument_is_used_without_it() -> None:
    metric = {
        "name": "up",
        "provider": {"prometheus": {"query": 'sum(up{app="{{args.also}}"})'}},
        "successCondition": "result[0] >= 1",
    }
    template = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "ok"},
        "spec": {"args": [{"name": "of"}, {"name": "also"}], "metrics": [metric]},
    }
    services = {"canaryService": "shop-canary", "stableService": "shop"}
    made = converted([argo({"canary": {**services, "analysis": asking("shop-canary")}}), template])
    spec, _ = valid(made)
    assert spec["analysis"] == {"templates": [{"name": "ok", "args": {"also": "shop-canary-2"}}]}


def test_so_are_a_templates_default_and_query_where_the_rollout_is_given_too() -> None:
    query = 'sum(up{destination_service_name="shop-canary",of="{{args.of}}"})'
    metric = {"name": "up", "provider": {"prometheus": {"query": query}}}
    template = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "ok"},
        "spec": {
            "args": [{"name": "of", "value": "shop-canary"}],
            "metrics": [{**metric, "successCondition": "result[0] >= 1"}],
        },
    }
    both = {"canaryService": "shop-canary", "stableService": "shop"}
    alone = {"canaryService": "shop-canary"}
    at = ("spec.args[0].value", "spec.metrics[0].provider.prometheus.query")
    for services, fate in ((both, Fate.LOST), (alone, Fate.CONVERTED)):
        made = fates(converted([template, argo({"canary": services})]))
        assert [made[path] for path in at] == [fate, fate]


def test_flaggers_weights_metrics_and_routes() -> None:
    analysis = {
        "interval": "30s",
        "threshold": 5,
        "maxWeight": 30,
        "stepWeight": 10,
        "metrics": [
            {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
            {"name": "request-duration", "thresholdRange": {"max": 500}},
            {
                "name": "queue",
                "templateRef": {"name": "queue", "namespace": "istio-system"},
                "thresholdRange": {"max": 7},
                "templateVariables": {"of": "orders"},
            },
        ],
        "webhooks": [
            {"name": "load", "url": "http://l/"},
            {"name": "gate", "type": "confirm-promotion"},
        ],
    }
    queue = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "queue", "namespace": "istio-system"},
        "spec": {
            "provider": {"type": "prometheus", "address": "http://p"},
            "query": 'sum(depth{q="{{ variables.of }}",ns="{{ namespace }}"}[{{ interval }}])',
        },
    }
    service = {
        "port": 80,
        "hosts": ["shop.example"],
        "gateways": ["istio-system/gw"],
        "timeout": "5s",
    }
    made = converted([canary(analysis, service=service), DEPLOYMENT, queue])
    routes, ours = made.objects
    assert routes["spec"] == {
        "hosts": ["shop.example", "shop"],
        "gateways": ["istio-system/gw", "mesh"],
        "http": [{"route": [{"destination": {"host": "shop"}}], "timeout": "5s"}],
    }
    assert ours["spec"]["strategy"]["canary"]["steps"] == [
        {"weight": 10, "bake": "30s"},
        {"weight": 20, "bake": "30s"},
        {"weight": 30, "bake": "30s", "approval": {"approvers": ["kubernetes"]}},
    ]
    assert ours["spec"]["analysis"]["metrics"] == [
        {"name": "errors", "successRate": {"min": "99%"}},
        {"name": "latency", "latency": {"quantile": 0.99, "max": "500ms"}},
        {
            "name": "queue",
            "query": 'sum(depth{q="orders",ns="{{namespace}}"}[1m])',
            "max": 7,
            "failures": {"total": 5},
        },
    ]
    assert fates(made)["spec.analysis.webhooks[0]"] is Fate.LOST
    valid(Conversion((ours,)))


@pytest.mark.parametrize(
    ("analysis", "strategy"),
    [
        (
            {"interval": "1m", "iterations": 5},
            {"blueGreen": {"bake": "5m", "keepWarm": "1m"}},
        ),
        (
            {"interval": "1m", "iterations": 5, "mirror": True, "mirrorWeight": 20},
            {"canary": {"steps": [{"mirror": "20%", "bake": "5m"}]}},
        ),
        (
            {"interval": "2m", "stepWeight": 20, "maxWeight": 50},
            {"canary": {"steps": [{"weight": w, "bake": "2m"} for w in (20, 40, 60)]}},
        ),
        (
            {"interval": "1s", "stepWeights": [50, 20, 60, 100]},
            {"canary": {"steps": [{"weight": w, "bake": "10s"} for w in (50, 60)]}},
        ),
        (
            {"interval": "1m", "iterations": 5, "match": [{"headers": {"X-A": {"exact": "1"}}}]},
            {
                "canary": {
                    "steps": [{"cohorts": [{"headers": {"x-a": {"exact": "1"}}}], "bake": "5m"}]
                }
            },
        ),
        (
            {"interval": "1m", "stepWeights": [1, 10, 10, 80], "mirror": True},
            {
                "canary": {
                    "steps": [
                        {"mirror": "100%", "bake": "1m"},
                        {"weight": 1, "bake": "1m"},
                        {"weight": 10, "bake": "2m"},
                        {"weight": 80, "bake": "1m"},
                    ]
                }
            },
        ),
    ],
)
def test_flaggers_kinds_of_releases(analysis: dict[str, Any], strategy: dict[str, Any]) -> None:
    made = converted([canary(analysis), DEPLOYMENT])
    assert made.objects[1]["spec"]["strategy"] == strategy
    valid(Conversion(made.objects[1:]))


def test_other_objects_are_passed_over() -> None:
    assert (
        converted([DEPLOYMENT, {"kind": "Rollout", "apiVersion": "rollout.dev/v1alpha1"}])
        == Conversion()
    )


# Nothing is lost silently, whatever it is

KEYS = st.sampled_from(
    [
        *("replicas", "template", "strategy", "canary", "blueGreen", "steps", "setWeight", "pause"),
        *("duration", "setCanaryScale", "setHeaderRoute", "setMirrorRoute", "match", "analysis"),
        *("templates", "args", "trafficRouting", "istio", "virtualService", "workloadRef", "name"),
        *("service", "targetRef", "metrics", "provider", "prometheus", "query", "thresholdRange"),
        *("webhooks", "interval", "iterations", "stepWeights", "stepWeight", "maxWeight", "x"),
        *("activeService", "successCondition", "failureLimit", "templateRef", "headers", "kind"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.text(max_size=4) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
OBJECTS = st.builds(
    lambda kind, metadata, spec: {
        "apiVersion": kind[0],
        "kind": kind[1],
        "metadata": metadata,
        "spec": spec,
    },
    st.sampled_from(
        [
            ("argoproj.io/v1alpha1", "Rollout"),
            ("argoproj.io/v1alpha1", "AnalysisTemplate"),
            ("flagger.app/v1beta1", "Canary"),
            ("flagger.app/v1beta1", "MetricTemplate"),
        ]
    ),
    st.just({"name": "shop"}) | JSON,
    JSON,
)


def leaves(value: object, path: str = "") -> Iterator[str]:
    """The path of every value that says something; what is empty says nothing."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from leaves(one, f"{path}[{index}]")
    elif value is not None:
        yield path


@given(OBJECTS)
def test_no_manifest_breaks_the_converter_and_no_field_goes_unnoticed(obj: dict[str, Any]) -> None:
    made = converted([obj])
    json.dumps([dict(one) for one in made.objects])
    if obj["kind"] == "MetricTemplate" or not isinstance(obj["spec"], dict):
        return
    told = [note.path for note in made.notes]
    for leaf in leaves(obj["spec"], "spec"):
        covered = any(leaf == path or leaf.startswith((f"{path}.", f"{path}[")) for path in told)
        assert covered or leaf.rpartition(".")[2] in ("kind", "namespace", "name", "type"), leaf


def test_templates_of_which_nothing_is_written_are_not_named() -> None:
    job = {"name": "smoke", "provider": {"job": {"spec": {}}}}
    template = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "smoke"},
        "spec": {"metrics": [job]},
    }
    run = {"templates": [{"templateName": "smoke"}, {"templateName": "elsewhere"}]}
    made = converted([template, argo({"canary": {"steps": [{"setWeight": 5}, {"analysis": run}]}})])
    (spec,) = valid(made)
    assert spec["analysis"] == {"templates": [{"name": "elsewhere"}]}
    at = "spec.strategy.canary.steps[1].analysis.templates[{}].templateName"
    told = fates(made)
    assert (told[at.format(0)], told[at.format(1)]) == (Fate.LOST, Fate.CONVERTED)


def test_replicas_that_another_controller_has_taken_away_are_not_copied() -> None:
    """Flagger scales the Deployment that it is given to 0, and so do Argo's users."""
    pods = {"selector": {"matchLabels": {"app": "shop"}}, "template": PLAIN}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {"replicas": 0, **pods},
    }
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    theirs = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "shop"},
        "spec": {"targetRef": ref, "service": {"port": 80}, "analysis": {"maxWeight": 50}},
    }
    for obj, replicas in (
        (theirs, None),
        (argo_of({"workloadRef": ref}), None),
        (argo_of({"workloadRef": ref, "replicas": 3}), 3),
        (argo_of({**pods, "replicas": 0}), 0),
    ):
        made = converted([deployment, obj])
        spec = made.objects[-1]["spec"]
        assert spec["workload"]["template"].get("replicas") == replicas
        left_out = [note for note in made.notes if "0 replicas are left out" in note.how]
        assert len(left_out) == (replicas is None)


PLAIN = {
    "metadata": {"labels": {"app": "shop"}},
    "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
}


def argo_of(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "shop"},
        "spec": {**spec, "strategy": {"canary": {}}},
    }


def test_both_services_of_a_ping_pong_get_no_requests_any_more() -> None:
    sides = {"pingService": "shop-ping", "pongService": "shop-pong"}
    for name in sides.values():
        made = fates(converted([argo({"canary": {"pingPong": sides, "analysis": asking(name)}})]))
        assert made["spec.strategy.canary.analysis.args[0].value"] is Fate.LOST


def stops(made: Conversion) -> list[dict[str, Any]]:
    return [dict(each) for each in made.objects[-1]["spec"]["strategy"]["canary"]["steps"]]


PEOPLE = {"approvers": ["kubernetes"]}
WEIGHTS = {"interval": "1m", "threshold": 5, "stepWeights": [10, 50]}


@pytest.mark.parametrize(
    ("kind", "approved"),
    [
        ("confirm-rollout", ["before"]),
        ("confirm-promotion", [50]),
        ("confirm-traffic-increase", ["before", 10, 50]),
        ("pre-rollout", []),
    ],
)
def test_flagger_s_confirmations_are_approvals_where_it_asks_for_them(
    kind: str, approved: list[object]
) -> None:
    hook = {"name": "gate", "type": kind, "url": "http://gate/"}
    made = converted([canary({**WEIGHTS, "webhooks": [hook]}), DEPLOYMENT])
    asked = [s.get("name", s["weight"]) for s in stops(made) if s.get("approval") == PEOPLE]
    assert asked == approved
    wanted = Fate.CHANGED if approved else Fate.LOST
    assert fates(made)["spec.analysis.webhooks[0]"] is wanted
    if approved[:1] == ["before"]:
        assert stops(made)[0] == {
            "name": "before",
            "weight": 0,
            "bake": "0s",
            "approval": PEOPLE,
        }
    valid(Conversion(made.objects[1:]))


def test_argo_s_number_of_canary_pods_holds_until_it_follows_the_weight_again() -> None:
    steps = [
        {"setCanaryScale": {"weight": 25}},
        {"setWeight": 10},
        {"pause": {"duration": "1m"}},
        {"setWeight": 20},
        {"setCanaryScale": {"matchTrafficWeight": True}},
        {"setWeight": 30},
    ]
    canary = {"stableService": "shop", "steps": steps, "trafficRouting": ISTIO}
    made = converted([argo({"canary": canary}, replicas=6)])
    assert stops(made) == [
        {"weight": 10, "replicas": 2, "bake": "1m"},
        {"weight": 20, "replicas": 2},
        {"weight": 30},
    ]
    path = "spec.strategy.canary.steps"
    assert fates(made)[f"{path}[0].setCanaryScale.weight"] is Fate.CHANGED
    unknown = converted([argo({"canary": canary})])
    assert fates(unknown)[f"{path}[0].setCanaryScale.weight"] is Fate.LOST
    assert [step.get("replicas") for step in stops(unknown)] == [None, None, None]


def test_argo_s_pause_before_any_weight_is_a_step_that_nobody_meets() -> None:
    steps = [{"setCanaryScale": {"replicas": 3}}, {"pause": {}}, {"setWeight": 100}]
    canary = {"stableService": "shop", "steps": steps, "trafficRouting": ISTIO}
    made = converted([argo({"canary": canary})])
    assert stops(made) == [{"weight": 0, "replicas": 3, "approval": PEOPLE}]
    valid(made)


def test_argo_s_weights_are_percents_of_the_most() -> None:
    steps = [{"setWeight": 5}, {"setWeight": 500}, {"setWeight": 1000}]
    routing = {**ISTIO, "maxTrafficWeight": 1000}
    canary = {"stableService": "shop", "steps": steps, "trafficRouting": routing}
    made = converted([argo({"canary": canary})])
    assert stops(made) == [{"weight": 1}, {"weight": 50}]
    path = "spec.strategy.canary.steps"
    told = [fates(made)[f"{path}[{n}].setWeight"] for n in range(3)]
    assert told == [Fate.CHANGED, Fate.CONVERTED, Fate.CONVERTED]


@pytest.mark.parametrize(
    ("limit", "failures"),
    [
        (None, {"failures": {"total": 1}}),
        (3, {"failures": {"total": 4}}),
        ("3", {"failures": {"total": 4}}),
        (-1, {"dryRun": True}),
        ("{{args.n}}", {"failures": {"total": 1}}),
    ],
)
def test_argo_s_limit_of_failures(limit: object, failures: dict[str, Any]) -> None:
    metric = {
        "name": "up",
        "provider": {"prometheus": {"query": "sum(up)"}},
        "successCondition": "result[0] >= 1",
        **({} if limit is None else {"failureLimit": limit}),
    }
    obj = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "ok"},
        "spec": {"metrics": [metric]},
    }
    (spec,) = valid(converted([obj]))
    assert spec["metrics"] == [{"name": "up", "query": "sum(up)", "min": 1.0, **failures}]


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ('sum(q{workload="{{ target }}"})', 'sum(q{workload="{{canary}}"})'),
        ('sum(q{w="{{ target }}-primary"})', 'sum(q{w="{{stable}}"})'),
        ('sum(q{destination_workload="shop"})', 'sum(q{destination_workload="{{canary}}"})'),
        ('sum(q{deployment=~"shop-primary"})', 'sum(q{deployment=~"{{stable}}"})'),
        ('sum(q{canary="{{ name }}"}[{{interval}}])', 'sum(q{canary="shop"}[30s])'),
        ('sum(q{host="{{ service }}-canary.test"})', None),
        ('sum(q{host="shop-primary.test"})', None),
        ('sum(q{ingress="{{ ingress }}"})', None),
        ("sum(q{{ with .x }})", None),
    ],
)
def test_flagger_s_queries_name_what_is_there_or_are_not_written(
    query: str, written: str | None
) -> None:
    metric = {"name": "q", "query": query, "interval": "30s", "thresholdRange": {"max": 1}}
    made = converted([canary({**WEIGHTS, "metrics": [metric]}), DEPLOYMENT])
    found = made.objects[-1]["spec"]["analysis"].get("metrics", [])
    assert [each["query"] for each in found] == ([] if written is None else [written])
    assert ("spec.analysis.metrics[0]" in fates(made)) == (written is None)
    valid(Conversion(made.objects[1:]))


def test_labels_and_annotations_go_along_but_for_another_controller_s_own() -> None:
    obj = argo({"canary": {"trafficRouting": ISTIO}})
    obj["metadata"] |= {
        "labels": {"team": "shop"},
        "annotations": {
            "argocd.argoproj.io/sync-wave": "2",
            "notifications.argoproj.io/subscribe.on-rollout-completed.slack": "releases",
        },
        "resourceVersion": "7",
        "finalizers": ["x"],
    }
    made = converted([obj])
    assert made.objects[0]["metadata"] == {
        "name": "shop",
        "labels": {"team": "shop"},
        "annotations": {"argocd.argoproj.io/sync-wave": "2"},
    }
    told = {n.path: n.fate for n in made.notes if n.path.startswith("metadata")}
    assert told == {
        "metadata.labels": Fate.CONVERTED,
        "metadata.annotations.argocd.argoproj.io/sync-wave": Fate.CONVERTED,
        "metadata.annotations.notifications.argoproj.io/subscribe.on-rollout-completed.slack": (
            Fate.LOST
        ),
        "metadata.finalizers": Fate.LOST,
    }
