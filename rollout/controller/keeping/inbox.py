"""What people said elsewhere than to Kubernetes, until a look has heard it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rollout.controller.ports import Json, Kube
from rollout.errors import RefusedError
from rollout.model.spec import GROUP, VERBS, Request, Rollout
from rollout.model.status import Answer

ANNOTATION = f"{GROUP}/request"
MOST = 200  # answers waiting for one rollout; a flood of clicks is not kept


@dataclass(slots=True)
class Inbox:
    """Answers and requests by rollout key; ``wake`` is told that one has come."""

    kube: Kube
    wake: Callable[[str], None]
    _answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    _who: dict[str, str] = field(default_factory=dict)

    def answer(self, key: str, answer: Answer) -> None:
        """Somebody, proved by ``answer.via``, said yes or no."""
        self._answers[key] = (*self._answers.get(key, ()), answer)[-MOST:]
        self.wake(key)

    def answers(self, rollout: Rollout, attempt: int) -> tuple[Answer, ...]:
        """What was said for this attempt or later, oldest first; what is past is dropped."""
        said = self._answers.get(rollout.key, ())
        kept = tuple(answer for answer in said if answer.attempt >= attempt)
        if len(kept) != len(said):
            self._answers[rollout.key] = kept
        return kept

    async def ask(self, namespace: str, name: str, verb: str, who: str) -> str:
        """A request of ``who`` is on the object, so that a restart keeps it; answers its nonce.

        Who asked is known to this process only: an annotation never speaks in anybody's name.
        Errors: ``RefusedError`` for a verb that is none, or a rollout that is not there.
        """
        obj = self.kube.get("Rollout", namespace, name)
        if verb not in VERBS or obj is None:
            raise RefusedError(f"rollout {namespace}/{name}: cannot {verb[:20]!r}; see rollout -h")
        nonce = secrets.token_hex(6)
        self._who[nonce] = who
        await self.kube.patch("Rollout", namespace, name, _annotated(obj, f"{verb}@{nonce}"))
        return nonce

    def signed(self, request: Request | None) -> Request | None:
        """``request`` with who asked it, where that was proved to us."""
        if request is None or request.nonce not in self._who:
            return request
        return replace(request, who=self._who[request.nonce])


def _annotated(obj: Json, value: str) -> list[Json]:
    if not obj["metadata"].get("annotations"):
        return [{"op": "add", "path": "/metadata/annotations", "value": {ANNOTATION: value}}]
    path = "/metadata/annotations/" + ANNOTATION.replace("/", "~1")
    return [{"op": "add", "path": path, "value": value}]
