"""What may look at a write before it is stored: plain functions, and the gate of webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rollout.lab.apiserver.problems import Problem

from .writes import Options

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Admission:
    """A write about to happen; for a delete ``object`` is what goes, ``old`` is None for a create.

    ``operation`` is CREATE, UPDATE or DELETE; ``resource`` is ``plural.group``.
    """

    operation: str
    resource: str
    options: Options
    object: JsonObject
    old: JsonObject | None

    @property
    def namespace(self) -> str:
        return str(self.object["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])


class Gate(Protocol):
    """Who must agree to one write besides the server itself; both raise a refusal.

    ``mutate`` comes before the object is checked, ``validate`` after.
    """

    def mutate(self, about: Admission) -> JsonObject: ...

    def validate(self, about: Admission) -> None: ...


# Returns the object to go on with, None to leave it as it is, or raises (see ``denied``).
Hook = Callable[[Admission], JsonObject | None]


def admitted(hooks: Iterable[Hook], about: Admission) -> JsonObject:
    """The object after every hook has seen it; raises what a hook raises."""
    for hook in hooks:
        changed = hook(about)
        if changed is not None:
            about = replace(about, object=changed)
    return about.object


def denied(message: str, code: int = 403, webhook: str = "lab.rollout.dev") -> Problem:
    """What a hook raises to refuse, in the words of a webhook's refusal.

    Source: apiserver, admission/plugin/webhook/errors/statuserror.go.
    """
    said = f'admission webhook "{webhook}" denied the request: {message}'
    return Problem(code, "Forbidden" if code == 403 else "BadRequest", said)
