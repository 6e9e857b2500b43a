"""The published examples of Argo Rollouts and Flagger, by what their objects say, and the page.

Not their text: each is written anew as the fields that its controller reads, so that a reader can
lay it beside the file of that name in argoproj/argo-rollouts or fluxcd/flagger.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rollout.convert.documents import converted
from rollout.convert.fields import Fate
from rollout.convert.result import Conversion
from rollout.manifest import load
from tests.convert import everything

Json = dict[str, Any]
PAGE = Path(__file__).parents[2] / "docs" / "converted.md"


def pods(app: str, **spec: Any) -> Json:
    container = {"name": app, "image": f"{app}:1", "ports": [{"containerPort": 8080}]}
    labels = {"app": app}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {"selector": {"matchLabels": labels}, "template": template, **spec}


def argo(app: str, strategy: Json, **spec: Any) -> Json:
    return obj("Rollout", app, {**pods(app), "strategy": strategy, **spec})


def obj(kind: str, name: str, spec: Json, version: str = "argoproj.io/v1alpha1") -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def canary(*steps: Json, **more: Any) -> Json:
    return {"canary": {"steps": list(steps), **more}}


def weight(percent: int) -> Json:
    return {"setWeight": percent}


def pause(duration: int | str | None = None) -> Json:
    return {"pause": {} if duration is None else {"duration": duration}}


def service(name: str, app: str) -> Json:
    return obj("Service", name, {"selector": {"app": app}, "ports": [{"port": 80}]}, "v1")


def template(name: str, metric: Json, kind: str = "AnalysisTemplate", **spec: Any) -> Json:
    return obj(kind, name, {"metrics": [{"name": name, **metric}], **spec})


def experiment(*templates: Json, **more: Any) -> Json:
    return {"experiment": {"templates": list(templates), **more}}


def of(*names: str, kind: str = "templateName") -> list[Json]:
    return [{kind: name} for name in names]


JOB = {"provider": {"job": {"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}}}
STABLE = {"stableService": "shop-stable", "canaryService": "shop-canary"}
SPLIT = [service("shop-stable", "shop"), service("shop-canary", "shop")]
HOSTS = [
    {"destination": {"host": f"shop-{side}"}, "weight": w}
    for side, w in (("stable", 100), ("canary", 0))
]
SUBSETS = [
    {"destination": {"host": "shop", "subset": side}, "weight": w}
    for side, w in (("stable", 100), ("canary", 0))
]
ISTIO = "networking.istio.io/v1alpha3"


def mesh(sides: list[Json]) -> Json:
    spec = {"hosts": ["shop.example.com"], "http": [{"name": "primary", "route": sides}]}
    return obj("VirtualService", "shop-vsvc", spec, ISTIO)


def istio(**more: Any) -> Json:
    return {"istio": {"virtualService": {"name": "shop-vsvc", "routes": ["primary"]}, **more}}


RANDOM = template("random-fail", {"interval": "5s", "maxFailures": 1, **JOB})
RAMP = [step for w in (40, 60, 80) for step in (weight(w), pause("10s"))]
REF = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
DEPLOYMENT = obj("Deployment", "shop", {"replicas": 0, **pods("shop")}, "apps/v1")

BLUE = {"activeService": "active", "previewService": "preview", "autoPromotionEnabled": False}
BLUE_GREEN: Json = {"blueGreen": BLUE}
RISING_ONCE = canary(weight(20), pause("10s"))
REFERRED = [
    DEPLOYMENT,
    obj("Rollout", "shop", {"replicas": 5, "workloadRef": REF, "strategy": RISING_ONCE}),
]

ARGO: Mapping[str, list[Json]] = {
    "ambassador/rollout.yaml": [
        argo(
            "shop",
            canary(
                *(weight(30), pause("30s"), weight(60), pause("30s"), weight(100), pause(10)),
                trafficRouting={"ambassador": {"mappings": ["echo"]}},
                **STABLE,
            ),
        )
    ],
    "analysis-endtest.yaml": [template("endtest", JOB)],
    "analysis-templates.yaml": [
        template("pass", {"interval": "5s", "maxFailures": 1, **JOB}),
        RANDOM,
    ],
    "apisix/rollout.yaml": [
        argo(
            "shop",
            canary(
                *(weight(20), pause(), weight(40), pause(15), weight(60), pause(15), weight(80)),
                trafficRouting={"apisix": {"route": {"name": "r", "rules": ["shop"]}}},
                **STABLE,
            ),
            replicas=5,
            revisionHistoryLimit=2,
        )
    ],
    "appmesh/canary-rollout.yaml": [
        template(
            "success-rate",
            {
                "interval": "5m",
                "successCondition": "result[0] >= 0.99",
                "failureLimit": 3,
                "provider": {
                    "prometheus": {
                        "address": "http://appmesh-prometheus.appmesh-system:9090",
                        "query": 'sum(irate(rq{c="{{args.name}}",class!~"5.*"}[5m])) / '
                        'sum(irate(rq{c="{{args.name}}"}[5m]))',
                    }
                },
            },
            args=[{"name": "name"}],
        ),
        argo(
            "shop",
            canary(
                *(weight(25), pause(), weight(50), pause("10m"), weight(75), pause("10m")),
                trafficRouting={"appMesh": {"virtualService": {"name": "shop"}}},
                **STABLE,
            ),
            replicas=4,
        ),
    ],
    "cluster-analysis-templates.yaml": [
        template(
            "always-pass",
            {"count": 1, "interval": "5s", "failureLimit": 1, **JOB},
            "ClusterAnalysisTemplate",
        )
    ],
    "example-experiment.yaml": [
        obj(
            "Experiment",
            "example",
            {
                "duration": 60,
                "templates": [{"name": n, **pods("shop")} for n in ("baseline", "canary")],
            },
        )
    ],
    "example-rollout-bluegreen.yaml": [
        argo(
            "shop",
            BLUE_GREEN,
            replicas=1,
            minReadySeconds=30,
            revisionHistoryLimit=3,
        )
    ],
    "example-rollout-canary-run-tmp-canary.yaml": [
        argo(
            "shop",
            canary(weight(20), {"pause": None, "duration": 3600}, weight(0), pause()),
            replicas=5,
            minReadySeconds=30,
            revisionHistoryLimit=3,
        )
    ],
    "example-rollout-canary.yaml": [
        argo(
            "shop",
            canary(weight(20), pause(20), weight(40), pause()),
            replicas=5,
            minReadySeconds=30,
            revisionHistoryLimit=3,
        )
    ],
    "experiment-with-analysis.yaml": [
        obj(
            "Experiment",
            "example",
            {
                "templates": [{"name": n, **pods("shop")} for n in ("purple", "orange")],
                "analyses": [{"name": n, "templateName": n} for n in ("random-fail", "pass")],
            },
        )
    ],
    "istio/istio-mirror.yaml": [
        *SPLIT,
        mesh(HOSTS),
        argo(
            "shop",
            canary(
                {"setCanaryScale": {"weight": 50}},
                {
                    "setMirrorRoute": {
                        "name": "mirror-route",
                        "percentage": 50,
                        "match": [{"method": {"exact": "POST"}, "path": {"prefix": "/color"}}],
                    }
                },
                pause(),
                trafficRouting={**istio(), "managedRoutes": [{"name": "mirror-route"}]},
                **STABLE,
            ),
            replicas=4,
        ),
    ],
    "istio/istio-subset-split.yaml": [
        service("shop", "shop"),
        mesh(SUBSETS),
        argo(
            "shop",
            canary(
                weight(10),
                pause(),
                trafficRouting=istio(
                    destinationRule={
                        "name": "shop-destrule",
                        "canarySubsetName": "canary",
                        "stableSubsetName": "stable",
                    }
                ),
            ),
        ),
    ],
    "notifications/rollout-canary.yaml": [
        argo("shop", canary(weight(20), pause(), *RAMP), replicas=5, revisionHistoryLimit=2)
    ],
    "rollout-analysis-step.yaml": [
        RANDOM,
        argo(
            "shop",
            canary(weight(25), {"analysis": {"name": "step", "templates": of("random-fail")}}),
            replicas=4,
        ),
    ],
    "rollout-background-analysis.yaml": [
        RANDOM,
        argo(
            "shop",
            canary(weight(25), pause(), analysis={"name": "bg", "templates": of("random-fail")}),
            replicas=4,
        ),
    ],
    "rollout-baseline-vs-canary.yaml": [
        argo(
            "shop",
            canary(experiment(*({"name": n, "specRef": n} for n in ("stable", "canary")))),
            replicas=3,
        )
    ],
    "rollout-bluegreen.yaml": [
        service("active", "shop"),
        service("preview", "shop"),
        argo(
            "shop",
            BLUE_GREEN,
            replicas=2,
            revisionHistoryLimit=2,
        ),
    ],
    "rollout-canary-preview.yaml": [
        argo(
            "shop",
            canary(
                experiment(
                    {
                        "name": "preview",
                        "specRef": "canary",
                        "selector": {"matchLabels": {"app": "preview"}},
                        "metadata": {"labels": {"app": "preview"}},
                    }
                )
            ),
            replicas=3,
        )
    ],
    "rollout-canary-with-analysis.yaml": [
        argo(
            "shop",
            canary(
                *(weight(40), pause("1m"), {"analysis": {"templates": of("pass")}}),
                *(weight(60), pause("1m")),
                {"analysis": {"templates": of("always-pass", kind="clusterTemplateName")}},
            ),
            replicas=5,
        )
    ],
    "rollout-canary.yaml": [
        argo(
            "shop",
            canary(weight(20), pause(), weight(40), pause(40), weight(60), pause(20), weight(80)),
            replicas=5,
        )
    ],
    "rollout-experiment-step.yaml": [
        argo(
            "shop",
            canary(
                weight(25),
                experiment(
                    {"name": "canary", "specRef": "canary"},
                    analyses=[{"name": "random-fail", "templateName": "random-fail"}],
                ),
            ),
            replicas=4,
        ),
        template("random-fail", {"interval": 5, "maxFailures": 1, **JOB}),
    ],
    "rollout-rolling-update.yaml": [
        argo(
            "shop", {"canary": {"maxSurge": 1, "maxUnavailable": 1}}, replicas=5, minReadySeconds=10
        )
    ],
    "rollout-secret.yaml": [
        argo("shop", canary(weight(25), {"analysis": {"templates": of("secret")}}, pause())),
        template(
            "secret",
            {
                "count": "{{args.count}}",
                "interval": "{{args.interval}}",
                "successCondition": "result == 'It worked!'",
                "provider": {"web": {"url": "{{args.url}}", "jsonPath": "{$.message}"}},
            },
            args=[
                {
                    "name": "url",
                    "valueFrom": {"secretKeyRef": {"name": "example", "key": "secretUrl"}},
                },
                {"name": "interval", "value": "5s"},
                {"name": "count", "value": "2"},
            ],
        ),
    ],
    "rollout-template-ref.yaml": [
        *REFERRED,
    ],
    "rollout-with-analysis.yaml": [
        argo(
            "shop",
            canary(
                weight(50),
                pause(),
                analysis={"name": "random-fail", "templateName": "random-fail"},
            ),
            replicas=4,
            minReadySeconds=10,
        ),
        template("random-fail", {"interval": 10, "maxFailures": 2, **JOB}),
    ],
    "traffic-management/rollout-linkerd.yaml": [
        argo(
            "shop",
            canary(
                weight(5), pause(), trafficManagement={"smi": {"rootService": "shop"}}, **STABLE
            ),
            replicas=5,
        )
    ],
    "traffic-routing-experiment-step/istio-host-split-experiment-step.yaml": [
        *SPLIT,
        mesh(HOSTS),
        argo("shop", canary(weight(10), trafficRouting=istio(), **STABLE)),
    ],
    "traffic-routing-experiment-step/rollout-alb-experiment-step.yaml": [
        argo(
            "shop",
            canary(
                weight(10),
                experiment({"name": "alb", "specRef": "canary", "weight": 20}),
                trafficRouting={"alb": {"ingress": "i", "rootService": "root", "servicePort": 80}},
                **STABLE,
            ),
        )
    ],
    "traffic-routing-experiment-step/rollout-smi-experiment-step.yaml": [
        argo(
            "shop",
            canary(
                weight(5),
                experiment({"name": "smi", "specRef": "canary", "weight": 10}),
                trafficRouting={"smi": {"trafficSplitName": "shop"}},
                **STABLE,
            ),
        )
    ],
    "workload-ref/workload-ref.yaml": [
        *REFERRED,
    ],
}

RATES = [
    {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
    {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "30s"},
]
OLD_RATES = [
    {"name": "request-success-rate", "threshold": 99, "interval": "1m"},
    {"name": "request-duration", "threshold": 500, "interval": "30s"},
]
OLDEST_RATES = [
    {"name": "istio_requests_total", "threshold": 99, "interval": "1m"},
    {"name": "istio_request_duration_seconds_bucket", "threshold": 500, "interval": "30s"},
]
LOADTESTER = "http://flagger-loadtester.test/"
TESTED: Json = {
    "name": "conformance-test",
    "type": "pre-rollout",
    "url": LOADTESTER,
    "timeout": "15s",
}
TESTED |= {"metadata": {"type": "bash", "cmd": "curl -sd test http://podinfo-canary.test/token"}}
LOADED: Json = {"name": "load-test", "type": "rollout", "url": LOADTESTER, "timeout": "5s"}
LOADED |= {"metadata": {"type": "cmd", "cmd": "hey -z 1m -q 10 -c 2 http://podinfo.test/"}}
UNTYPED = {key: value for key, value in LOADED.items() if key != "type"}
INSIDER = {"headers": {"cookie": {"regex": "^(.*?;)?(type=insider)(;.*)?$"}}}
HTTP = {"match": [{"uri": {"prefix": "/"}}], "rewrite": {"uri": "/"}}
GATEWAYS = {"gateways": ["istio-system/public-gateway", "mesh"], "hosts": ["app.example.com"]}
NO_TLS = {"trafficPolicy": {"tls": {"mode": "DISABLE"}}}
PORTS = {"name": "shop", "port": 80, "targetPort": 9898, "portName": "http", "portDiscovery": True}
RETRIES = {"attempts": 3, "perTryTimeout": "5s", "retryOn": "gateway-error,stream-error"}
STEPWISE = {"interval": "15s", "threshold": 10, "maxWeight": 50, "stepWeight": 5}
SCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "shop"}


def flagger(
    provider: str, of_service: Json, analysis: Json, hooks: list[Json], **spec: Any
) -> list[Json]:
    """A Canary of today's version, with the Deployment that it names."""
    said = {"provider": provider} if provider else {}
    judged = {"metrics": RATES, **analysis, "webhooks": hooks}
    whole = {**said, "targetRef": REF, "service": of_service, "analysis": judged, **spec}
    return [DEPLOYMENT, obj("Canary", "shop", whole, "flagger.app/v1beta1")]


def older(of_service: Json, analysis: Json, rates: list[Json], **spec: Any) -> list[Json]:
    """A Canary of v1alpha3, whose analysis is called ``canaryAnalysis``."""
    judged = {
        "interval": "10s",
        "threshold": 10,
        **analysis,
        "metrics": rates,
        "webhooks": [UNTYPED],
    }
    whole = {
        "targetRef": REF,
        "progressDeadlineSeconds": 60,
        "autoscalerRef": SCALER,
        "service": {"port": 9898, **of_service},
        "canaryAnalysis": judged,
        **spec,
    }
    return [DEPLOYMENT, obj("Canary", "shop", whole, "flagger.app/v1alpha3")]


BOTH = [TESTED, LOADED]
RISING = {"maxWeight": 50, "stepWeight": 5}
COHORTS = {"interval": "15s", "threshold": 10, "iterations": 10}
AGENT = {"headers": {"user-agent": {"regex": ".*Firefox.*"}}}
SAFARI = {"headers": {"user-agent": {"regex": "(?=.*Safari)(?!.*Chrome).*$"}}}
APPMESH = {
    "port": 80,
    "targetPort": 9898,
    "meshName": "global",
    "retries": RETRIES,
    "timeout": "35s",
}

FLAGGER: Mapping[str, list[Json]] = {
    "ab-testing/canary.yaml": older(
        {"gateways": ["public-gateway.istio-system"], "hosts": ["abtest.example.com"]},
        {"iterations": 10, "match": [SAFARI, INSIDER]},
        OLDEST_RATES,
    ),
    "canaries/abtest.yaml": older(
        {**GATEWAYS, **NO_TLS}, {"iterations": 10, "match": [INSIDER, SAFARI]}, OLD_RATES
    ),
    "canaries/canary.yaml": older(GATEWAYS, RISING, OLDEST_RATES),
    "configs/canary.yaml": older(GATEWAYS, RISING, OLD_RATES),
    "examples/appmesh-abtest.yaml": flagger(
        "appmesh",
        {**APPMESH, **HTTP},
        {**COHORTS, "match": [{"headers": {"x-canary": {"exact": "insider"}}}]},
        BOTH,
        autoscalerRef=SCALER,
        progressDeadlineSeconds=600,
    ),
    "examples/appmesh-canary.yaml": flagger(
        "appmesh",
        {**APPMESH, **HTTP},
        STEPWISE,
        BOTH,
        autoscalerRef=SCALER,
        progressDeadlineSeconds=600,
    ),
    "examples/istio-abtest.yaml": flagger(
        "istio",
        {**PORTS, **GATEWAYS, **NO_TLS, **HTTP, "timeout": "30s"},
        {**COHORTS, "match": [INSIDER, AGENT]},
        BOTH,
        autoscalerRef=SCALER,
    ),
    "examples/istio-canary.yaml": flagger(
        "istio",
        {**PORTS, **GATEWAYS, **NO_TLS, **HTTP, "timeout": "30s"},
        STEPWISE,
        BOTH,
        autoscalerRef=SCALER,
        progressDeadlineSeconds=600,
        skipAnalysis=False,
    ),
    "examples/kuma-canary.yaml": flagger(
        "",
        {
            "port": 9898,
            "targetPort": 9898,
            **{
                side: {"annotations": {"9898.service.kuma.io/protocol": "http"}}
                for side in ("apex", "canary", "primary")
            },
        },
        {**STEPWISE, "stepWeight": 10, "threshold": 15, "metrics": OLD_RATES},
        BOTH,
        progressDeadlineSeconds=60,
    ),
    "examples/linkerd-canary-steps.yaml": flagger(
        "linkerd",
        PORTS,
        {
            "interval": "15s",
            "threshold": 10,
            "maxWeight": 50,
            "stepWeights": [*range(5, 60, 5)],
        },
        BOTH,
        autoscalerRef=SCALER,
        skipAnalysis=False,
    ),
    "examples/linkerd-canary.yaml": flagger(
        "linkerd", PORTS, STEPWISE, BOTH, autoscalerRef=SCALER, skipAnalysis=False
    ),
    "examples/osm-canary.yaml": flagger(
        "osm",
        {"port": 9898, "targetPort": 9898},
        STEPWISE,
        BOTH,
        progressDeadlineSeconds=600,
    ),
    "gloo/canary.yaml": older({}, RISING, OLD_RATES),
    "nginx/canary.yaml": older(
        {},
        RISING,
        OLD_RATES,
        ingressRef={"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "shop"},
    ),
}

EXAMPLES: Mapping[str, list[Json]] = {
    # As read from files: no two objects share a part.
    name: json.loads(json.dumps(objs))
    for folder, cases in (("argo-rollouts/examples", ARGO), ("flagger/artifacts", FLAGGER))
    for name, objs in ((f"{folder}/{name}", objs) for name, objs in cases.items())
}


def mistakes(made: Conversion) -> list[str]:
    """What is still to be mended by hand, as ``rollout convert`` says it."""
    text = yaml.safe_dump_all(made.objects)
    found = load.text("converted.yaml", text.encode()).errors if made.objects else ()
    return [str(error) for error in found]


SHORT = (
    "argo-rollouts/examples/istio/istio-subset-split.yaml",
    "flagger/artifacts/examples/istio-abtest.yaml",
)
"""One of each project, in every run of the tests."""
PLAYED = (
    *SHORT,
    "argo-rollouts/examples/istio/istio-mirror.yaml",
    "argo-rollouts/examples/example-rollout-canary.yaml",
    "argo-rollouts/examples/rollout-bluegreen.yaml",
    "argo-rollouts/examples/workload-ref/workload-ref.yaml",
    "argo-rollouts/examples/traffic-routing-experiment-step/istio-host-split-experiment-step.yaml",
    "flagger/artifacts/configs/canary.yaml",
    "flagger/artifacts/examples/istio-canary.yaml",
    "flagger/artifacts/examples/linkerd-canary-steps.yaml",
)
"""Those that ``tests/lab/journeys/test_converted.py`` plays: weights, cohorts, a mirror, pods of a
Deployment, a blue-green; Flagger's even and listed weights."""


def page() -> str:
    """``docs/converted.md``."""
    rows = []
    for name, objs in EXAMPLES.items():
        made = converted(objs)
        lost = {note.path.removeprefix("spec.") for note in made.notes if note.fate is Fate.LOST}
        counts = " | ".join(str(made.count(fate)) for fate in Fate)
        kinds = ", ".join(dict.fromkeys(str(obj["kind"]) for obj in made.objects)) or "nothing"
        told = ", ".join(f"`{path}`" for path in sorted(lost)) or "nothing"
        played = "yes" if name in PLAYED else "no"
        mend = len(mistakes(made))
        rows.append(f"| `{name}` | {kinds} | {counts} | {told} | {mend} | {played} |")
    fields = [
        f"| {kind} | `{path}` | {fate.value} | {how.replace('|', chr(92) + '|')} |"
        for kind, path, fate, how in everything.fates()
    ]
    return _HEAD + "\n".join(rows) + "\n" + _FIELDS + "\n".join(fields) + "\n"


_FIELDS = """
## Every field

Generated from `tests/convert/everything.py`, which has every field of Argo Rollouts'
`docs/features/specification.md` and types, and of Flagger's `artifacts/flagger/crd.yaml`.
What becomes of a field may depend on its value: then each case that was tried has its row.
A field that none of them publishes is lost by its name.

| kind | field | fate | what becomes of it |
| --- | --- | --- | --- |
"""
_HEAD = """# Published examples, converted

Generated from `tests/convert/published.py` by `make generate`; a test fails when it is stale.
Each row is a published example of [Argo Rollouts](https://github.com/argoproj/argo-rollouts/tree/master/examples)
or [Flagger](https://github.com/fluxcd/flagger/tree/main/artifacts) with what `rollout convert`
makes of it: how many fields are converted, changed and lost, which are lost, and how many mistakes
are left to mend by hand before `rollout validate` is content. The report of each conversion says
of every field why, and what to do. None is lost without a word: a test looks for each leaf.

Examples without a release object (services, gateways, load testers) are left out, and so are
helm's, whose templates are no YAML.

Ten are played in the lab from their converted form (weights, cohorts, a mirror, a blue-green), a
push step by step to everyone, with real requests counted at each step
(`tests/lab/journeys/test_converted.py`); all that become a Rollout are validated and planned.
What the hand-over asks for stands there before, and what the report says is lost is not there.

| example | becomes | converted | changed | lost | lost by name | to mend | played |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
