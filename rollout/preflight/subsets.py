"""Rules about DestinationRules: subsets that exist, select pods, and do not hurt a small canary."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from rollout.istio import destinationrule, virtualservice
from rollout.istio.routes import reach
from rollout.istio.routes.apart import full_gateway
from rollout.istio.routes.listing import is_host, meant, namespace, spec, subset, weight, where
from rollout.preflight.pods import is_strict
from rollout.preflight.snapshot import Case, Obj, labels, named
from rollout.workloads import deployment, selector

_ENOUGH_PODS = 3
"""Envoy ejects at least one host whatever the percentage (Envoy, "Outlier detection")."""


def missing_subset(case: Case) -> Iterator[str]:
    """ROL-010, B: requests to a subset that no rule has get 503 (IST0101)."""
    for obj, name, sent in _unknown(case):
        if sent:
            told = f"sends requests to subset {name}, which no destinationrule has"
            yield f"{where(obj, case.target)}: {told}; such requests get 503"


def unused_subset(case: Case) -> Iterator[str]:
    """ROL-010, W: as the block, where the subset has weight 0 and so no requests."""
    for obj, name, sent in _unknown(case):
        if not sent:
            told = f"names subset {name}, which no destinationrule has"
            yield f"{where(obj, case.target)}: {told}; with a weight such requests would get 503"


def _unknown(case: Case) -> Iterator[tuple[Obj, str, bool]]:
    """Subsets named in managed objects that nobody has, and whether requests are sent there."""
    here = {name for rule in case.rules for name in destinationrule.subsets(rule)}
    ours = {case.target.stable, case.target.canary}
    for obj in case.managed:
        sent = set(_live_in(obj, case))
        for name in virtualservice.referenced(obj, case.target):
            if name not in here | ours:
                yield obj, name, name in sent


def empty_subset(case: Case) -> Iterator[str]:
    """ROL-011, B: a subset with weight and without ready pods answers 503 (IST0173)."""
    if case.service is None or not case.snapshot.pods:
        return
    ready = case.ready()
    pods = [p for p in case.here(case.snapshot.pods) if p["metadata"]["name"] in ready]
    known = destinationrule.subsets(destinationrule.in_force(case.rules, case.target))
    for name in _live(case):
        if name not in known:
            continue
        wanted = known[name] | (case.service["spec"].get("selector") or {})
        carried = [p["metadata"].get("labels") or {} for p in pods]
        if not any(selector.matches(wanted, c) for c in carried):
            yield f"service {case.target.host}: subset {name} has requests but no ready pod"
    yield from _unnamed(case, ready)


def _unnamed(case: Case, ready: frozenset[str]) -> Iterator[str]:
    """A route that names no subset reaches every pod, until the journey names stable's."""
    workload = next((d for d in case.workloads if d["metadata"]["name"] == case.stable), None)
    names = {p["metadata"]["name"] for p in case.pods(workload)} if workload else set()
    if names & ready or not any(
        name is None for obj in case.managed for name in _live_in(obj, case)
    ):
        return
    told = (
        f"would get all requests of a route without a subset, and has no ready pod of {case.stable}"
    )
    yield f"service {case.target.host}: subset {case.target.stable} {told}"


def _live(case: Case) -> Iterator[str]:
    """Subsets that get requests of managed routes now, each once."""
    named = (name for obj in case.managed for name in _live_in(obj, case) if name is not None)
    return iter(dict.fromkeys(named))


def _live_in(obj: Obj, case: Case) -> Iterator[str | None]:
    """The subsets of its destinations that get requests; None: one without a subset."""
    space = namespace(obj, case.target)
    for _, route in meant(obj, case.target):
        entries = route.get("route") or []
        for entry in entries:
            mine = is_host(entry, space, case.target) and (len(entries) == 1 or weight(entry))
            if mine:
                yield subset(entry)


def several_rules(case: Case) -> Iterator[str]:
    """ROL-012, W: of several rules for one host the oldest wins, whichever that is."""
    for rules in _merged(case):
        if len(rules) > 1:
            names = ", ".join(sorted(str(r["metadata"]["name"]) for r in rules))
            told = f"all are for {case.target.host}, and the oldest wins"
            yield f"destinationrules {names}: {told}; one is wanted"
    for rule in case.rules:
        counted = Counter(s["name"] for s in rule["spec"].get("subsets") or ())
        for name, count in counted.items():
            if count > 1:
                yield f"{named(rule, 'destinationrule')}: {count} subsets are named {name}"


def _merged(case: Case) -> Iterator[list[Obj]]:
    """Rules that Istio reads as one: of one namespace, for all callers, and for the same ones."""
    for rules in _by_namespace(case).values():
        shown: dict[tuple[str, ...], list[Obj]] = {}
        for rule in (r for r in rules if not spec(r).get("workloadSelector")):
            shown.setdefault(tuple(sorted(case.exported(rule))), []).append(rule)
        yield from shown.values()


def _by_namespace(case: Case) -> dict[str, list[Obj]]:
    found: dict[str, list[Obj]] = {}
    for rule in case.rules:
        found.setdefault(namespace(rule, case.target), []).append(rule)
    return found


def elsewhere(case: Case) -> Iterator[str]:
    """ROL-013, W: a rule in a third namespace holds for callers of that namespace alone."""
    for rule in case.rules:
        space = namespace(rule, case.target)
        if space not in (case.target.namespace, case.snapshot.root):
            told = f"only callers in {space} use it, and no journey changes it"
            yield f"{named(rule, 'destinationrule')}: {told}"


def unknown_elsewhere(case: Case) -> Iterator[str]:
    """ROL-010, B: callers who have a rule of their own look there for our subsets."""
    shown = {space for obj in case.managed for space in _calling(obj, case)}
    sides = {case.target.stable, case.target.canary} - {""}
    for space, rules in _by_namespace(case).items():
        mine = space in (case.target.namespace, case.snapshot.root)
        whole = [r for r in rules if not spec(r).get("workloadSelector")]
        some = [[r] for r in rules if spec(r).get("workloadSelector")]
        groups = ([] if mine or not whole else [whole]) + some
        for group in groups if shown & {"*", space} else ():
            here = {name for rule in group for name in destinationrule.subsets(rule)}
            if missing := sorted(sides - here):
                told = f"{_callers(group[0], space)} use it, and it has no subset"
                what = f"{told} {' or '.join(missing)}"
                yield f"{named(group[0], 'destinationrule')}: {what}; they would get 503"


def _calling(obj: Obj, case: Case) -> Iterator[str]:
    """The namespaces from which requests take its routes; ``*``: any.

    Those of a gateway are sent by its own pods, which live where it does.
    """
    for root, name in case.bound(obj):
        if name == reach.MESH:
            yield from case.exported(obj)
        else:
            yield full_gateway(name, namespace(root, case.target)).partition("/")[0]


def _callers(rule: Obj, space: str) -> str:
    chosen = (spec(rule).get("workloadSelector") or {}).get("matchLabels") or {}
    labelled = ", ".join(f"{key}={value}" for key, value in sorted(chosen.items()))
    return f"callers in {space}" + (f" labelled {labelled}" if labelled else "")


def hidden(case: Case) -> Iterator[str]:
    """ROL-013, W: a rule that we make hides the one that was in force by a pattern or the root."""
    rules = case.snapshot.destination_rules
    found = destinationrule.in_force(rules, case.target)
    if found is not None and destinationrule.chosen(rules, case.target) is None:
        told = "a rule that we make hides it; it has a copy of its policy, not of later edits"
        yield f"{named(found, 'destinationrule')}: {told}"


def overlapping(case: Case) -> Iterator[str]:
    """ROL-014, W: a subset that also selects the other's pods makes weights a fiction."""
    rule = destinationrule.in_force(case.rules, case.target)
    pair = {case.target.stable, case.target.canary}
    known = {n: s for n, s in destinationrule.subsets(rule).items() if n in pair}
    select = ((case.service or {}).get("spec") or {}).get("selector") or {}
    for name, wanted in known.items():
        if selector.matches(wanted, select):
            yield f"subset {name} of {case.target.host} selects every pod of the service"
        both = [w for w in case.workloads if selector.matches(wanted, labels(w))]
        if len(both) > 1 and not selector.matches(wanted, select):
            names = " and ".join(str(w["metadata"]["name"]) for w in both)
            yield f"subset {name} of {case.target.host} selects pods of {names}"
    for one, two in combinations(known, 2):
        if known[one] == known[two] and known[one]:
            yield f"subsets {one} and {two} of {case.target.host} select the same pods"


def _policies(case: Case) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every traffic policy for the host, with its name for people."""
    for rule in case.rules:
        told = named(rule, "destinationrule")
        yield from _with_ports(told, spec(rule).get("trafficPolicy") or {})
        for entry in spec(rule).get("subsets") or ():
            yield from _with_ports(
                f"{told} subset {entry['name']}", entry.get("trafficPolicy") or {}
            )


def _with_ports(told: str, policy: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The policy, and what it says of single ports, where that stands in its place."""
    yield told, policy
    for port in policy.get("portLevelSettings") or ():
        yield f"{told} port {(port.get('port') or {}).get('number')}", port


def hashing(case: Case) -> Iterator[str]:
    """ROL-030, W: the hash picks a pod inside a subset; the subset is picked at random before."""
    if case.sticky:
        return
    for told, policy in _policies(case):
        if (policy.get("loadBalancer") or {}).get("consistentHash"):
            yield f"{told}: consistentHash does not hold users on a version; see traffic.stickiness"
    if case.service is not None and case.service["spec"].get("sessionAffinity") == "ClientIP":
        told = "sessionAffinity is ignored by the mesh"
        yield f"service {case.target.host}: {told}; see traffic.stickiness"


def ejection(case: Case) -> Iterator[str]:
    """ROL-032, W: one ejection can empty a small canary, and the server's counters go quiet."""
    small = [
        w
        for w in case.workloads
        if w["metadata"]["name"] == case.canary and deployment.replicas(w) < _ENOUGH_PODS
    ]
    for told, policy in _policies(case):
        if policy.get("outlierDetection") and small:
            pods = deployment.replicas(small[0])
            yield f"{told}: outlierDetection with {pods} canary pods can eject all of them"


def pools(case: Case) -> Iterator[str]:
    """ROL-033, W: limits hold for each subset and were sized for the whole service."""
    for told, policy in _policies(case):
        if policy.get("connectionPool"):
            yield f"{told}: connectionPool limits hold for each subset; are they sized for all?"


def locality(case: Case) -> Iterator[str]:
    """ROL-046, W: locality rules may send requests elsewhere than the weights say."""
    for told, policy in _policies(case):
        setting = (policy.get("loadBalancer") or {}).get("localityLbSetting") or {}
        for key in ("distribute", "failover"):
            if setting.get(key):
                yield f"{told}: locality {key} can override the expected split"


def plain_text(case: Case) -> Iterator[str]:
    """ROL-040, W: callers told to speak plain text to pods that accept mTLS only."""
    strict = any(is_strict(workload, case) for workload in case.workloads)
    for told, policy in _policies(case):
        if strict and (policy.get("tls") or {}).get("mode") == "DISABLE":
            yield f"{told}: tls DISABLE, but the pods accept mTLS only (PeerAuthentication STRICT)"
