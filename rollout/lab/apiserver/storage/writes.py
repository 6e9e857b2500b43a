"""From what a client sent to what is stored: pure steps, each object in, object out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rollout.lab.apiserver.fields.managed import Claim, Writer, after_update, as_json, claims
from rollout.lab.apiserver.kinds.defaults import filled, without_nulls
from rollout.lab.apiserver.kinds.kind import Kind
from rollout.lab.apiserver.problems import Cause, bad_request, invalid
from rollout.lab.apiserver.schema import prune, validate

from .metadata import check_kind, stamp

if TYPE_CHECKING:
    from .admission import Gate

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """How a write is meant.

    ``manager``: the field manager. ``version``: the API version that the client speaks, empty for
    the storage version. ``validation``: Strict, Warn or Ignore, for unknown fields.
    ``warnings`` collects what the client should be told. ``gate``: who else must agree.
    """

    manager: str = "lab"
    version: str = ""
    subresource: str = ""
    dry_run: bool = False
    force: bool = False
    validation: str = "Warn"
    user: str = "system:lab"
    warnings: list[str] = field(default_factory=list)
    gate: Gate | None = None


def read(document: Any, kind: Kind, options: Options) -> JsonObject:
    """What a client sent in the form that is stored; raises a 400 if it is of another kind."""
    checked = check_kind(document, kind, options.version or kind.storage)
    return kind.view.read(checked) if kind.view else checked


def in_version(document: JsonObject, kind: Kind, options: Options) -> JsonObject:
    """A stored object in the version that the client speaks; one with two forms stays as stored."""
    return document if kind.view else kind.show(document, options.version or kind.storage)


def stored_form(document: JsonObject, kind: Kind) -> JsonObject:
    """The same in the version that is stored."""
    wanted = kind.api_version(kind.storage)
    if kind.view or document["apiVersion"] == wanted:
        return document
    return {**document, "apiVersion": wanted}


def without_status(document: JsonObject, kind: Kind) -> JsonObject:
    """A create cannot set a status that has an endpoint of its own."""
    if not kind.status or "status" not in document:
        return document
    return {key: value for key, value in document.items() if key != "status"}


def one_side(old: JsonObject, new: JsonObject, kind: Kind, subresource: str) -> JsonObject:
    """``new`` with the part that this endpoint does not write taken from ``old``."""
    if subresource == "status":
        kept = {**old["metadata"]}
        if "managedFields" in new["metadata"]:
            kept["managedFields"] = new["metadata"]["managedFields"]
        return _with_status({**old, "metadata": kept}, new)
    return _with_status(new, old) if kind.status else new


def _with_status(document: JsonObject, source: JsonObject) -> JsonObject:
    rest = {key: value for key, value in document.items() if key != "status"}
    return {**rest, "status": source["status"]} if "status" in source else rest


def conformed(document: JsonObject, kind: Kind, options: Options) -> JsonObject:
    """Pruned and defaulted; raises a 400 for unknown fields if they are to be strict."""
    if kind.builtin:
        return filled(without_nulls(document), kind.defaults)
    schema = kind.schemas.get(options.version or kind.storage)
    if schema is None:
        return document
    shaped, unknown = prune.shaped(document, schema)
    if unknown and options.validation == "Strict":
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise bad_request(
            f'{kind.kind} in version "{options.version or kind.storage}" cannot be handled as a '
            f"{kind.kind}: strict decoding error: {listed}"
        )
    if options.validation == "Warn":
        options.warnings.extend(f'unknown field "{path}"' for path in unknown)
    return shaped


def validated(document: JsonObject, kind: Kind, options: Options) -> JsonObject:
    """The document; raises a 422 with every cause."""
    schema = kind.schemas.get(options.version or kind.storage) or {}
    found = [*_missing(document, kind), *_causes(document, schema)]
    if kind.check is not None:
        found += kind.check(document)
    if found:
        raise invalid(kind.subject(document["metadata"]["name"]), found)
    return document


def _causes(document: JsonObject, schema: Mapping[str, Any]) -> list[Cause]:
    if not schema:
        return []
    found = validate.causes(document, schema)
    blocked = any(cause.reason in _BLOCKING for cause in found)
    return [*found, _UNCHECKED] if blocked and validate.has_rules(schema) else found


# Source: Kubernetes, apiextensions-apiserver, pkg/registry/customresource/validator.go.
_BLOCKING = ("FieldValueTypeInvalid", "FieldValueRequired", "FieldValueNotSupported")
_UNCHECKED = Cause(
    "FieldValueInvalid",
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


def _missing(document: JsonObject, kind: Kind) -> list[Cause]:
    return [
        Cause("FieldValueRequired", path, "Required value")
        for path in kind.required
        if _at(document, path) in (None, [], "")
    ]


def _at(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def counted(old: JsonObject, new: JsonObject, kind: Kind) -> JsonObject:
    """``new`` with its generation raised if more than metadata (and status) changed."""
    if not kind.generation or _content(old, kind) == _content(new, kind):
        return new
    generation = old["metadata"].get("generation", 0) + 1
    return {**new, "metadata": {**new["metadata"], "generation": generation}}


def _content(document: JsonObject, kind: Kind) -> JsonObject:
    apart = {"apiVersion", "kind", "metadata"} | ({"status"} if kind.status else set())
    return {key: value for key, value in document.items() if key not in apart}


def claim(kind: Kind, options: Options, operation: str, now: datetime) -> Claim:
    """The claim of this write, its fields still to be found."""
    version = kind.api_version(options.version or kind.storage)
    return Claim(Writer(options.manager, operation, version, options.subresource), {}, stamp(now))


def managed(old: JsonObject | None, new: JsonObject, kind: Kind, mine: Claim) -> JsonObject:
    """``new`` with its managedFields brought up to date; ``old`` is None for a create."""
    held = claims(new["metadata"].get("managedFields"))
    found = after_update(held, old or {}, new, mine, kind.shape)
    return with_claims(new, found)


def with_claims(document: JsonObject, found: Sequence[Claim]) -> JsonObject:
    """``document`` with exactly these managedFields."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    if found:
        metadata["managedFields"] = [as_json(one) for one in found]
    return {**document, "metadata": metadata}


def is_let_go(document: JsonObject) -> bool:
    """Whether the object was waiting for its last finalizer and has none left."""
    metadata = document["metadata"]
    return "deletionTimestamp" in metadata and not metadata.get("finalizers")
