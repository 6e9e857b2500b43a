"""What anybody whom Kubernetes lets write may ask of an object of ours: one annotation on it.

Commands import this, and none of what the controller keeps.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollout.controller.keeping.changing import GAP, TRIES
from rollout.controller.keeping.swap import unchanged
from rollout.errors import ConflictError, RefusedError
from rollout.manifest import objects
from rollout.model.reasons import Verb
from rollout.model.ref import Ref

if TYPE_CHECKING:
    from rollout.controller.ports import Kube

Json = Mapping[str, Any]


Patch = Callable[[str, str, str, Sequence[Json]], Awaitable[Json]]
"""Kind, namespace and name of an object, and what to change of it; errors as ``Kube.patch``."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks by annotation, as they say themselves, and why; either may be empty."""

    by: str = ""
    reason: str = ""


NOBODY = Claim()


async def ask(
    kube: "Kube",
    namespace: str,
    name: str,
    verb: Verb,
    kind: str = "Rollout",
    claim: Claim = NOBODY,
) -> str:
    """The request is on the object; answers with its text, which the status will echo.

    Errors: ``RefusedError`` for a rollout that is not there;
    ``ConflictError`` when the object changed again and again.
    """
    nonce = secrets.token_hex(6)
    text = f"{verb}@{nonce}"
    note = objects.note(nonce, claim.by, claim.reason) if claim != NOBODY else ""
    await annotate(kube, Ref(kind, namespace, name), text, note=note)
    return text


async def annotate(
    kube: "Kube", ref: Ref, text: str, patch: Patch | None = None, note: str = ""
) -> None:
    """The request ``text`` is on the object.

    ``patch``: somebody else's. ``note``: who says to ask, and why. Errors: as ``ask``.
    """
    patch = patch or kube.patch
    for _ in range(TRIES):
        obj = kube.get(ref.kind, ref.namespace, ref.name)
        if obj is None:
            raise RefusedError(f"{ref}: is not there")
        try:
            await patch(ref.kind, ref.namespace, ref.name, _annotated(obj, text, note))
        except ConflictError:
            await asyncio.sleep(GAP)
        else:
            return
    raise ConflictError(f"{ref}: it keeps changing; ask once more")


def _annotated(obj: Json, text: str, note: str) -> list[Json]:
    """Tests the version: two who add the first annotation must not undo each other."""
    ops: list[Json] = [unchanged(obj)]
    if not obj["metadata"].get("annotations"):
        ops.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    wanted = {objects.REQUEST: text} | ({objects.NOTE: note} if note else {})
    for key, value in wanted.items():
        path = "/metadata/annotations/" + key.replace("/", "~1")
        ops.append({"op": "add", "path": path, "value": value})
    return ops
