"""A request, read: what it is about, how it is meant, and its body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from aiohttp import web

from rollout import jsonpatch
from rollout.lab.apiserver.patch import merge
from rollout.lab.apiserver.problems import (
    Cause,
    Problem,
    Subject,
    bad_request,
    invalid,
    unprocessable,
    unsupported_media,
)
from rollout.lab.apiserver.storage.writes import Options

from . import protobuf
from .access import User
from .reply import Form
from .routes import Target

JsonObject = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCHES = ("application/apply-patch+yaml",)
_PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, *APPLY_PATCHES)
_BODIES = ("application/json", "application/yaml", "text/plain", "application/octet-stream", "")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request about objects."""

    request: web.BaseRequest
    target: Target
    user: User
    form: Form
    options: Options

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    async def document(self) -> JsonObject:
        return await body(self.request)


async def body(request: web.BaseRequest) -> JsonObject:
    """The object in the body; raises a 400 or 415."""
    if request.content_type == protobuf.MEDIA:
        return protobuf.parsed(await request.read())
    if request.content_type not in _BODIES:
        raise unsupported_media([*_BODIES[:2], protobuf.MEDIA])
    return parsed(await request.read())


def parsed(text: bytes) -> JsonObject:
    """A JSON or YAML object; raises a 400."""
    try:
        found = json.loads(text) if text[:1] in (b"{", b"[") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the body of the request is no JSON: {error!s:.200}") from error
    if not isinstance(found, dict):
        raise bad_request("the body of the request is not an object")
    return found


def options(query: Mapping[str, str], user_agent: str, target: Target, user: User) -> Options:
    """How a write is meant; raises a 422 for a dryRun that is not ``All``.

    Without a fieldManager the client's name is taken from its User-Agent, up to the first slash.
    """
    if query.get("dryRun", "All") != "All":
        raise _bad_dry_run(query["dryRun"])
    return Options(
        manager=query.get("fieldManager") or user_agent.partition("/")[0] or "unknown",
        version=target.version,
        subresource=target.subresource,
        dry_run="dryRun" in query,
        force=query.get("force", "").lower() in ("1", "true"),
        validation=query.get("fieldValidation") or "Warn",
        user=user.name,
    )


def _bad_dry_run(found: str) -> Problem:
    message = f'Unsupported value: []string{{"{found}"}}: supported values: "All"'
    cause = Cause("FieldValueNotSupported", "dryRun", message)
    return invalid(Subject("meta.k8s.io", "", "Options", ""), [cause])


def edited(media: str, patch: bytes, document: JsonObject, target: Target) -> JsonObject:
    """``document`` as ``patch`` changes it; raises a 400, 415 or 422."""
    match media:
        case "application/json-patch+json":
            return _json_patched(document, patch)
        case "application/merge-patch+json":
            return dict(merge.merge(document, parsed(patch)))
        case "application/strategic-merge-patch+json" if target.kind.builtin:
            return dict(merge.strategic(document, parsed(patch), target.kind.shape))
    if media not in _PATCHES:
        raise Problem(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    accepted = [JSON_PATCH, MERGE_PATCH, *([STRATEGIC_PATCH] if target.kind.builtin else [])]
    raise unsupported_media([*accepted, *APPLY_PATCHES])


def _json_patched(document: JsonObject, patch: bytes) -> JsonObject:
    try:
        patched = jsonpatch.apply(document, json.loads(patch))
    except (ValueError, jsonpatch.PatchFormError) as error:
        raise bad_request(f"error decoding patch: {error!s:.200}") from error
    except jsonpatch.PatchFailedError as error:
        raise unprocessable() from error
    if not isinstance(patched, dict):
        raise bad_request("the patched object is not an object")
    return patched
