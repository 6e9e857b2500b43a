"""Which DestinationRules are in force for a host: several of one host are read as one.

Source: istio/istio, pilot/pkg/model/destination_rule.go and push_context.go.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rollout.lab.kube.client import Object
from rollout.lab.mesh.names import Snapshot, age, fqdn

ROOT = "istio-system"
"""Istio's root namespace, whose rules hold where the service's own namespace has none."""


def in_force(world: Snapshot, host: str) -> Mapping[str, Any]:
    """The ``spec`` for callers of ``host`` (a full name); empty if no rule is for it.

    The service's namespace comes before the root; there a name before a pattern, and of patterns
    the longest. The lab's callers have no rules of their own, and no ``workloadSelector`` means
    them.
    """
    for namespace in dict.fromkeys((_namespace(host), ROOT)):
        near = [each for each in world.destination_rules if _shown(each, namespace)]
        patterns = {_host(each) for each in near if _covers(_host(each), host)}
        if patterns:
            best = max(patterns, key=lambda pattern: (not pattern.startswith("*"), len(pattern)))
            return _merged(each for each in near if _host(each) == best)
    return {}


def _merged(rules: Iterable[Object]) -> Mapping[str, Any]:
    """The first policy, and of each name the first subset; the oldest rule is the first.

    Rules that are exported elsewhere are kept apart from it.
    """
    first, *others = sorted(rules, key=age)
    alike = [each for each in others if _exported(each) == _exported(first)]
    specs = [each["spec"] for each in (first, *alike)]
    subsets: dict[str, Object] = {}
    for subset in (each for spec in specs for each in spec.get("subsets") or ()):
        subsets.setdefault(subset["name"], subset)
    policies = [spec["trafficPolicy"] for spec in specs if spec.get("trafficPolicy")]
    policy = {"trafficPolicy": policies[0]} if policies else {}
    return {**first["spec"], **policy, "subsets": list(subsets.values())}


def _shown(rule: Object, namespace: str) -> bool:
    """Whether the rule is of ``namespace`` and callers of other namespaces can see it."""
    if rule["metadata"]["namespace"] != namespace or rule["spec"].get("workloadSelector"):
        return False
    return namespace != ROOT or "*" in _exported(rule)


def _exported(rule: Object) -> frozenset[str]:
    return frozenset(rule["spec"].get("exportTo") or ["*"])


def _host(rule: Object) -> str:
    return fqdn(rule["spec"].get("host", ""), rule["metadata"]["namespace"])


def _namespace(host: str) -> str:
    return host.split(".")[1] if ".svc." in host else ""


def _covers(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*") else pattern == host
