"""Server-side apply of a whole object: what of it counts, and who stands in the way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rollout.lab.apiserver.fields import apply as fields_apply
from rollout.lab.apiserver.fields.managed import Claim, Writer, claims
from rollout.lab.apiserver.fields.sets import (
    Fields,
    applied,
    difference,
    members,
    with_parents,
)
from rollout.lab.apiserver.kinds.kind import Kind
from rollout.lab.apiserver.problems import Cause, bad_request, conflict, field_conflict

from . import writes
from .writes import Options

JsonObject = dict[str, Any]

_WISHES = ("name", "namespace", "labels", "annotations", "finalizers", "ownerReferences")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def applicable(wanted: JsonObject, kind: Kind, name: str, subresource: str) -> JsonObject:
    """What of a configuration this endpoint takes: status here, all the rest there; or a 400."""
    if wanted["metadata"].get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    about = {**wanted["metadata"], "name": wanted["metadata"].get("name") or name}
    if about["name"] != name:
        raise bad_request(
            f"the name of the object ({about['name']}) does not match the name on the URL ({name})"
        )
    if subresource == "status":
        of_status = ("apiVersion", "kind", "status")
        taken: JsonObject = {key: wanted[key] for key in of_status if key in wanted}
    else:
        taken = writes.without_status(wanted, kind)
    return {**taken, "metadata": about}


def first(wanted: JsonObject, kind: Kind, mine: Claim) -> list[Claim]:
    """The claims on an object that this apply creates."""
    return fields_apply.apply({}, _wish(wanted), mine, [], kind.shape).claims


def onto(
    live: JsonObject, wanted: JsonObject, kind: Kind, mine: Claim, options: Options
) -> tuple[JsonObject, list[Claim]]:
    """``live`` with ``wanted`` applied, and the claims on it; raises a 409 with its causes."""
    _check_meant(live, wanted, kind)
    held = claims(live["metadata"].get("managedFields"))
    outcome = fields_apply.apply(live, _wish(wanted), mine, held, kind.shape)
    conflicts = outcome.conflicts
    if conflicts and not options.force and not _own_work(live, conflicts, kind, options):
        raise field_conflict([cause for one in conflicts for cause in _causes(*one)])
    return outcome.object, outcome.claims


def _wish(wanted: JsonObject) -> JsonObject:
    """Without what is a condition (resourceVersion, uid), not a wish."""
    sent = {key: value for key, value in wanted["metadata"].items() if key in _WISHES}
    return {**wanted, "metadata": sent}


def _check_meant(live: JsonObject, wanted: JsonObject, kind: Kind) -> None:
    for key in ("resourceVersion", "uid"):
        if wanted["metadata"].get(key) not in (None, "", live["metadata"][key]):
            raise conflict(kind.subject(live["metadata"]["name"]))


def _own_work(
    live: JsonObject, conflicts: Sequence[tuple[Writer, Fields]], kind: Kind, options: Options
) -> bool:
    """Whether kubectl is in conflict only with what it applied itself, on the client's side.

    Source: apiserver, fieldmanager/lastappliedmanager.go.
    """
    text = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if options.manager != "kubectl" or not text:
        return False
    try:
        before = with_parents(applied(json.loads(text), kind.shape))
    except ValueError:
        return False
    return not any(difference(fields, before) for _, fields in conflicts)


def _causes(who: Writer, what: Fields) -> Iterator[Cause]:
    using = f" using {who.api_version}" if who.operation == "Update" else ""
    by = f' with subresource "{who.subresource}"' if who.subresource else ""
    message = f'conflict with "{who.name}"{by}{using}'
    for path in sorted(members(what)):
        yield Cause("FieldManagerConflict", field_text(path), message)


def field_text(path: Iterable[str]) -> str:
    """A path of a field set as people read it: ``.spec.containers[name="app"].image``."""
    return "".join(_element_text(element) for element in path)


def _element_text(element: str) -> str:
    kind, _, rest = element.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        keys = json.loads(rest)
        return "[" + ",".join(f"{key}={json.dumps(keys[key])}" for key in sorted(keys)) + "]"
    return f"[={rest}]"


def with_old_times(found: Sequence[Claim], old: JsonObject, new: JsonObject) -> list[Claim]:
    """The claims, each with its old time if nothing changed: then there is nothing to write."""
    before = {claim.writer: claim for claim in claims(old["metadata"].get("managedFields"))}
    unchanged = writes.with_claims(old, []) == writes.with_claims(new, [])

    def kept(claim: Claim) -> Claim:
        was = before.get(claim.writer)
        same = was is not None and unchanged and was.fields == claim.fields
        return replace(claim, time=was.time) if was is not None and same else claim

    return [kept(claim) for claim in found]
