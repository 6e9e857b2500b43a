"""What the server itself fills in or refuses when a built-in object is created."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from json import dumps
from typing import Any

from rollout.lab.apiserver.problems import Cause, Subject, invalid

JsonObject = dict[str, Any]

_ADDRESSES = count(1)


def namespace(document: JsonObject, _: JsonObject | None) -> JsonObject:
    """Every namespace carries its name as a label."""
    metadata = document["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {**document, "metadata": {**metadata, "labels": labels}}


def pod_flaws(document: JsonObject) -> list[Cause]:
    """A container's name is its own, among init containers and others together.

    Source: Kubernetes, pkg/apis/core/validation, ``validateInitContainers``.
    """
    spec = document.get("spec") or {}
    taken: set[str] = set()
    found = []
    for field in ("containers", "initContainers"):
        for index, each in enumerate(spec.get(field) or ()):
            name = str(each.get("name", ""))
            if name in taken:
                message = f'Duplicate value: "{name}"'
                where = f"spec.{field}[{index}].name"
                found.append(Cause("FieldValueDuplicate", where, message))
            taken.add(name)
    return found


def service(document: JsonObject, old: JsonObject | None) -> JsonObject:
    """An address of 10.96.0.0/16, given once; nobody listens there, the lab's mesh goes by name."""
    spec = document.get("spec") or {}
    if spec.get("clusterIP") or spec.get("type") == "ExternalName":
        return document
    was = (old or {}).get("spec") or {}
    address = was.get("clusterIP") or _next_address()
    return {**document, "spec": {**spec, "clusterIP": address, "clusterIPs": [address]}}


def _next_address() -> str:
    number = next(_ADDRESSES)
    return f"10.96.{number >> 8 & 255}.{number & 255}"


def deployment(document: JsonObject, old: JsonObject | None) -> JsonObject:
    """The selector must choose the template's own pods; a rolling update has its two limits."""
    document = _templated(document, old, "deployments", "Deployment")
    spec = document["spec"]
    strategy = spec.get("strategy") or {}
    if strategy.get("type") != "RollingUpdate" or "rollingUpdate" in strategy:
        return document
    rolling = {"maxUnavailable": "25%", "maxSurge": "25%"}
    return {**document, "spec": {**spec, "strategy": {**strategy, "rollingUpdate": rolling}}}


def replica_set(document: JsonObject, old: JsonObject | None) -> JsonObject:
    """The selector must choose the template's own pods."""
    return _templated(document, old, "replicasets", "ReplicaSet")


def stateful_set(document: JsonObject, old: JsonObject | None) -> JsonObject:
    """As of a ReplicaSet; a rolling update has a partition."""
    return _rolling(_templated(document, old, "statefulsets", "StatefulSet"), {"partition": 0})


def daemon_set(document: JsonObject, old: JsonObject | None) -> JsonObject:
    """As of a ReplicaSet; a rolling update has its two limits."""
    limits = {"maxSurge": 0, "maxUnavailable": 1}
    return _rolling(_templated(document, old, "daemonsets", "DaemonSet"), limits)


def _rolling(document: JsonObject, limits: JsonObject) -> JsonObject:
    spec = document["spec"]
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") != "RollingUpdate" or "rollingUpdate" in strategy:
        return document
    return {**document, "spec": {**spec, "updateStrategy": {**strategy, "rollingUpdate": limits}}}


def mutating_webhooks(document: JsonObject, _: JsonObject | None) -> JsonObject:
    """Each webhook must promise that a dry run has no effects, and say what it reads."""
    return _hooked(document, "MutatingWebhookConfiguration")


def validating_webhooks(document: JsonObject, _: JsonObject | None) -> JsonObject:
    """As for mutating ones."""
    return _hooked(document, "ValidatingWebhookConfiguration")


def _hooked(document: JsonObject, kind: str) -> JsonObject:
    """Source: Kubernetes, pkg/apis/admissionregistration/validation/validation.go."""
    found = []
    for index, each in enumerate(document.get("webhooks") or ()):
        where = f"webhooks[{index}]"
        if not each.get("admissionReviewVersions"):
            message = "Required value: must specify one of v1, v1beta1"
            found.append(Cause("FieldValueRequired", f"{where}.admissionReviewVersions", message))
        if each.get("sideEffects") not in ("None", "NoneOnDryRun"):
            found.append(_effects(f"{where}.sideEffects", each.get("sideEffects")))
    if found:
        group, plural = "admissionregistration.k8s.io", f"{kind.lower()}s"
        raise invalid(Subject(group, plural, kind, document["metadata"]["name"]), found)
    return document


def _effects(where: str, value: str | None) -> Cause:
    if value is None:
        allowed = "Required value: must specify one of None, NoneOnDryRun"
        return Cause("FieldValueRequired", where, allowed)
    supported = '"None", "NoneOnDryRun"'
    message = f'Unsupported value: "{value}": supported values: {supported}'
    return Cause("FieldValueNotSupported", where, message)


def _templated(
    document: JsonObject, old: JsonObject | None, resource: str, kind: str
) -> JsonObject:
    _check_template(document, old, Subject("apps", resource, kind, document["metadata"]["name"]))
    return document


def _check_template(document: JsonObject, old: JsonObject | None, subject: Subject) -> None:
    spec = document.get("spec") or {}
    if not spec:
        raise invalid(subject, [Cause("FieldValueRequired", "spec", "Required value")])
    if old is not None and (old.get("spec") or {}).get("selector") != spec.get("selector"):
        message = f"Invalid value: {dumps(spec.get('selector'))}: field is immutable"
        raise invalid(subject, [Cause("FieldValueInvalid", "spec.selector", message)])
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if not wanted.items() <= labels.items():
        message = f"Invalid value: {_go_map(labels)}: `selector` does not match template `labels`"
        cause = Cause("FieldValueInvalid", "spec.template.metadata.labels", message)
        raise invalid(subject, [cause])


def _go_map(labels: Mapping[str, str]) -> str:
    inside = ", ".join(f'"{key}":"{value}"' for key, value in sorted(labels.items()))
    return f"map[string]string{{{inside}}}"
