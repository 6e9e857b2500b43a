"""Answers: JSON in the form that the client's Accept header asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from rollout.lab.apiserver.problems import Problem, not_acceptable
from rollout.lab.apiserver.storage.ledger import encode

JsonObject = dict[str, Any]

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Form:
    """How the client wants objects: as they are, as a ``Table``, or their metadata only."""

    table: bool = False
    metadata_only: bool = False


def form(accept: str) -> Form:
    """The first form of the header that the server can write; raises a 406."""
    for offer in accept.split(","):
        media, *parameters = [part.strip() for part in offer.split(";")]
        if media not in (JSON, "*/*", "application/*", "application/yaml", ""):
            continue
        told = dict(part.partition("=")[::2] for part in parameters)
        wanted = told.get("as")
        if wanted == "Table" and told.get("v") == "v1":
            return Form(table=True)
        if wanted in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return Form(metadata_only=True)
        if wanted is None:
            return Form()
    raise not_acceptable(JSON)


def json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """``body`` as JSON; bytes are JSON already."""
    text = body if isinstance(body, bytes) else encode(body)
    return web.Response(body=text, status=status, content_type=JSON, headers=headers)


def problem(found: Problem) -> web.Response:
    """A Status with the code of the problem."""
    return json(found.status(), found.code, found.headers)


def partial(document: JsonObject) -> JsonObject:
    """An object's metadata only."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": document["metadata"],
    }


def warnings(found: list[str]) -> list[tuple[str, str]]:
    """One Warning header for each.

    Source: RFC 7234, section 5.5: code 299, no agent, the text quoted.
    """
    return [("Warning", '299 - "{}"'.format(text.replace('"', '\\"'))) for text in found]
