"""What people said elsewhere than to Kubernetes, until a look has heard it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rollout.controller.keeping.store import unchanged
from rollout.controller.ports import Json, Kube
from rollout.errors import ConflictError, RefusedError
from rollout.manifest import objects
from rollout.model.reasons import Reason, Verb
from rollout.model.spec import Request, Rollout
from rollout.model.status import Answer

MOST = 200  # answers waiting for one rollout; a flood of clicks is not kept
TRIES = 3  # at an object that somebody else writes at the same time


NO_CHAT = Reason("the controller has no slack")


@dataclass(slots=True)
class Inbox:
    """Answers and requests by rollout key; ``wake`` is told that one has come.

    ``chat``: why nobody can be asked in a chat at all; None: they can.
    """

    kube: Kube
    wake: Callable[[str], None]
    chat: Reason | None = NO_CHAT
    _troubles: dict[str, Reason] = field(default_factory=dict)
    _answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    _who: dict[str, str] = field(default_factory=dict)

    def answer(self, key: str, answer: Answer) -> None:
        """Somebody who has proved to be ``answer.who`` said yes or no."""
        self._answers[key] = (*self._answers.get(key, ()), answer)[-MOST:]
        self.wake(key)

    def answers(self, rollout: Rollout, attempt: int) -> tuple[Answer, ...]:
        """What was said for this attempt or later, oldest first; what is past is dropped."""
        said = self._answers.get(rollout.key, ())
        kept = tuple(answer for answer in said if answer.attempt >= attempt)
        if len(kept) != len(said):
            self._answers[rollout.key] = kept
        return kept

    def trouble(self, key: str, because: Reason | None) -> None:
        """Why people cannot be asked about that rollout now; None: they can."""
        if because is not None:
            self._troubles[key] = because
            self.wake(key)
        elif self._troubles.pop(key, None):
            self.wake(key)

    def unasked(self, rollout: Rollout) -> Reason | None:
        """Why those whom ``rollout`` wants asked in a chat do not know of it; None: they do."""
        return self.chat or self._troubles.get(rollout.key)

    async def ask(self, namespace: str, name: str, verb: Verb, who: str) -> str:
        """A request of ``who`` is on the object, so that a restart keeps it; answers its nonce.

        Who asked is known to this process only: an annotation never speaks in anybody's name.
        Errors: as ``ask``.
        """
        text = await ask(self.kube, namespace, name, verb)
        nonce = text.partition("@")[2]
        self._who[nonce] = who
        return nonce

    def signed(self, request: Request | None) -> Request | None:
        """``request`` with who asked it, where that was proved to us."""
        if request is None or request.nonce not in self._who:
            return request
        return replace(request, who=self._who[request.nonce])


async def ask(kube: Kube, namespace: str, name: str, verb: Verb) -> str:
    """The request is on the object; answers with its text, which the status will echo.

    Errors: ``RefusedError`` for a rollout that is not there;
    ``ConflictError`` when the object changed three times meanwhile.
    """
    text = f"{verb}@{secrets.token_hex(6)}"
    for _ in range(TRIES):
        obj = kube.get("Rollout", namespace, name)
        if obj is None:
            raise RefusedError(f"rollout {namespace}/{name}: is not there")
        try:
            await kube.patch("Rollout", namespace, name, _annotated(obj, text))
        except ConflictError:
            continue
        return text
    raise ConflictError(f"rollout {namespace}/{name}: it keeps changing; ask once more")


def _annotated(obj: Json, text: str) -> list[Json]:
    """Tests the version: two who add the first annotation must not undo each other."""
    ops: list[Json] = [unchanged(obj)]
    if not obj["metadata"].get("annotations"):
        ops.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    path = "/metadata/annotations/" + objects.REQUEST.replace("/", "~1")
    return [*ops, {"op": "add", "path": path, "value": text}]
