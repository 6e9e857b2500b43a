"""What people said elsewhere than to Kubernetes: saved with the status before they hear a word."""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rollout.controller.keeping.store import GAP, TRIES, Store, unchanged
from rollout.controller.ports import Json, Kube
from rollout.errors import ConflictError, RefusedError
from rollout.manifest import objects
from rollout.model.reasons import Reason, Verb
from rollout.model.spec import Rollout
from rollout.model.status import Answer, RolloutStatus, Vouched
from rollout.reconcile import requests

NO_CHAT = Reason("the controller has no slack")


Members = Callable[[tuple[str, ...]], Awaitable[Mapping[str, frozenset[str]]]]


async def _nobody(_: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    return {}


@dataclass(slots=True)
class Inbox:
    """Answers and requests by rollout key; ``wake`` is told that one has come.

    ``chat``: why nobody can be asked in a chat at all; None: they can.
    ``members``: who is in user groups of the chat now, as far as it says.
    """

    store: Store
    wake: Callable[[str], None]
    chat: Reason | None = NO_CHAT
    members: Members = _nobody
    _troubles: dict[str, Reason] = field(default_factory=dict)

    async def answer(self, key: str, answer: Answer, valid: timedelta) -> None:
        """The yes or no of somebody who has proved to be ``answer.who`` is in the status.

        ``valid``: how long it counts. Errors: as ``Store.change``.
        """
        await self.store.change(
            key, lambda status: requests.answered_in_chat(status, answer, valid), answer.at
        )
        self.wake(key)

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

    async def ask(self, key: str, verb: Verb, sender: "Sent", now: datetime) -> None:
        """The request is on the object, and who sent it in the status, where only we write.

        An annotation never speaks in anybody's name. The same one twice is one, however often it
        is delivered: it was handled already, or stands there.
        Errors: as ``Store.change``.
        """
        text = f"{verb}@{hashlib.sha256(sender.once.encode()).hexdigest()[:12]}"
        held = self.store.load(key)
        if held and _is_handled(held.status, text):
            return
        await self.store.change(key, lambda s: replace(s, vouched=Vouched(text, sender.who)), now)
        namespace, _, name = key.partition("/")
        await _annotate(self.store.kube, ("Rollout", namespace, name), text)

    async def ask_as(
        self, place: tuple[str, str, str], verb: Verb, asker: "Asker", now: datetime
    ) -> None:
        """The request is on the object, put there by ``asker`` and no right of ours.

        ``place``: kind, namespace and name. Of a Rollout the status says who it was, too.
        Errors: as ``Store.change``, and those of ``asker``.
        """
        kind, namespace, name = place
        text = f"{verb}@{secrets.token_hex(6)}"
        if kind == "Rollout" and asker.who:
            key, vouched = f"{namespace}/{name}", Vouched(text, asker.who)
            await self.store.change(key, lambda s: replace(s, vouched=vouched), now)
        await _annotate(self.store.kube, place, text, asker.patch)


def _is_handled(status: RolloutStatus, text: str) -> bool:
    done = {one.request for one in status.history} | {
        one.request for one in status.refused_requests
    }
    return text in done | {status.last_handled_request}


Patch = Callable[[str, str, str, Sequence[Json]], Awaitable[Json]]
"""Kind, namespace and name of an object, and what to change of it; errors as ``Kube.patch``."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who writes their requests themselves.

    ``who``: how the status calls them; empty: it is not to say.
    """

    who: str
    patch: Patch


@dataclass(frozen=True, slots=True)
class Sent:
    """Who sent a request, as a chat has proved; ``once``: the same for each delivery of it."""

    who: str
    once: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks by annotation, as they say themselves, and why; either may be empty."""

    by: str = ""
    reason: str = ""


NOBODY = Claim()


async def ask(
    kube: Kube,
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
    await _annotate(kube, (kind, namespace, name), text, note=note)
    return text


async def _annotate(
    kube: Kube,
    place: tuple[str, str, str],
    text: str,
    patch: Patch | None = None,
    note: str = "",
) -> None:
    """``place``: kind, namespace and name of the object; ``patch``: somebody else's."""
    patch = patch or kube.patch
    kind, namespace, name = place
    where = f"{kind.lower()} {namespace}/{name}" if namespace else f"{kind.lower()} {name}"
    for _ in range(TRIES):
        obj = kube.get(kind, namespace, name)
        if obj is None:
            raise RefusedError(f"{where}: is not there")
        try:
            await patch(kind, namespace, name, _annotated(obj, text, note))
        except ConflictError:
            await asyncio.sleep(GAP)
        else:
            return
    raise ConflictError(f"{where}: it keeps changing; ask once more")


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
