"""What a person may ask of what we drive: one annotation each, and the wait until it was heard."""

import asyncio
from dataclasses import dataclass

from rollout import journeys
from rollout.cli import cluster, output
from rollout.cli.exits import Exit
from rollout.cli.look import mesh
from rollout.cli.settings import Settings
from rollout.manifest.upgrades import KIND as UPGRADE
from rollout.model import units
from rollout.model.reasons import Verb
from rollout.model.status import RefusedRequest


@dataclass(frozen=True, slots=True)
class _Asked:
    """A verb for an object and why, and how long to wait for the echo; None: not at all.

    ``title``: the object as the person named it.
    """

    verb: Verb
    title: str
    kind: str
    name: str
    patience: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of a request, in words, and whether it was done."""

    because: str
    code: Exit


def ask(given: Settings, verb: Verb, name: str, namespace: str, timeout: str, reason: str) -> Exit:
    """One request, and the wait until it was heard; ``timeout`` empty: no wait."""
    patience = units.duration(timeout).total_seconds() if timeout else None
    if upgrade := cluster.upgrade_named(name):
        asked = _Asked(verb, name, UPGRADE, upgrade, patience, reason)
        return asyncio.run(_ask(mesh.everywhere(given), asked))
    given = cluster.in_namespace(given, namespace)
    kind, name = cluster.named(name)
    return asyncio.run(_ask(given, _Asked(verb, name, kind, name, patience, reason)))


async def _ask(given: Settings, asked: _Asked) -> Exit:
    """``REFUSED`` where there was nothing to do, ``TIMEOUT`` where nobody has heard it."""
    answers: list[_Answer] = []
    only = asked.name if asked.kind == "Rollout" else ""
    async with cluster.connected(given, name=only) as connection:
        who = given.namespace, asked.name
        claim = await cluster.claim(connection, given, asked.reason)
        text = await cluster.ask(connection, *who, asked.verb, asked.kind, claim)
        if asked.patience is None:
            output.say(f"{asked.title}: asked to {asked.verb}")
            return Exit.OK

        async def heard(obj: cluster.Json) -> bool:
            answer = _answer(asked.kind, obj, text)
            answers.extend([answer] if answer else [])
            return answer is not None

        following = cluster.follow_stored(connection, *who, heard, asked.kind)
        try:
            await asyncio.wait_for(following, asked.patience)
        except TimeoutError:
            waited = f"after {asked.patience:g} s"
            output.say(f"{asked.title}: asked to {asked.verb}, not heard {waited}; does it run?")
            return Exit.TIMEOUT
    output.say(f"{asked.title}: {answers[0].because}")
    return answers[0].code


def _answer(kind: str, obj: cluster.Json, text: str) -> _Answer | None:
    """What came of the request ``text``; None: it was not heard yet.

    Whatever was decided since says something else in ``because``; the request's own words stay.
    """
    status = obj.get("status") or {}
    if status.get("lastHandledRequest") != text:
        return None
    came = journeys.of({"kind": kind}).journal(obj).answer_to(text)
    because = came.because if came else str(status.get("because", ""))
    return _Answer(because, Exit.REFUSED if isinstance(came, RefusedRequest) else Exit.OK)
