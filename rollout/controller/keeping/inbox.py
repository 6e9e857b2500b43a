"""What people said elsewhere than to Kubernetes: saved with the status before they hear a word."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic

from rollout import requests
from rollout.controller.keeping import asking
from rollout.controller.keeping.changing import H, S, Statuses, changed
from rollout.controller.keeping.store import Store
from rollout.controller.ports import Kube
from rollout.errors import RefusedError, RolloutError
from rollout.model.reasons import Reason, Verb
from rollout.model.ref import Ref
from rollout.model.status import Answer, Vouched
from rollout.reconcile.requests import answered_in_chat

NO_CHAT = Reason("the controller has no slack")


Members = Callable[[tuple[str, ...]], Awaitable[Mapping[str, frozenset[str]]]]


async def _nobody(_: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    return {}


@dataclass(frozen=True, slots=True)
class Box(Generic[H, S]):
    """Where what people say about one kind of object goes, beside the looks at it.

    ``answered``: the status with somebody's answer, which counts so long.
    ``wake``: the object is looked at; keys are as the store's.
    """

    store: Statuses[H, S]
    answered: Callable[[S, Answer, timedelta], S]
    wake: Callable[[str], None]


@dataclass(slots=True)
class Inbox:
    """Answers and requests by object. ``boxes``: by kind, those that are looked at here.

    ``chat``: why nobody can be asked in a chat at all; None: they can.
    ``members``: who is in user groups of the chat now, as far as it says.
    """

    kube: Kube
    boxes: dict[str, Box[Any, Any]]
    chat: Reason | None = NO_CHAT
    members: Members = _nobody
    _troubles: dict[Ref, Reason] = field(default_factory=dict)

    def kinds(self) -> Sequence[str]:
        """Every kind that is looked at here by now."""
        return tuple(self.boxes)

    async def answer(self, ref: Ref, answer: Answer, valid: timedelta, uid: str = "") -> None:
        """The yes or no of somebody who has proved to be ``answer.who`` is in the status.

        ``valid``: how long it counts. ``uid``: of the object that it is about; empty: of any.
        Errors: as ``changing.changed``; ``RefusedError`` where the object is another one by now.
        """
        box = self._box(ref)

        def change(status: Any) -> Any:
            self._refuse_another(ref, uid)
            return box.answered(status, answer, valid)

        await changed(box.store, ref.where, change, answer.at)
        box.wake(ref.where)

    def trouble(self, ref: Ref, because: Reason | None) -> None:
        """Why people cannot be asked about that object now; None: they can."""
        if because is not None:
            self._troubles[ref] = because
        elif self._troubles.pop(ref, None) is None:
            return
        if ref.kind in self.boxes:
            self.boxes[ref.kind].wake(ref.where)

    def unasked(self, ref: Ref) -> Reason | None:
        """Why those whom the object wants asked in a chat do not know of it; None: they do."""
        return self.chat or self._troubles.get(ref)

    async def ask(self, ref: Ref, verb: Verb, sender: "Sent", now: datetime) -> None:
        """The request is on the object, and who sent it in the status, where only we write.

        An annotation never speaks in anybody's name. The same one twice is one, however often it
        is delivered: it was handled already, or stands there.
        Errors: as ``changing.changed``.
        """
        text = f"{verb}@{hashlib.sha256(sender.once.encode()).hexdigest()[:12]}"
        held = self._box(ref).store.load(ref.where)
        if held is not None and requests.is_handled(held.status, text):
            return
        self._refuse_another(ref, sender.uid)
        await self._vouched(ref, Vouched(text, sender.who), now)

    def _refuse_another(self, ref: Ref, uid: str) -> None:
        """Slack is asked between a press and its effect: the object may be a new one since."""
        obj = self.kube.get(ref.kind, ref.namespace, ref.name)
        if uid and obj is not None and obj["metadata"].get("uid") != uid:
            raise RefusedError(f"{ref}: is another one by now; that was for one that is deleted")

    def _box(self, ref: Ref) -> Box[Any, Any]:
        if ref.kind not in self.boxes:
            raise RefusedError(f"{ref}: is not looked at by this controller")
        return self.boxes[ref.kind]

    async def ask_as(self, ref: Ref, verb: Verb, asker: "Asker", now: datetime) -> None:
        """The request is on the object, put there by ``asker`` and no right of ours.

        Of what is looked at here, the status says who it was, too, unless they were refused after
        all: that text can be read there, and nobody else may ask with it in their name.
        Errors: as ``changing.changed``, and those of ``asker``.
        """
        text = f"{verb}@{secrets.token_hex(6)}"
        if ref.kind in self.boxes and asker.who:
            await self._vouched(ref, Vouched(text, asker.who), now, asker.patch)
        else:
            await asking.annotate(self.kube, ref, text, asker.patch)

    async def _vouched(
        self, ref: Ref, vouched: Vouched, now: datetime, patch: asking.Patch | None = None
    ) -> None:
        """The request is on the object, and the status says whose it is.

        Nobody is vouched for whose request did not come to be: its text can be read by all.
        """
        store, key = self._box(ref).store, ref.where
        await changed(store, key, lambda status: replace(status, vouched=vouched), now)
        try:
            await asking.annotate(self.kube, ref, vouched.text, patch)
        except RolloutError:
            forget = lambda s: replace(s, vouched=None) if s.vouched == vouched else s  # noqa: E731
            await changed(store, key, forget, now)
            raise


def of_rollouts(store: Store, wake: Callable[[str], None]) -> Inbox:
    """An inbox with one box; others' kinds are added by whoever looks at them."""
    return Inbox(store.kube, {"Rollout": Box(store, answered_in_chat, wake)})


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who writes their requests themselves.

    ``who``: how the status calls them; empty: it is not to say.
    """

    who: str
    patch: asking.Patch


@dataclass(frozen=True, slots=True)
class Sent:
    """Who sent a request, as a chat has proved; ``once``: the same for each delivery of it.

    ``uid``: of the object that it is about; empty: of any.
    """

    who: str
    once: str
    uid: str = ""
