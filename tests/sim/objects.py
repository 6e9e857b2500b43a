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
from tests.controller.shop import NAMESPACE, a_rollout, obj
from tests.sim.plan import Setup, Subject
from tests.sim.server import Json, Server

NAMES = ("shop", "cart", "mail")
LONG = "-of-a-team-whose-names-are-all-as-long-as-anybody-can-have-them"
REVISIONS = ("v1", "v2", "v3")
ANN, EVE = "U0ANN", "U0EVE"
PLANTED = "planted-Tr0ub4dor"
"""The password that git is read with; it leaves us nowhere (S25)."""
APPROVAL = {"slack": "#releases", "approvers": [ANN], "expires": "2m"}
GATE = {
    "name": "qa", "url": "https://qa.invalid/gate", "secretRef": {"name": "qa"}, "interval": "5s",
}  # fmt: skip
_TESTERS = [{"headers": {"x-tester": {"exact": "1"}}}]

STRATEGIES: Mapping[str, Json] = {
    "steps": {"canary": {"steps": [{"weight": w, "bake": "20s"} for w in (5, 25, 50)]}},
    "one step": {"canary": {"steps": [{"weight": 50, "bake": "30s"}]}},
    "approved": {
        "canary": {
            "steps": [
                {"weight": 10, "bake": "10s", "approval": APPROVAL},
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
    "sticky": {"canary": {"steps": [{"weight": w, "bake": "20s"} for w in (20, 60)]}},
}


def names(setup: Setup) -> list[str]:
    """What each subject is called: as usual, or as long as its Deployments' names allow."""
    pairs = zip(NAMES, setup.subjects, strict=False)
    return [(name + LONG)[:60] if subject.long else name for name, subject in pairs]


def spec(name: str, subject: Subject, revision: str = "v1") -> Json:
    """What git asks of the rollout ``name``."""
    more: dict[str, Any] = {"analysis": {"metrics": [_limit(name)]}}
    if subject.shared:
        more["analysis"]["templates"] = [{"name": name}]
    more["strategy"] = STRATEGIES[subject.strategy]
    if subject.workload != "user":
        more["workload"] = {"deployments": name + "-{revision}", "scale": "managed", "drain": "5s"}
    if subject.workload == "scaled":
        more["workload"]["autoscaler"] = {"name": f"{name}-load"}
    if subject.strategy == "sticky":
        more["traffic"] = {"stickiness": {"cookie": f"{name}-canary", "for": "1d"}}
    if subject.strict:
        more["analysis"]["onNoData"] = "pause"
    if subject.careful:
        more |= {"onDrift": "pause", "onFailure": "hold", "progressDeadline": "2m"}
    made: Json = a_rollout(name, revision, **more)
    return made


def begin(server: Server, setup: Setup) -> None:
    """Everything is there but the Rollouts: stable runs, and serves everyone."""
    server.put(obj("Namespace", NAMESPACE, {}, namespace=""))
    for name, subject in zip(names(setup), setup.subjects, strict=True):
        server.put(*mesh(name, subject), obj("Service", name, {"selector": {"app": name}}))
        for revision in REVISIONS:
            server.put(deployment(name, subject, revision, setup.pods))
        if subject.workload == "scaled":
            server.put(autoscaler(name, setup.pods))
        if subject.shared:
            server.put(template(name))
    if any(subject.strategy == "gated" for subject in setup.subjects):
        server.put(secret("qa", key="planted-key"))


def template(name: str) -> Json:
    """The limit of ``spec``, where others can name it, too."""
    return obj("AnalysisTemplate", name, {"metrics": [{**_limit(name), "name": "shared"}]})


def _limit(name: str) -> Json:
    query = f"errors_{name}"
    return {"name": "limit", "query": query, "max": 1, "failures": {"consecutive": 1}}


def source(url: str) -> list[Json]:
    """Where git is, and what it is read with."""
    reference = {"name": "git"}
    spec = {"url": url, "interval": "15s", "prune": True, "secretRef": reference}
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
    subsets = {
        "role": [{"name": "stable", "labels": {"version": "v1"}}],
        "version": [{"name": rev, "labels": {"version": rev}} for rev in REVISIONS],
        "host": [],
    }[subject.author]
    subset = {"role": {"subset": "stable"}, "version": {"subset": stable}, "host": {}}[
        subject.author
    ]
    other: dict[str, Any] = {
        "match": [{"uri": {"prefix": "/other"}}],
        "route": [{"destination": {"host": "other"}}],
    }
    if subject.mirrored:
        other["mirror"] = {"host": name, **subset}
    mine = {
        "name": "main",
        "timeout": "3s",
        "retries": {"attempts": 2},
        "route": [{"destination": {"host": name, **subset}}],
    }
    return [
        *_rules(name, subject, subsets),
        obj("VirtualService", name, {"hosts": [name], "http": [other, mine]}),
    ]


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
        case "none":
            return []
        case "namesake":
            return [obj("DestinationRule", name, {"host": "other", "subsets": []})]
        case "policies":
            subsets = [{**one, **policy} for one in subsets]
        case "no subsets":
            return [obj("DestinationRule", name, {"host": name, **policy})]
    return [obj("DestinationRule", name, {"host": name, "subsets": subsets})]


def deployment(name: str, subject: Subject, revision: str, pods: int) -> Json:
    """A Deployment of people's own; behind a bare host only v1 runs before it is adopted."""
    labels = {"app": name, "version": revision}
    runs = (
        pods if revision == "v1" or (subject.author != "host" and subject.workload == "user") else 0
    )
    return obj(
        "Deployment",
        f"{name}-{revision}",
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


def weights(vs: Json, name: str) -> list[dict[str, int]]:
    """Per managed http route: its destinations of ours, subset to weight."""
    found = []
    for route in vs["spec"].get("http") or ():
        dests = route.get("route") or ()
        if any(d.get("destination", {}).get("host") == name for d in dests):
            alone = len(dests) == 1
            found.append(
                {
                    d["destination"].get("subset", ""): d.get("weight", 100 if alone else 0)
                    for d in dests
                }
            )
    return found


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
