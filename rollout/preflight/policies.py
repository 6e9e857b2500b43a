"""Rules about policies around the service: who may call it, sees its routes, is counted."""

from collections.abc import Iterator

from rollout.istio import hosts
from rollout.istio.routes.listing import namespace, spec
from rollout.labels import Selector, selector
from rollout.preflight.snapshot import Case, Obj, labels, named, template

_NEEDED_TAGS = (
    "reporter",
    "response_code",
    "destination_workload",
    "destination_workload_namespace",
)
"""What the analysis tells revisions and errors apart by (Istio, "Standard Metrics")."""

_NEEDED_METRICS = ("ALL_METRICS", "REQUEST_COUNT", "REQUEST_DURATION")
"""What the analysis counts, in the words of Istio's Telemetry API, ``MetricSelector``."""


def uncovered(case: Case) -> Iterator[str]:
    """ROL-042, W: a policy by label that holds for stable's pods and not for the canary's."""
    by_name = {str(w["metadata"]["name"]): w for w in case.workloads}
    stable, canary = by_name.get(case.stable), by_name.get(case.canary)
    if stable is None or canary is None:
        return
    for kind, policy, wanted in _selecting(case):
        holds = [wanted.matches(labels(w)) for w in (stable, canary)]
        if holds == [True, False]:
            yield f"{named(policy, kind)}: holds for {case.stable} and not for {case.canary}"
    accounts = [_account(w) for w in (stable, canary)]
    if accounts[0] != accounts[1] and case.snapshot.authorization_policies:
        both = " and ".join(accounts)
        told = f"service accounts differ ({both}); policies may know only the first"
        yield f"{named(canary, 'deployment')}: {told}"


def _selecting(case: Case) -> Iterator[tuple[str, Obj, Selector]]:
    """Policies that hold for pods by their labels; those of the root namespace hold everywhere."""
    snapshot = case.snapshot
    for policy in snapshot.authorization_policies:
        if namespace(policy, case.target) in (case.target.namespace, snapshot.root):
            yield "authorizationpolicy", policy, selector(spec(policy).get("selector"))
    for policy in case.here(snapshot.network_policies):
        yield "networkpolicy", policy, selector(spec(policy).get("podSelector"))
    for policy in case.here(snapshot.pdbs):
        yield "poddisruptionbudget", policy, selector(spec(policy).get("selector"))


def _account(workload: Obj) -> str:
    return str((template(workload).get("spec") or {}).get("serviceAccountName") or "default")


def hidden(case: Case) -> Iterator[str]:
    """ROL-043, W: callers that cannot see the route or its subsets are not split."""
    seen = [("virtualservice", o) for o in case.managed]
    for kind, obj in (*seen, *(("destinationrule", r) for r in case.rules)):
        export = sorted(case.exported(obj))
        if "*" not in export:
            whom = f"callers outside {', '.join(export)}" if export else "everybody"
            yield f"{named(obj, kind)}: exportTo hides it from {whom}"
    for sidecar in case.snapshot.sidecars:
        egress = spec(sidecar).get("egress") or ()
        patterns = [str(h) for entry in egress for h in entry.get("hosts") or ()]
        if patterns and not any(_allows(p, sidecar, case) for p in patterns):
            whom = _whose(patterns, sidecar, case)
            yield f"{named(sidecar, 'sidecar')}: does not let {whom} see {case.target.host}"


def _allows(pattern: str, sidecar: Obj, case: Case, home: str = "") -> bool:
    """Whether callers of namespace ``home`` see the service by it; empty: the Sidecar's own.

    Source: Istio API, Sidecar, ``IstioEgressListener.hosts``: ``namespace/dnsName``.
    """
    space, _, host = pattern.partition("/")
    own = home or namespace(sidecar, case.target)
    meant = own if space == "." else space
    return meant in ("*", case.target.namespace) and hosts.covers(host, case.target.host)


def _whose(patterns: list[str], sidecar: Obj, case: Case) -> str:
    """The callers that it keeps from seeing the service.

    In the root namespace ``.`` is the namespace of each caller.
    Source: istio/istio, pilot/pkg/model/sidecar.go, ``convertToSidecarScope``.
    """
    home, root = case.target.namespace, namespace(sidecar, case.target) == case.snapshot.root
    if root and any(_allows(p, sidecar, case, home) for p in patterns):
        return f"callers outside {home}"
    return "its callers"


def lost_tags(case: Case) -> Iterator[str]:
    """ROL-054, W: labels that Telemetry takes away are missing in every query of ours."""
    for telemetry in (each for each in case.snapshot.telemetries if _counts(each, case)):
        for metrics in spec(telemetry).get("metrics") or ():
            for override in metrics.get("overrides") or ():
                yield from (f"{named(telemetry, 'telemetry')}: {lost}" for lost in _lost(override))


def _counts(telemetry: Obj, case: Case) -> bool:
    """Whether it holds for what the pods of either side count, or for all callers near them."""
    near = namespace(telemetry, case.target) in (case.target.namespace, case.snapshot.root)
    chosen = selector(spec(telemetry).get("selector"))
    return near and (chosen.empty or any(chosen.matches(labels(w)) for w in case.workloads))


def _lost(override: Obj) -> Iterator[str]:
    which = (override.get("match") or {}).get("metric") or "ALL_METRICS"
    if which not in _NEEDED_METRICS:
        return
    if override.get("disabled"):
        told = "every metric" if which == "ALL_METRICS" else which
        yield f"switches off {told}; the gates would be blind"
    for tag, change in (override.get("tagOverrides") or {}).items():
        if tag in _NEEDED_TAGS and change.get("operation") == "REMOVE":
            yield f"takes label {tag} away, which the analysis needs"
