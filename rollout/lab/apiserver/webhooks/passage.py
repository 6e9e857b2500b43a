"""A write's way past the webhooks: it is tried, stops where somebody must be asked, and goes on.

Writes are plain functions that do all or nothing, and webhooks are far away. So a write runs until
it needs an answer that is not there, is dropped, and is run again once the answer is.
Source of the order: Kubernetes, apiserver, pkg/admission/plugin/webhook/mutating/dispatcher.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from rollout.lab.apiserver.kinds.kind import Kind, Kinds
from rollout.lab.apiserver.problems import Problem
from rollout.lab.apiserver.storage.admission import Admission
from rollout.lab.apiserver.storage.ledger import Ledger
from rollout.lab.apiserver.storage.writes import Options

from . import review, selecting
from .calling import Caller
from .review import CallFailedError, Verdict
from .selecting import Webhook

JsonObject = dict[str, Any]
Written = TypeVar("Written")

_MUTATING = f"mutatingwebhookconfigurations.{selecting.EXEMPT}"
_VALIDATING = f"validatingwebhookconfigurations.{selecting.EXEMPT}"


class _Unanswered(Exception):
    """The write cannot go on before ``ask`` is done."""

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.ask = ask


@dataclass(slots=True)
class Webhooks:
    """All that are configured at the moment."""

    ledger: Ledger
    kinds: Kinds
    caller: Caller

    async def passed(self, options: Options, write: Callable[[Options], Written]) -> Written:
        """``write``, done once every webhook that it concerns has agreed; raises a refusal."""
        passage = _Passage(self)
        said = len(options.warnings)
        while True:
            del options.warnings[said:]
            try:
                found = write(replace(options, gate=passage))
            except _Unanswered as pause:
                await pause.ask()
            else:
                options.warnings.extend(passage.warnings)
                return found

    def concerned(self, bucket: str, about: Admission) -> list[Webhook]:
        """Those whose rules name such a write, in the order in which they are asked."""
        found = selecting.listed(row.object for row in self.ledger.rows(bucket, None))
        kind = self.kinds.named(about.resource)
        return [each for each in found if selecting.version_asked(each, about, kind) is not None]

    async def ask(self, webhook: Webhook, about: Admission) -> Verdict:
        """What the webhook says; nothing where it does not want to see the write."""
        kind = self.kinds.named(about.resource)
        version = selecting.version_asked(webhook, about, kind)
        if version is None or not self._selected(webhook, about, kind):
            return Verdict(None)
        sent = review.request(about, kind, version)
        try:
            answer = await self.caller.call(webhook, sent)
            return review.verdict(webhook, sent, answer, about)
        except CallFailedError as error:
            if webhook.may_fail:
                return Verdict(None)
            raise review.unanswered(webhook.name, str(error)) from error

    def _selected(self, webhook: Webhook, about: Admission, kind: Kind) -> bool:
        space = about.namespace if kind.namespaced else about.name
        row = self.ledger.get("namespaces", "", space)
        labels = (row.object["metadata"].get("labels") or {}) if row else {}
        within = selecting.in_namespace(webhook, about, kind, labels)
        return within and selecting.on_object(webhook, about)


class _Passage:
    """The answers to one write so far; it is the write's gate."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self.warnings: list[str] = []
        self._mutated: tuple[Admission, JsonObject] | None = None
        self._valid: Admission | None = None

    def mutate(self, about: Admission) -> JsonObject:
        """The object as the mutating webhooks want it."""
        if self._mutated is not None and _same(self._mutated[0], about):
            return self._mutated[1]
        hooks = self._webhooks.concerned(_MUTATING, about)
        if not hooks:
            return about.object
        raise _Unanswered(lambda: self._mutate(hooks, about))

    def validate(self, about: Admission) -> None:
        """Nobody says no; raises the refusal."""
        if self._valid is not None and _same(self._valid, about):
            return
        hooks = self._webhooks.concerned(_VALIDATING, about)
        if hooks:
            raise _Unanswered(lambda: self._validate(hooks, about))

    async def _mutate(self, hooks: list[Webhook], about: Admission) -> None:
        """One after the other, each on what those before it left; then those who want it again."""
        first, again, waiting = about, {hook.uid for hook in hooks}, set[str]()
        for _ in range(2):
            due, again = again, set()
            for hook in hooks:
                if hook.uid not in due:
                    continue
                about, changed = await self._asked(hook, about)
                if changed:
                    due, again, waiting = due | waiting, again | waiting, set()
                if hook.reinvoked:
                    waiting.add(hook.uid)
        self._mutated = (first, about.object)

    async def _asked(self, hook: Webhook, about: Admission) -> tuple[Admission, bool]:
        verdict = await self._webhooks.ask(hook, about)
        self.warnings.extend(verdict.warnings)
        if verdict.object is None:
            return about, False
        return replace(about, object=verdict.object), verdict.object != about.object

    async def _validate(self, hooks: list[Webhook], about: Admission) -> None:
        """All at once; the first that says no is the answer."""
        asked = (self._webhooks.ask(hook, about) for hook in hooks)
        for verdict in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(verdict, Problem):
                raise verdict
            if isinstance(verdict, BaseException):
                raise verdict
            self.warnings.extend(verdict.warnings)
        self._valid = about


def _same(one: Admission, other: Admission) -> bool:
    """Whether an answer about ``one`` is an answer about ``other``, a later try of that write.

    A create gets its identity anew at each try, so the first try's object is gone on with.
    """
    if one.operation != other.operation or one.old is not other.old:
        return False
    return one.operation == "CREATE" or one.object == other.object
