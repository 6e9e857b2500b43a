"""AdmissionReview: what a webhook is sent, and what its answer means; pure.

Source: Kubernetes, k8s.io/api/admission/v1, types.go; apiserver, pkg/admission/plugin/webhook.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from rollout import jsonpatch
from rollout.lab.apiserver.kinds.kind import Kind
from rollout.lab.apiserver.problems import Problem
from rollout.lab.apiserver.storage.admission import Admission

from .selecting import Webhook

JsonObject = dict[str, Any]

_UNBORN = ("uid", "creationTimestamp", "resourceVersion", "generation")
"""What a create does not have yet when webhooks see it."""


class CallFailedError(Exception):
    """The webhook gave no answer, or none that can be used; ``failurePolicy`` decides."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``object``: as the webhook wants it, or None where it leaves it; ``warnings`` for people."""

    object: JsonObject | None
    warnings: tuple[str, ...] = ()


def request(about: Admission, kind: Kind, version: str) -> JsonObject:
    """The review; ``version``: the one in which the webhook sees the object."""
    asked = about.options.version or kind.storage
    fields: JsonObject = {
        "uid": str(uuid4()),
        "kind": _kind(kind, version),
        "resource": _resource(kind, version),
        "requestKind": _kind(kind, asked),
        "requestResource": _resource(kind, asked),
        "name": "" if _is_named_later(about) else about.name,
        "namespace": about.namespace if kind.namespaced else "",
        "operation": about.operation,
        "userInfo": {"username": about.options.user, "groups": ["system:authenticated"]},
        "object": _sent(about, kind, version),
        "oldObject": None if about.old is None else kind.show(about.old, version),
        "dryRun": about.options.dry_run,
        "options": {"kind": f"{about.operation.title()}Options", "apiVersion": "meta.k8s.io/v1"},
    }
    if about.options.subresource:
        fields["subResource"] = fields["requestSubResource"] = about.options.subresource
    present = {key: value for key, value in fields.items() if value not in ("",)}
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": present}


def _kind(kind: Kind, version: str) -> JsonObject:
    return {"group": kind.group, "version": version, "kind": kind.kind}


def _resource(kind: Kind, version: str) -> JsonObject:
    return {"group": kind.group, "version": version, "resource": kind.plural}


def _is_named_later(about: Admission) -> bool:
    return about.operation == "CREATE" and "generateName" in about.object["metadata"]


def _sent(about: Admission, kind: Kind, version: str) -> JsonObject | None:
    if about.operation == "DELETE":
        return None
    shown = kind.show(about.object, version)
    if about.operation != "CREATE":
        return shown
    left = (*_UNBORN, *(("name",) if _is_named_later(about) else ()))
    metadata = {key: value for key, value in shown["metadata"].items() if key not in left}
    return {**shown, "metadata": metadata}


def verdict(webhook: Webhook, sent: JsonObject, answer: Any, about: Admission) -> Verdict:
    """What the answer asks for; raises the refusal, or CallFailedError for nonsense."""
    response = _response(answer, str(sent["request"]["uid"]))
    warnings = tuple(map(str, response.get("warnings") or ()))
    if not response.get("allowed"):
        raise refused(webhook.name, response.get("status") or {})
    if not response.get("patch"):
        return Verdict(None, warnings)
    if response.get("patchType") != "JSONPatch":
        raise CallFailedError(f"unsupported patchType {response.get('patchType')!r}")
    seen = sent["request"]["object"]
    patched = _patched(seen, response["patch"])
    kept = {
        key: value
        for key, value in about.object["metadata"].items()
        if key not in seen["metadata"] and key not in patched["metadata"]
    }
    # The version stays the request's own: what is stored is converted by the one who stores.
    whole = {**patched, "apiVersion": about.object["apiVersion"]}
    return Verdict({**whole, "metadata": {**patched["metadata"], **kept}}, warnings)


def _response(answer: Any, uid: str) -> JsonObject:
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict):
        raise CallFailedError("webhook response was absent")
    if response.get("uid") != uid:
        raise CallFailedError(f"expected response.uid={uid!r}, got {response.get('uid')!r}")
    return response


def _patched(document: JsonObject, patch: str) -> JsonObject:
    try:
        found = jsonpatch.apply(document, json.loads(b64decode(patch)))
    except (ValueError, jsonpatch.PatchFormError, jsonpatch.PatchFailedError) as error:
        raise CallFailedError(f"the patch does not fit: {error!s:.200}") from error
    if not isinstance(found, dict):
        raise CallFailedError("the patched object is not an object")
    return found


def refused(webhook: str, status: Mapping[str, Any]) -> Problem:
    """Source: apiserver, admission/plugin/webhook/errors/statuserror.go, ``ToStatusErr``."""
    denied = f'admission webhook "{webhook}" denied the request'
    words = status.get("message") or status.get("reason")
    code = int(status.get("code") or 0)
    message = f"{denied}: {words}" if words else f"{denied} without explanation"
    return Problem(code if code >= 400 else 400, str(status.get("reason") or ""), message)


def unanswered(webhook: str, why: str) -> Problem:
    """500: a webhook that must be asked cannot be."""
    text = f'failed calling webhook "{webhook}": failed to call webhook: {why}'
    causes = {"causes": [{"message": text}]}
    return Problem(500, "InternalError", f"Internal error occurred: {text}", causes)
