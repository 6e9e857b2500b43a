"""Which webhooks a write concerns: rules and selectors; pure.

Source: Kubernetes, apiserver, pkg/admission/plugin/webhook/predicates (rules, namespace, object).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.lab.apiserver.kinds.kind import Kind
from rollout.lab.apiserver.storage.admission import Admission

JsonObject = dict[str, Any]

EXEMPT = "admissionregistration.k8s.io"
"""Configurations of webhooks are never shown to webhooks, or nobody could mend a broken one."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook of one configuration, as it is stored."""

    configuration: str
    spec: JsonObject

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def uid(self) -> str:
        return f"{self.configuration}/{self.name}"

    @property
    def reinvoked(self) -> bool:
        return bool(self.spec.get("reinvocationPolicy") == "IfNeeded")

    @property
    def may_fail(self) -> bool:
        return bool(self.spec.get("failurePolicy") == "Ignore")


def listed(configurations: Iterable[JsonObject]) -> list[Webhook]:
    """In the order in which they are asked: configurations by name, webhooks as they stand."""
    ordered = sorted(configurations, key=lambda each: str(each["metadata"]["name"]))
    return [
        Webhook(str(each["metadata"]["name"]), spec)
        for each in ordered
        for spec in each.get("webhooks") or ()
    ]


def version_asked(webhook: Webhook, about: Admission, kind: Kind) -> str | None:
    """The version in which the webhook wants to see such a write; None if it does not.

    ``matchPolicy: Equivalent`` takes any served version of the kind, converted.
    """
    if kind.group == EXEMPT:
        return None
    version = about.options.version or kind.storage
    equivalent = webhook.spec.get("matchPolicy") != "Exact"
    versions = dict.fromkeys((version, *(kind.versions if equivalent else ())))
    return next((each for each in versions if _ruled(webhook, about, kind, each)), None)


def _ruled(webhook: Webhook, about: Admission, kind: Kind, version: str) -> bool:
    return any(
        _has(rule.get("operations"), about.operation)
        and _has(rule.get("apiGroups"), kind.group)
        and _has(rule.get("apiVersions"), version)
        and _scope(rule.get("scope") or "*", kind)
        and any(_resource(each, kind, about) for each in rule.get("resources") or ())
        for rule in webhook.spec.get("rules") or ()
    )


def _has(values: Sequence[str] | None, value: str) -> bool:
    return "*" in (values or ()) or value in (values or ())


def _scope(scope: str, kind: Kind) -> bool:
    return scope == "*" or (scope == "Namespaced") is kind.namespaced


def _resource(rule: str, kind: Kind, about: Admission) -> bool:
    """``*`` is every resource without its subresources, ``*/*`` is all there is."""
    resource, _, part = rule.partition("/")
    return resource in ("*", kind.plural) and part in ("*", about.options.subresource)


def in_namespace(webhook: Webhook, about: Admission, kind: Kind, labels: Mapping[str, str]) -> bool:
    """``labels``: those of the object's namespace. A cluster-scoped object is never left out."""
    if not kind.namespaced and kind.resource != "namespaces":
        return True
    if kind.resource == "namespaces" and about.operation != "DELETE":
        labels = about.object["metadata"].get("labels") or {}
    return selects(webhook.spec.get("namespaceSelector"), labels)


def on_object(webhook: Webhook, about: Admission) -> bool:
    """Either of the object as it shall be and as it was is enough."""
    return any(
        selects(webhook.spec.get("objectSelector"), each["metadata"].get("labels") or {})
        for each in (about.object, about.old)
        if each is not None
    )


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Source: apimachinery, LabelSelectorAsSelector; an empty selector takes everything."""
    wanted = (selector or {}).get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _expression(each, labels) for each in (selector or {}).get("matchExpressions") or ()
    )


def _expression(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
