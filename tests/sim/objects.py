"""What people have written before a play begins, and where each subject's requests go."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rollout.controller.seeing.pods import HPA
from rollout.errors import ManifestError
from rollout.manifest import record
from rollout.model.status import RolloutStatus
from rollout.workloads import template as made
from rollout.workloads.deployment import REVISION
from tests.controller.shop import NAMESPACE, a_rollout, obj
from tests.sim import shapes
from tests.sim.plan import Setup, Subject
from tests.sim.server import Json, Server

NAMES = ("shop", "cart", "mail", "desk", "news", "maps")
LONG = "-of-a-team-whose-names-are-all-as-long-as-anybody-can-have-them"
REVISIONS = ("v1", "v2", "v3")
ANN, EVE = "U0ANN", "U0EVE"
PLANTED = "planted-Tr0ub4dor"
"""The password that git is read with; it leaves us nowhere (S25)."""
APPROVAL = {"slack": "#releases", "approvers": [ANN], "expires": "2m"}
PREVIEW = "preview.invalid"
GATE = {
    "name": "qa", "url": "https://qa.invalid/gate", "secretRef": {"name": "qa"}, "interval": "5s",
}  # fmt: skip
GROUP = "S0TEAM"
_OF_A_GROUP = {**APPROVAL, "approvers": [GROUP]}
_TESTERS = [{"headers": {"x-tester": {"exact": "1"}}}]


def _asking(**more: Any) -> Json:
    """A strategy whose first step asks whoever may press, or may write the object."""
    who = {**APPROVAL, "approvers": [ANN, "kubernetes"], **more}
    first = {"weight": 10, "bake": "10s", "approval": who}
    return {"canary": {"steps": [first, {"weight": 50, "bake": "20s"}]}}


_MARKED: list[Json] = [
    *_TESTERS,
    {"headers": {"x-region": {"prefix": "eu-"}, "x-any": {"present": True}}},
    {"cookies": {"beta": {"exact": "1"}}},
    {"query": {"beta": {"present": True}}, "method": {"exact": "GET"}},
    {"path": {"prefix": "/api"}},
    {"path": {"exact": "/health"}, "method": {"present": True}},
]
_COOKIES: list[Json] = [
    {"cookies": {"beta": {"prefix": "x."}, "lab": {"present": True}, "a": {"regex": "b|c"}}},
    {"cookies": {"user": {"exact": "ann"}}, "headers": {"x-tester": {"regex": "[0-9]"}}},
]
_CLAIMS: list[Json] = [{"headers": {"@request.auth.claims.Group": {"exact": "staff"}}}]
_FOUR: list[Json] = [{"cookies": {name: {"exact": "1"} for name in "abcd"}}]
_ODD: list[Json] = [{"headers": {"cookie": {"regex": ".*odd.*"}}}]

STRATEGIES: Mapping[str, Json] = {
    "steps": {"canary": {"steps": [{"weight": w, "bake": "20s"} for w in (5, 25, 50)]}},
    "boxed": {
        "canary": {"steps": [{"weight": w, "bake": "20s", "timeBox": "30s"} for w in (5, 25, 50)]}
    },
    "one step": {"canary": {"steps": [{"weight": 50, "bake": "30s"}]}},
    "approved": {
        "canary": {
            "steps": [
                {"weight": 10, "bake": "10s", "approval": APPROVAL},
                {"weight": 50, "bake": "20s"},
            ]
        }
    },
    "grouped": {
        "canary": {"steps": [{"weight": 10, "bake": "10s", "approval": _OF_A_GROUP}]},
    },
    "four eyes": _asking(notAuthor=True),
    "two people": _asking(quorum=2),
    "nowhere asked": {
        "canary": {
            "steps": [
                {"weight": 10, "bake": "10s", "approval": {"approvers": ["kubernetes"]}},
                {"weight": 50, "bake": "20s"},
            ]
        }
    },
    "testers": {
        "canary": {
            "steps": [
                {"name": "testers", "cohorts": _TESTERS, "bake": "20s"},
                {"weight": 20, "bake": "20s"},
            ],
            "bakeAfterPromotion": "30s",
        }
    },
    "marked": {
        "canary": {
            "steps": [
                {"cohorts": _MARKED, "bake": "10s", "fault": {"delay": "1s", "percent": "50%"}},
                {"weight": 20, "cohorts": _MARKED, "bake": "10s", "fault": {"abort": 503}},
                {"weight": 50, "bake": "10s", "mirror": "12.5%"},
            ]
        }
    },
    "cookies": {"canary": {"steps": [{"cohorts": _COOKIES, "bake": "10s"}]}},
    "paths": {"canary": {"steps": [{"cohorts": [_MARKED[4]], "bake": "10s"}]}},
    "anybody": {"canary": {"steps": [{"cohorts": [{"path": {"present": True}}], "bake": "10s"}]}},
    "claims": {"canary": {"steps": [{"cohorts": _CLAIMS, "bake": "10s"}]}},
    "four cookies": {"canary": {"steps": [{"cohorts": _FOUR, "bake": "10s"}]}},
    "same cookie": {"canary": {"steps": [{"cohorts": _COOKIES[1:], "bake": "10s"}]}},
    "odd cookie": {"canary": {"steps": [{"cohorts": _ODD, "bake": "10s"}]}},
    "dark": {"dark": {"steps": [{"mirror": "50%", "bake": "30s"}], "finish": "promote"}},
    "dark held": {"dark": {"steps": [{"mirror": "50%", "bake": "20s"}], "finish": "hold"}},
    "blue-green": {"blueGreen": {"preview": _TESTERS, "bake": "30s", "keepWarm": "1m"}},
    "gated": {
        "canary": {
            "steps": [
                {"weight": 10, "bake": "20s", "webhook": GATE},
                {"weight": 50, "bake": "20s"},
            ]
        }
    },
    "gated and baked": {
        "canary": {
            "steps": [{"weight": 10, "bake": "20s", "webhook": GATE}],
            "bakeAfterPromotion": "30s",
        }
    },
    "sticky": {"canary": {"steps": [{"weight": w, "bake": "20s"} for w in (20, 60)]}},
    "nobody first": {
        "canary": {
            "steps": [
                {"weight": 0, "bake": "10s", "approval": {**APPROVAL, "approvers": ["kubernetes"]}},
                {"weight": 50, "bake": "20s"},
            ]
        }
    },
    "unseen": {"blueGreen": {"bake": "20s", "keepWarm": "30s"}},
    "all at once": {"canary": {"steps": [{"weight": w, "bake": "20s"} for w in (100, 100)]}},
    "sticky to all": {
        "canary": {"steps": [{"weight": w, "bake": "10s"} for w in (0, 50, 100, 100)]}
    },
    "preview": {"blueGreen": {"previewHost": PREVIEW, "bake": "30s", "keepWarm": "30s"}},
    "dark held twice": {
        "dark": {"steps": [{"mirror": m, "bake": "20s"} for m in ("10%", "50%")], "finish": "hold"}
    },
    "sized": {
        "canary": {
            "steps": [
                {"weight": 50, "bake": "20s", "replicas": 1},
                {"weight": 75, "bake": "20s", "replicas": 2},
            ],
        }
    },
    "plain then dressed": {
        "canary": {
            "steps": [
                {"weight": 20, "bake": "20s"},
                {"weight": 40, "bake": "20s", "mirror": "50%"},
                {"weight": 60, "bake": "20s"},
            ],
            "bakeAfterPromotion": "20s",
        }
    },
}


def names(setup: Setup) -> list[str]:
    """What each subject is called: as usual, or as long as its Deployments' names allow."""
    pairs = zip(NAMES, setup.subjects, strict=False)
    return [(name + LONG)[:60] if subject.long else name for name, subject in pairs]


def revision(name: str, subject: Subject, called: str) -> str:
    """What ``called`` (v1, v2, v3) is named; with a template by its content."""
    if not subject.templated or called not in REVISIONS:
        return called
    return made.revision(pod_template(name, called, 0), [config(name)])


def pod_template(name: str, called: str, pods: int) -> Json:
    """The Deployment spec in the Rollout that makes the pods of ``called``."""
    source = {"configMapRef": {"name": f"{name}-config"}}
    container = {"name": "app", "image": f"app:{called}", "envFrom": [source]}
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {"replicas": pods, "template": pod}


def config(name: str) -> Json:
    """What the template names besides."""
    return {**obj("ConfigMap", f"{name}-config", None), "data": {"key": "value"}}


def place(name: str) -> tuple[str, str, str]:
    """Where ``config`` is."""
    return "ConfigMap", NAMESPACE, f"{name}-config"


def spec(name: str, subject: Subject, asked: str, pods: int = 2) -> Json:
    """What git asks of the rollout ``name``: the revision ``asked``."""
    how = STRATEGIES[subject.strategy]
    more: dict[str, Any] = {"analysis": _analysis(name, subject)}
    more["strategy"] = boxed(how) if subject.counts and subject.judged != "patient" else how
    if subject.templated:
        called = next((c for c in REVISIONS if revision(name, subject, c) == asked), asked)
        more["workload"] = {"template": pod_template(name, called, pods), "drain": "5s"}
    elif subject.workload != "user":
        more["workload"] = {"deployments": name + "-{revision}", "scale": "managed", "drain": "5s"}
    if subject.workload in ("scaled", "template scaled"):
        more["workload"]["autoscaler"] = {"name": f"{name}-load"}
    if subject.strategy.startswith("sticky"):
        more["traffic"] = {"stickiness": {"cookie": f"{name}-canary", "for": "1d"}}
    if subject.author == "edged":
        more["traffic"] = {"virtualServices": [{"name": name}, {"name": f"{name}-edge"}]}
    if subject.careful:
        more |= {"onDrift": "pause", "onFailure": "hold", "progressDeadline": "2m"}
    if subject.shape in shapes.TRAFFIC:
        more["traffic"] = shapes.TRAFFIC[subject.shape]
    found: Json = a_rollout(name, "" if subject.templated else asked, **more)
    return found


def _analysis(name: str, subject: Subject) -> Json:
    """What it is judged by, and what becomes of it where that says nothing certain."""
    made: dict[str, Any] = {"metrics": [_limit(name)]}
    if subject.shared:
        made["templates"] = [{"name": name}]
    if subject.counts:
        made = {"metrics": [{"name": "errors"}], "interval": "5s"}
    if subject.strict:
        made["onNoData"] = "pause"
    if subject.harsh:
        made["onSuspicious"] = "rollback"
    if subject.careful and subject.counts:
        made["onInconclusive"] = "hold"
    made |= JUDGED.get(subject.judged, {})
    if subject.judged == "dry limits":
        made["metrics"] = [_limit(name), *_dry(name)]
    return made


_SLOWER = {"name": "latency", "slowerThan": ["80ms", "250ms"]}
_QUANTILE = {"name": "tail", "latency": {"quantile": 0.95, "max": "200ms"}}
_OWN = {
    "name": "orders",
    "bad": 'own_bad{workload="{{workload}}"}',
    "total": 'own_total{workload="{{workload}}"}',
}
JUDGED: Mapping[str, Json] = {
    "": {},
    "source": {"reporter": "source"},
    "strict": {"metrics": [{"name": "errors", "strict": True, "failures": {"consecutive": 2}}]},
    "success rate": {"metrics": [{"name": "errors", "successRate": {"min": "99%"}}]},
    "in all": {"metrics": [{"name": "errors", "strict": True, "failures": {"total": 3}}]},
    "dry": {
        "metrics": [
            {"name": "errors"},
            {"name": "rate", "successRate": {"min": "99.99%"}, "dryRun": True},
        ]
    },
    "dry limits": {},
    "many": {"minRequests": 20000},
    "latency": {"metrics": [{"name": "errors"}, {"name": "latency"}]},
    "slower": {"metrics": [{"name": "errors"}, _SLOWER]},
    "quantile": {"metrics": [{"name": "errors"}, _QUANTILE]},
    "no such bucket": {"metrics": [{"name": "latency", "slowerThan": ["1m"]}]},
    "own": {"metrics": [_OWN]},
    "all": {"metrics": [{"name": "errors"}, {"name": "latency"}, _OWN, _QUANTILE]},
    "template": {"templates": [{"name": "measures", "args": {"of": "total"}}]},
    "tolerant": {"metrics": [{"name": "errors", "tolerate": {"ratio": 2, "absolute": "1%"}}]},
    "nothing": {"metrics": []},
    "shown": {"metrics": [{"name": "errors", "dryRun": True}]},
    "usual": {"interval": "15s", "metrics": [{"name": "errors"}, {"name": "latency"}]},
    "usual errors": {"interval": "15s"},
    "cold": {"warmup": "1m"},
    "warm": {"warmup": "0s"},
    "patient": {},
    "decided": {"onInconclusive": "rollback"},
    "clients, servers alone": {"reporter": "source"},
    "usual quantile": {"interval": "15s", "metrics": [{"name": "errors"}, _QUANTILE]},
    "errors twice": {"metrics": [{"name": "errors"}, _OWN]},
}
"""By whose counters, by which kind of limit, by what is only shown; by more requests than come.

By latencies, a team's own counters, or what a template says; each minute of a cold pod's is loose,
and ``patient`` has no time box.
"""
TIMED = ("latency", "slower", "quantile", "all", "usual", "usual quantile")
"""Which of them judge latencies, and go back for them."""
_WANTING: list[Json] = [{"name": "templated", "query": "errors_{{args.more}}", "max": 1}]
UNKNOWABLE = ("no such bucket", "clients, servers alone")
"""Which of them nobody can answer, whatever happens."""
MEASURES: Json = {
    "args": {"of": None, "by": "1"},
    "metrics": [
        {
            "name": "templated",
            "bad": 'own_bad{workload="{{workload}}"} * {{args.by}}',
            "total": 'own_total{workload="{{workload}}",of="{{args.of}}"}',
        }
    ],
}
"""A template of which one argument must be given."""
MISTAKEN: Mapping[str, Json | None] = {
    "it is gone": None,
    "it wants more": {"args": {"of": None, "by": "1", "more": None}, "metrics": _WANTING},
    "nobody can read it": {"metrics": [{"name": "templated"}]},
    "it has an odd value": {**MEASURES, "args": {"of": None, "by": "a b"}},
}
"""What becomes of it."""


def _dry(name: str) -> list[Json]:
    """Limits of both kinds that the number is always beyond, and that nobody acts upon."""
    query = {"query": f"errors_{name}", "dryRun": True}
    return [
        {"name": "low", **query, "min": 1.0},
        {"name": "high", **query, "max": -1.0, "failures": {"total": 3}},
    ]


def asks_people(subject: Subject) -> bool:
    """Whether one of its steps asks for an approval."""
    return "approval" in json.dumps(STRATEGIES[subject.strategy])


def boxed(strategy: Json) -> Json:
    """The strategy whose steps wait no longer than a while for evidence."""
    (kind, how), box = next(iter(strategy.items())), {"timeBox": "40s"}
    if "steps" not in how:
        return {kind: {**how, **box}}
    return {kind: {**how, "steps": [{**step, **box} for step in how["steps"]]}}


def begin(server: Server, setup: Setup) -> None:
    """Everything is there but the Rollouts: stable runs, and serves everyone."""
    server.put(obj("Namespace", NAMESPACE, {}, namespace=""))
    for name, subject in zip(names(setup), setup.subjects, strict=True):
        server.put(
            *mesh(name, subject),
            *edge(name, subject),
            obj("Service", name, {"selector": {"app": name}}),
        )
        if subject.templated:
            server.put(config(name))
        else:
            for called in REVISIONS:
                server.put(deployment(name, subject, called, setup.pods))
        if subject.workload in ("scaled", "template scaled"):
            stable = revision(name, subject, "v1")
            server.put(autoscaler(name, setup.pods, stable))
        if subject.shared:
            server.put(template(name))
        if "templates" in JUDGED.get(subject.judged, {}):
            server.put(obj("AnalysisTemplate", "measures", MEASURES))
    if any(subject.strategy.startswith("gated") for subject in setup.subjects):
        server.put(secret("qa", key="planted-key"))


def template(name: str) -> Json:
    """The limit of ``spec``, where others can name it, too."""
    return obj("AnalysisTemplate", name, {"metrics": [{**_limit(name), "name": "shared"}]})


def _limit(name: str) -> Json:
    query = f"errors_{name}"
    return {"name": "limit", "query": query, "max": 1, "failures": {"consecutive": 1}}


def source(url: str, *, manifests: bool = False) -> list[Json]:
    """Where git is, and what it is read with; ``manifests``: it has a team's own objects, too."""
    reference = {"name": "git"}
    spec: dict[str, Any] = {"url": url, "interval": "15s", "prune": True, "secretRef": reference}
    spec |= {"manifests": True} if manifests else {}
    made = secret("git", username="ci", password=PLANTED)
    return [made, obj("RolloutSource", "git", spec)]


def secret(name: str, **entries: str) -> Json:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in entries.items()}
    return {**obj("Secret", name, None), "data": data}


def autoscaler(name: str, pods: int, stable: str = "v1") -> Json:
    """An HPA that keeps the release's pods between as many as there are and six."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{name}-{stable}"}
    spec = {"scaleTargetRef": target, "minReplicas": pods, "maxReplicas": 6}
    return obj(HPA, f"{name}-load", spec)


def mesh(name: str, subject: Subject, stable: str = "v1") -> list[Json]:
    """The author's DestinationRule and VirtualService; by version, it names ``stable``."""
    author = "role" if subject.author == "edged" else subject.author
    label = REVISION if subject.templated else "version"
    subsets = {
        "role": [{"name": "stable", "labels": {label: revision(name, subject, "v1")}}],
        "version": [{"name": rev, "labels": {"version": rev}} for rev in REVISIONS],
        "split": [{"name": rev, "labels": {"version": rev}} for rev in REVISIONS],
        "host": [],
    }[author]
    subset = {
        "role": {"subset": "stable"},
        "version": {"subset": stable},
        "split": {"subset": stable},
        "host": {},
    }[author]
    other: dict[str, Any] = {
        "match": [{"uri": {"prefix": "/other"}}],
        "route": [{"destination": {"host": "other"}}],
    }
    if subject.mirrored:
        other["mirror"] = {"host": name, **subset}
    sides: list[Json] = [{"destination": {"host": name, **subset}}]
    if subject.author == "split" and stable == "v1":
        canary = {"destination": {"host": name, "subset": "v2"}, "weight": 30}
        sides = [{**sides[0], "weight": 70}, canary]
    hosts = [name, PREVIEW] if subject.strategy == "preview" else [name]
    bound: dict[str, Any] = {"hosts": hosts, **shapes.bound(subject.beside)}
    if subject.beside and not shapes.bound(subject.beside):
        bound = {}  # a delegate of somebody's
    mine = {"name": "main", "timeout": "3s", "retries": {"attempts": 2}, "route": sides}
    written: dict[str, Any] = {**bound, "http": [other, mine]}
    if subject.shape:
        written = {**bound, **shapes.SHAPES[subject.shape](name, mine)}
    made = _of_age(obj("VirtualService", name, written), subject, "1")
    return [*_rules(name, subject, subsets), made]


def _of_age(made: Json, subject: Subject, second: str) -> Json:
    """With the time at which it was made, where others beside it are older, or younger."""
    if not subject.beside:
        return made
    return {
        **made,
        "metadata": {**made["metadata"], "creationTimestamp": f"{_DAY}T00:00:0{second}Z"},
    }


_DAY = "2026-01-01"


def _rules(name: str, subject: Subject, subsets: Sequence[Json]) -> list[Json]:
    """What people say about connections to the service, and which subsets it has."""
    policy = {"trafficPolicy": {"connectionPool": {"http": {"http2MaxRequests": 64}}}}
    match subject.rule:
        case (
            "several" | "several plain"
        ):  # the second one has its policy, and a subset that the first one has, too
            extra = [*subsets[:1], {"name": "eu", "labels": {"region": "eu"}}]
            beside = {"host": name, "subsets": extra} | (
                policy if subject.rule == "several" else {}
            )
            own = {"host": name, "subsets": subsets}
            return [obj("DestinationRule", name, own), obj("DestinationRule", f"z{name}", beside)]
        case "pattern":
            wide = {"host": f"*.{NAMESPACE}.svc.cluster.local", **policy, "subsets": subsets}
            return [obj("DestinationRule", "everybody", wide)]
        case "patterns":
            hosts = {"host": f"*.{NAMESPACE}.svc.cluster.local"}
            first = obj("DestinationRule", "everybody", {**hosts, "subsets": subsets})
            return [first, obj("DestinationRule", "everybody-else", {**hosts, **policy})]
        case "none":
            return []
        case "namesake":
            return [obj("DestinationRule", name, {"host": "other", "subsets": []})]
        case "policies":
            subsets = [{**one, **policy} for one in subsets]
        case "no subsets":
            return [obj("DestinationRule", name, {"host": name, **policy})]
    return [obj("DestinationRule", name, {"host": name, "subsets": subsets})]


def edge(name: str, subject: Subject) -> list[Json]:
    """Where the author names two VirtualServices, the second: what comes in by a gateway.

    Or one of another team, that shares its host at the gateway.
    """
    if subject.beside:
        beside = shapes.BESIDE[subject.beside].objects(name)
        return [
            _of_age(obj(kind, called, spec), subject, "0" if called.startswith("a-") else "2")
            for kind, called, spec in beside
        ]
    if subject.author != "edged":
        return []
    inner = mesh(name, subject)[-1]
    spec = {**inner["spec"], "hosts": ["shop.example"], "gateways": ["edge"]}
    return [obj("VirtualService", f"{name}-edge", spec)]


def deployment(name: str, subject: Subject, called: str, pods: int) -> Json:
    """A Deployment of people's own; behind a bare host only v1 runs before it is adopted."""
    labels = {"app": name, "version": called}
    runs = (
        pods if called == "v1" or (subject.author != "host" and subject.workload == "user") else 0
    )
    return obj(
        "Deployment",
        f"{name}-{called}",
        {
            "replicas": runs,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}},
        },
    )


def status(rollout: Json) -> RolloutStatus:
    """What is stored of a rollout; as of a new one where somebody scribbled over that."""
    return record.status(rollout) if is_whole(rollout) else RolloutStatus()


def is_whole(rollout: Json) -> bool:
    """Whether what is stored of it can be read; people who scribbled over it mend it, too."""
    try:
        record.status(rollout)
    except ManifestError:
        return False
    return True


def written(obj: Json | None) -> Json:
    """What stands in the spec of an object; nothing where it has none, or is not there."""
    found: Json = (obj or {}).get("spec") or {}
    return found


def means(subset: Json) -> str:
    """The revision whose pods a subset selects; empty: it tells none apart."""
    labels = subset.get("labels") or {}
    return str(labels.get("version") or labels.get(REVISION) or "")


def weights(vs: Json, name: str) -> list[dict[str, int]]:
    """Per managed http route: its destinations, of ours by their subset, and their weights."""
    found = []
    for route in written(vs).get("http") or ():
        dests = route.get("route") or ()
        if any(d.get("destination", {}).get("host") == name for d in dests):
            alone = len(dests) == 1
            found.append(
                {_side(d["destination"], name): d.get("weight", 100 if alone else 0) for d in dests}
            )
    return found


def _side(destination: Json, name: str) -> str:
    """The subset of a destination of ours; the whole of somebody else's, with its host."""
    host, subset = destination["host"], str(destination.get("subset", ""))
    return subset if host == name else f"{host}/{subset}"


def epoch(noted: Json, name: str) -> int | None:
    """The fencing epoch that the rollout ``name`` wrote on an object; None: nothing of it."""
    notes = noted["metadata"].get("annotations") or {}
    text = notes.get(mark(name))
    try:
        read = int(json.loads(text)["epoch"]) if text else -1
    except (KeyError, TypeError, ValueError):  # somebody scribbled on it
        read = -1
    return read if 0 <= read < 2**53 else None


def mark(name: str) -> str:
    """The annotation of the rollout ``name``: its whole name, or the most of it and a digest."""
    whole = f"{name}.{NAMESPACE}"
    if len(whole) > 63:
        whole = f"{whole[:52]}-{hashlib.sha256(whole.encode()).hexdigest()[:10]}"
    return f"rollout.dev/{whole}"
