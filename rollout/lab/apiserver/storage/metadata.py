"""The rules of ``metadata``: names, what the server fills in, what nobody may change."""

from __future__ import annotations

import random
import re
import uuid
from datetime import UTC, datetime
from typing import Any

from rollout.lab.apiserver.kinds.kind import Kind
from rollout.lab.apiserver.problems import (
    Cause,
    Problem,
    Subject,
    bad_request,
    conflict,
    invalid,
    revision_needed,
)

JsonObject = dict[str, Any]

# Source: apimachinery/pkg/util/rand: no vowels and nothing that looks like another letter.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_KEPT = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
)
_DNS = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
    "'-' or '.', and must start and end with an alphanumeric character"
)


def stamp(now: datetime) -> str:
    """RFC 3339 in whole seconds, as all of Kubernetes' timestamps but the micro ones."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_kind(document: Any, kind: Kind, version: str) -> JsonObject:
    """The document, with apiVersion and kind filled in if left out; raises a 400 if they differ."""
    if not isinstance(document, dict):
        raise bad_request("the body of the request is not an object")
    wanted = {"apiVersion": kind.api_version(version), "kind": kind.kind}
    for key, value in wanted.items():
        if document.get(key, value) != value:
            raise bad_request(
                f"the {key} in the data ({document[key]}) does not match "
                f"the expected {key} ({value})"
            )
    metadata = document.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise bad_request("metadata is not an object")
    return {**document, **wanted, "metadata": metadata or {}}


def fresh(document: JsonObject, kind: Kind, namespace: str, now: datetime) -> JsonObject:
    """The document as a create stores it; raises a 400 or 422 for a name that cannot be."""
    metadata = {key: value for key, value in document["metadata"].items() if value is not None}
    if metadata.get("resourceVersion"):
        # The real server has no better code for it.
        raise Problem(500, "", "resourceVersion should not be set on objects to be created")
    check_namespace(metadata, kind, namespace)
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"):
        metadata.pop(key, None)
    if not metadata.get("name") and metadata.get("generateName"):
        # 63 less five random characters; longer prefixes are cut as the real server cuts them.
        metadata["name"] = metadata["generateName"][:58] + _random_suffix()
    check_name(metadata, kind)
    if kind.namespaced:
        metadata["namespace"] = namespace
    metadata.update(uid=str(uuid.uuid4()), creationTimestamp=stamp(now))
    metadata.pop("generation", None)
    if kind.generation:
        metadata["generation"] = 1
    return {**document, "metadata": metadata}


def _random_suffix() -> str:
    return "".join(random.choices(_ALPHABET, k=5))  # noqa: S311 - a name, not a secret


def check_namespace(metadata: JsonObject, kind: Kind, namespace: str) -> None:
    """Raises a 400 if the body names another namespace than the request."""
    if kind.namespaced and metadata.get("namespace", namespace) not in (namespace, ""):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def check_name(metadata: JsonObject, kind: Kind) -> None:
    """Raises a 422 for a name that is missing, too long or not a DNS name."""
    name = metadata.get("name") or ""
    subject = kind.subject(name)
    if not name:
        message = "Required value: name or generateName is required"
        raise invalid(subject, [Cause("FieldValueRequired", "metadata.name", message)])
    if len(name) > 253 or not _DNS.fullmatch(name):
        message = f'Invalid value: "{name}": {_DNS_WORDS}'
        raise invalid(subject, [Cause("FieldValueInvalid", "metadata.name", message)])
    _check_labels(metadata, subject)


_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def _check_labels(metadata: JsonObject, subject: Subject) -> None:
    """Raises a 400 or 422 for a label or annotation that cannot be.

    Source: Kubernetes docs, "Labels and Selectors", section "Syntax and character set".
    """
    for field in ("labels", "annotations"):
        for key, value in (metadata.get(field) or {}).items():
            if not isinstance(value, str):
                raise bad_request(f"metadata.{field}.{key} is {value!r:.80}, not a string")
            wrong = _wrong_pair(key, value if field == "labels" else "")
            if wrong:
                raise invalid(subject, [Cause("FieldValueInvalid", f"metadata.{field}", wrong)])


def _wrong_pair(key: str, value: str) -> str:
    if not _KEY.fullmatch(key) or len(key.rpartition("/")[2]) > 63:
        return (
            f'Invalid value: "{key}": a key is a name of at most 63 characters, with a DNS prefix'
        )
    if len(value) > 63 or not _VALUE.fullmatch(value):
        return f'Invalid value: "{value}": a label is at most 63 of A-Z, a-z, 0-9, "-", "_" and "."'
    return ""


def carried(old: JsonObject, new: JsonObject, kind: Kind, *, replacing: bool) -> JsonObject:
    """``new`` with what nobody may change taken from ``old``; raises a 400, 409 or 422.

    ``replacing``: the whole object was sent (PUT), so that a resourceVersion may be needed.
    """
    was, metadata = old["metadata"], dict(new.get("metadata") or {})
    check_namespace(metadata, kind, was.get("namespace", ""))
    if metadata.get("name", was["name"]) != was["name"]:
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL "
            f"({was['name']})"
        )
    _check_revision(was, metadata, kind, replacing=replacing)
    metadata.update({key: was[key] for key in _KEPT if key in was})
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        if key not in was:
            metadata.pop(key, None)
    _check_finalizers(was, metadata, kind)
    _check_labels(metadata, kind.subject(was["name"]))
    # Without entries of its own a document keeps those it has; an empty list resets them.
    metadata.setdefault("managedFields", was.get("managedFields", []))
    return {**new, "metadata": metadata}


def _check_revision(was: JsonObject, sent: JsonObject, kind: Kind, *, replacing: bool) -> None:
    subject, revision = kind.subject(was["name"]), sent.get("resourceVersion")
    if replacing and not revision and not kind.unconditional:
        raise revision_needed(subject)
    if sent.get("uid") and sent["uid"] != was["uid"]:
        if not replacing:
            message = f'Invalid value: "{sent["uid"]}": field is immutable'
            raise invalid(subject, [Cause("FieldValueInvalid", "metadata.uid", message)])
        raise conflict(
            subject,
            f"Precondition failed: UID in precondition: {sent['uid']}, "
            f"UID in object meta: {was['uid']}",
        )
    if revision and revision != was["resourceVersion"]:
        raise conflict(subject)


def _check_finalizers(was: JsonObject, sent: JsonObject, kind: Kind) -> None:
    if "deletionTimestamp" not in was:
        return
    new = [f for f in sent.get("finalizers") or () if f not in (was.get("finalizers") or ())]
    if new:
        listed = ", ".join(f'"{name}"' for name in new)
        message = (
            "Forbidden: no new finalizers can be added if the object is being deleted, "
            f"found new finalizers []string{{{listed}}}"
        )
        cause = Cause("FieldValueForbidden", "metadata.finalizers", message)
        raise invalid(kind.subject(was["name"]), [cause])


_POLICY_FINALIZERS = {"Foreground": ["foregroundDeletion"], "Orphan": ["orphan"]}


def marked(document: JsonObject, kind: Kind, policy: str, moment: str) -> JsonObject:
    """The object marked for deletion, with the finalizer that its ``policy`` needs."""
    was = document["metadata"]
    if "deletionTimestamp" in was:
        return document
    marks: JsonObject = {"deletionTimestamp": moment, "deletionGracePeriodSeconds": 0}
    finalizers = [*(was.get("finalizers") or ()), *_POLICY_FINALIZERS.get(policy, ())]
    if finalizers:
        marks["finalizers"] = finalizers
    if kind.generation:
        marks["generation"] = was.get("generation", 0) + 1
    found = {**document, "metadata": {**was, **marks}}
    if kind.resource == "namespaces":
        found["status"] = {**(document.get("status") or {}), "phase": "Terminating"}
    return found
