"""What may look at a write before it is stored: plain functions, in place of webhooks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rollout.lab.apiserver.problems import Problem

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Admission:
    """A write about to happen; ``object`` is None for a delete, ``old`` for a create.

    ``resource`` is ``plural.group``; ``operation`` is CREATE, UPDATE or DELETE.
    """

    operation: str
    resource: str
    subresource: str
    namespace: str
    name: str
    object: JsonObject | None
    old: JsonObject | None
    user: str
    dry_run: bool


# Returns the object to go on with, None to leave it as it is, or raises (see ``denied``).
Hook = Callable[[Admission], JsonObject | None]


def denied(message: str, code: int = 403, webhook: str = "lab.rollout.dev") -> Problem:
    """What a hook raises to refuse, in the words of a webhook's refusal.

    Source: apiserver, admission/plugin/webhook/errors/statuserror.go.
    """
    said = f'admission webhook "{webhook}" denied the request: {message}'
    return Problem(code, "Forbidden" if code == 403 else "BadRequest", said)
