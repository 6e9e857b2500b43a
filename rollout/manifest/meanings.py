"""What a field is for, where its noun has no room to say it: by class and name in a manifest.

CRDs, the editors' schema and the reference page have these; a test says that no field lacks one.
"""

from collections.abc import Mapping

_CHANNEL = "who must say yes before it ends"

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "Analysis": {
        "metrics": "what is judged at every step; empty: nothing is",
        "templates": "metrics of AnalysisTemplates of this namespace, on top",
        "confidence": "how sure the judge must be",
    },
    "AnalysisTemplateSpec": {"metrics": "as in `analysis.metrics`, with `{{args.NAME}}`"},
    "Approval": {
        "quorum": "how many different people must say yes",
        "expires": "how long a step waits for them, and how long a yes counts",
    },
    "Autoscaler": {"name": "a HorizontalPodAutoscaler of this namespace"},
    "BlueGreen": {
        "bake": "the least time at the preview, from confirmation",
        "timeBox": "when to stop waiting for evidence",
        "analysis": "more metrics, at the preview only",
        "approval": _CHANNEL,
        "webhook": "an HTTP gate of yours that must open first",
    },
    "Canary": {
        "steps": "in order; empty: 5, 10, 20, 30 and 40 %",
        "bakeAfterPromotion": "how long the old pods stay, and gates judge, once all is over",
    },
    "Cluster": {"gateway": "the pods through which its users come in"},
    "Confidence": {"harmCap": "how much harm a certificate must rule out"},
    "ControlPlaneUpgradeSpec": {
        "istioNamespace": "where istiod runs",
        "install": "how the new revision comes to be; empty: it is there already",
        "canary": "the first namespaces, before all waves",
        "waves": "the other namespaces, in order",
        "gateways": "gateways that are moved by shares of their pods",
        "tags": "revision tags that are moved to the new revision",
        "default": "the revision that is injected where no label names one",
        "analysis": "what is judged after each wave; as of a Rollout, also where it is left out",
        "remove": "approval: the old revision goes once a person says yes; keep: it stays",
        "preflight": "rules that are let pass, with the reason",
        "onFailure": "what follows a failed gate",
        "notify": "who is told",
    },
    "Dark": {
        "steps": "in order",
        "finish": "what follows the last step: hold waits for a person",
        "bakeAfterPromotion": "how long the old pods stay once everyone is over",
    },
    "DefaultMove": {"bake": "the least time after it was moved", "approval": _CHANNEL},
    "Gateway": {"namespace": "its namespace", "workload": "the name of its Deployment"},
    "GatewayMove": {
        "shares": "percent of its pods that are of the new revision, step by step",
        "bake": "the least time at each share",
        "timeBox": "when to stop waiting for evidence",
        "approval": _CHANNEL,
    },
    "HarmCap": {
        "errors": "percentage points of errors more than stable",
        "slow": "percentage points of slow requests more than stable",
    },
    "Install": {
        "external": "somebody else installs it; we wait",
        "manifests": "objects of a ConfigMap are applied",
        "sail": "an Istio object of the Sail operator is edited",
    },
    "LatencyLimit": {"quantile": "the share of requests that must be faster, such as 0.99"},
    "Metric": {
        "name": "what screens call it; `errors` and `latency` are built in",
        "tolerate": "how much worse than stable is still fine",
        "successRate": "a limit of its own, whatever stable does",
        "latency": "a limit of its own, whatever stable does",
        "min": "the least value of `query`",
        "max": "the greatest value of `query`",
        "failures": "how many readings beyond a limit fail it",
    },
    "Notify": {
        "webhook": "an HTTP server of yours that is told",
        "events": "what is told of",
    },
    "OverruleSwitch": {"reason": "why; it is kept and shown"},
    "Probe": {
        "url": "what is asked in green, past DNS",
        "status": "the HTTP status it must answer",
    },
    "RecordObject": {"name": "of a DNSEndpoint of this namespace"},
    "RolloutSpec": {
        "workload": "where the pods of a revision come from",
        "strategy": "where requests go, step by step; exactly one of the three",
        "traffic": "which objects carry the traffic; empty: found by the service",
        "analysis": "what a canary is judged by; left out, or `{}`: errors and latency against "
        "stable; `{metrics: []}`: nothing, and time and people alone end a step",
        "notify": "who is told",
        "preflight": "rules that are let pass, with the reason",
        "onFailure": "what follows a failed gate",
        "onDrift": "what follows a foreign edit of what we wrote",
    },
    "Sail": {"version": "the version that the Istio object asks for"},
    "SecretRef": {"name": "of a Secret of this namespace"},
    "Step": {
        "name": "what screens call it; empty: `step 1`, `step 2`, …",
        "approval": _CHANNEL,
        "webhook": "an HTTP gate of yours that must open first",
    },
    "Strategy": {
        "canary": "a rising share of ordinary requests",
        "dark": "mirrored requests and cohorts only; ordinary users see stable",
        "blueGreen": "a preview, then everyone at once",
    },
    "SwitchoverSpec": {
        "blue": "where users are",
        "green": "where they are to go",
        "dns": "the records that send users to either",
        "probes": "what green must answer before any user goes there",
        "analysis": "what is judged at each step, at both gateways; as of a Rollout, also where "
        "it is left out",
        "drain": "when blue has no users any more",
        "overrule": "rules that are let pass, with the reason",
        "onFailure": "what follows a failed gate",
    },
    "TagMove": {
        "name": "the tag, as in `istioctl tag list`",
        "bake": "the least time after it was moved",
        "approval": _CHANNEL,
    },
    "TemplateUse": {
        "name": "of an AnalysisTemplate of this namespace",
        "args": "values of its arguments; those with a default may be left out",
    },
    "Traffic": {
        "virtualServices": "those to patch; empty: all with a route to the service",
        "stickiness": "a user stays on the version that they got",
    },
    "VirtualServiceRef": {
        "name": "its name",
        "namespace": "empty: the Rollout's own",
        "routes": "its named routes to turn; empty: all of the service's",
    },
    "Wave": {
        "name": "what screens call it",
        "percentage": "the share of the remaining namespaces that it takes",
        "oneAtATime": "each of its namespaces is a wave of its own",
        "tag": "the revision tag whose namespaces it takes",
        "approval": _CHANNEL,
    },
    "Webhook": {"name": "what screens call it"},
}


def given(found: Mapping[str, object], title: str) -> None:
    """The fields of the JSON Schema ``found``, of the class ``title``, have their meanings."""
    definitions = found.get("$defs")
    nouns = {**definitions} if isinstance(definitions, dict) else {}
    for name, noun in {**nouns, title: found}.items():
        fields = noun.get("properties", {}) if isinstance(noun, dict) else {}
        for field, meaning in MEANINGS.get(name, {}).items():
            if field in fields:
                fields[field].setdefault("description", meaning)
