"""Rules about policies around the service: who may call it, sees its routes, is counted."""

from collections.abc import Iterator

from rollout.istio import hosts
from rollout.istio.routes.listing import namespace
from rollout.labels import Labels
from rollout.preflight.snapshot import Case, Obj, labels, named, template
from rollout.workloads import selector

_NEEDED_TAGS = (
    "reporter",
    "response_code",
    "destination_workload",
    "destination_workload_namespace",
)
"""What the analysis tells revisions and errors apart by (Istio, "Standard Metrics")."""


def uncovered(case: Case) -> Iterator[str]:
    """ROL-042, W: a policy by label that holds for stable's pods and not for the canary's."""
    by_name = {str(w["metadata"]["name"]): w for w in case.workloads}
    stable, canary = by_name.get(case.stable), by_name.get(case.canary)
    if stable is None or canary is None:
        return
    for kind, policy, wanted in _selecting(case):
        holds = [selector.matches(wanted, labels(w)) for w in (stable, canary)]
        if wanted and holds == [True, False]:
            yield f"{named(policy, kind)}: holds for {case.stable} and not for {case.canary}"
    accounts = [_account(w) for w in (stable, canary)]
    if accounts[0] != accounts[1] and case.snapshot.authorization_policies:
        both = " and ".join(accounts)
        told = f"service accounts differ ({both}); policies may know only the first"
        yield f"{named(canary, 'deployment')}: {told}"


def _selecting(case: Case) -> Iterator[tuple[str, Obj, Labels]]:
    snapshot = case.snapshot
    for policy in case.here(snapshot.authorization_policies):
        select = policy["spec"].get("selector") or {}
        yield "authorizationpolicy", policy, select.get("matchLabels") or {}
    for policy in case.here(snapshot.network_policies):
        select = policy["spec"].get("podSelector") or {}
        yield "networkpolicy", policy, select.get("matchLabels") or {}
    for policy in case.here(snapshot.pdbs):
        select = policy["spec"].get("selector") or {}
        yield "poddisruptionbudget", policy, select.get("matchLabels") or {}


def _account(workload: Obj) -> str:
    return str((template(workload).get("spec") or {}).get("serviceAccountName") or "default")


def hidden(case: Case) -> Iterator[str]:
    """ROL-043, W: callers that cannot see the route or its subsets are not split."""
    seen = [("virtualservice", o) for o in case.managed]
    for kind, obj in (*seen, *(("destinationrule", r) for r in case.rules)):
        export = obj["spec"].get("exportTo") or ["*"]
        if "*" not in export:
            told = f"exportTo hides it from callers outside {', '.join(export)}"
            yield f"{named(obj, kind)}: {told}"
    for sidecar in case.snapshot.sidecars:
        patterns = [h for e in sidecar["spec"].get("egress") or () for h in e.get("hosts") or ()]
        if patterns and not any(_allows(p, sidecar, case) for p in patterns):
            told = f"does not let its callers see {case.target.host}"
            yield f"{named(sidecar, 'sidecar')}: {told}"


def _allows(pattern: str, sidecar: Obj, case: Case) -> bool:
    """Source: Istio API, Sidecar, ``IstioEgressListener.hosts``: ``namespace/dnsName``."""
    space, _, host = pattern.partition("/")
    here = namespace(sidecar, case.target)
    meant = here if space == "." else space
    return meant in ("*", case.target.namespace) and hosts.covers(host, case.target.host)


def lost_tags(case: Case) -> Iterator[str]:
    """ROL-054, W: labels that Telemetry takes away are missing in every query of ours."""
    spaces = (case.target.namespace, case.snapshot.root)
    for telemetry in case.snapshot.telemetries:
        if namespace(telemetry, case.target) not in spaces:
            continue
        for metrics in telemetry["spec"].get("metrics") or ():
            for override in metrics.get("overrides") or ():
                yield from (f"{named(telemetry, 'telemetry')}: {lost}" for lost in _lost(override))


def _lost(override: Obj) -> Iterator[str]:
    if override.get("disabled"):
        which = (override.get("match") or {}).get("metric") or "every metric"
        yield f"switches off {which}; the gates would be blind"
    for tag, change in (override.get("tagOverrides") or {}).items():
        if tag in _NEEDED_TAGS and change.get("operation") == "REMOVE":
            yield f"takes label {tag} away, which the analysis needs"
