"""One poll for all who follow one repository: who asks while one runs shares the next."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from rollout.edges.git import address
from rollout.edges.git.children import Children, Died, SilenceLimits
from rollout.edges.git.lanes import PATIENCE, FetchLanes
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.model.source import Origin, Relation

GATHER = 0.01  # seconds; sources that are due at one instant are looked at in one turn
CAS = ("ca.crt", "caFile")  # entries of a Secret; Flux has used both names


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a ref is now, how that follows the commit before, and the clone that has it."""

    clone: Path
    commit: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class _Asked:
    """One who asks, for the commits after ``since``."""

    origin: Origin
    since: str
    answer: "asyncio.Future[Tip]"

    @property
    def want(self) -> dict[str, Any]:
        return {"ref": self.origin.ref, "since": self.since, "whole": self.origin.every}


@dataclass
class Polls:
    """Far sides, asked where their refs are; ``limit``: how long one may take."""

    children: Children
    local: bool
    limit: timedelta
    patience: timedelta = PATIENCE
    _waiting: dict[tuple[str, str], list[_Asked]] = field(default_factory=dict)
    _serving: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lanes = FetchLanes(self.patience)

    async def tip(self, origin: Origin, since: str) -> Tip:
        """Where the origin's ref is, as a poll found that began after this was asked.

        Errors: ``OutsideError`` when there is no answer, ``RefusedError`` when it is no.
        """
        key = (origin.url, origin.secret_name)
        answer: asyncio.Future[Tip] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(_Asked(origin, since, answer))
        if key not in self._serving:
            self._serving[key] = asyncio.create_task(self._serve(key))
        return await answer

    async def _serve(self, key: tuple[str, str]) -> None:
        try:
            while key in self._waiting:
                await asyncio.sleep(GATHER)
                asked = [one for one in self._waiting.pop(key) if not one.answer.done()]
                if asked:
                    await self._round(" ".join(key), asked)
        finally:
            del self._serving[key]

    async def _round(self, key: str, asked: Sequence[_Asked]) -> None:
        where = f"git {address.shown(asked[0].origin.url)}"
        try:
            done = await self._lanes.run(key, lambda: self._poll(where, asked))
        except RolloutError as error:
            tips: list[Any] = [error] * len(asked)
        except Died as death:
            tips = [OutsideError(f"{where}: {death}; the next poll tries again")] * len(asked)
        except Exception as error:  # a bug of ours, too, is an answer: nobody waits for ever
            tips = [error] * len(asked)
        else:
            tips = [_tip(done, tip) for tip in done["tips"]]
        for one, tip in zip(asked, tips, strict=True):
            if one.answer.done():
                continue
            if isinstance(tip, RolloutError):
                one.answer.set_exception(type(tip)(str(tip)))
            elif isinstance(tip, Exception):
                one.answer.set_exception(tip)
            else:
                one.answer.set_result(tip)

    async def _poll(self, where: str, asked: Sequence[_Asked]) -> Mapping[str, Any]:
        origin = asked[-1].origin  # who asked last has read the Secret last
        job = {
            "do": "poll",
            "where": where,
            "repository": {
                "url": origin.url,
                "secret": dict(origin.secret),
                "secret_name": origin.secret_name,
            },
            "wants": [one.want for one in asked],
            "local": self.local,
        }
        limits = SilenceLimits(self.limit, self.limit)
        return await self.children.ask(job, limits, ca=_ca(where, origin))

    async def close(self) -> None:
        """Nobody is asked any more."""
        tasks = list(self._serving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _ca(where: str, origin: Origin) -> str:
    """The certificates that the server's must come from; empty: the system's own."""
    for name in CAS:
        if text := origin.secret.get(name, "").strip():
            try:
                ssl.create_default_context(cadata=text)
            except (ssl.SSLError, ValueError) as error:
                found = f"{name} of secret {origin.secret_name} is no certificate"
                raise RefusedError(f"{where}: {found}; PEM is wanted") from error
            return text
    return ""


def _tip(done: Mapping[str, Any], tip: Mapping[str, Any]) -> Tip | RolloutError:
    if "error" in tip:
        return (RefusedError if tip["error"] == "refused" else OutsideError)(tip["text"])
    return Tip(Path(done["clone"]), tip["commit"], Relation(tip["relation"]))
