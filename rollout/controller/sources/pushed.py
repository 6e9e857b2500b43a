"""Push webhooks that are genuine: which sources they make us read, and how often at the most.

A lost one costs an interval, a doubled one costs nothing: the effect is one fetch, soon.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollout import lenient
from rollout.controller import telemetry
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import hooks
from rollout.controller.sharing import Leads, everything, namespace_of
from rollout.errors import RolloutError
from rollout.manifest import objects
from rollout.model.forge import Push

BURST = 10  # fetches of one source that pushes may cause at once
EVERY = 1.0  # seconds after which it may be one more
KEYS = ("key", "previous")  # entries of a source's own Secret


@dataclass(frozen=True, slots=True)
class Nudged:
    """How many sources follow the repository, and how many of them are read now."""

    following: int
    read: int


@dataclass(slots=True)
class _Pace:
    """How many fetches a source may still have, as of ``at``; ``later``: one that waits."""

    left: float
    at: float
    later: asyncio.TimerHandle | None = None

    def wait(self, now: float) -> float:
        """Seconds until the next fetch, which is spent; 0: at once."""
        self.left = min(BURST, self.left + (now - self.at) / EVERY)
        self.at = now
        self.left -= 1
        return max(0.0, -self.left * EVERY)


@dataclass(slots=True)
class Pushes:
    """``nudge``: the source is read soon. ``shared``: the operator's secrets, for every source.

    ``leads``: whether this replica may act now; another one is told by an annotation.
    """

    kube: Kube
    nudge: Callable[[str], None]
    shared: Callable[[], Sequence[str]]
    clock: Callable[[], datetime]
    leads: Leads = everything
    _paces: dict[str, _Pace] = field(default_factory=dict)
    _telling: set[asyncio.Task[None]] = field(default_factory=set)

    async def secrets(self, source: str) -> Sequence[str]:
        """Those in force for ``source``, its own; for an empty one, the operator's.

        A Secret that is missing is none: who asks must not learn which sources there are.
        """
        if not source:
            return self.shared()
        namespace, _, name = source.partition("/")
        secret = _secret(self._spec(namespace, name))
        if not secret:
            return ()
        try:
            entries = await hooks.entries(self.kube, namespace, secret)
        except RolloutError as error:
            telemetry.warn("push webhook without its secret", source=source, error=str(error))
            return ()
        return [entries[key].decode("utf-8", "replace").strip() for key in KEYS if key in entries]

    async def pushed(self, push: Push, only: str = "") -> Nudged:
        """Every source that follows what was pushed is read soon; ``only``: none but this one.

        Errors: ``OutsideError`` while it is not known which sources there are.
        """
        following = [
            (key, str(spec.get("ref") or "main"))
            for key, spec in self._sources()
            if (not only or key == only) and push.names(str(spec.get("url")))
        ]
        due = [key for key, ref in following if push.moves(ref)]
        for key in due:
            self._soon(key)
        return Nudged(len(following), len(due))

    async def stop(self) -> None:
        """Nothing waits any more."""
        for pace in self._paces.values():
            if pace.later:
                pace.later.cancel()
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _sources(self) -> list[tuple[str, Mapping[str, Any]]]:
        listed = self.kube.list("RolloutSource")
        keys = [f"{obj['metadata']['namespace']}/{obj['metadata']['name']}" for obj in listed]
        for gone in self._paces.keys() - set(keys):
            del self._paces[gone]
        return [
            (key, lenient.mapping(obj.get("spec"))) for key, obj in zip(keys, listed, strict=True)
        ]

    def _spec(self, namespace: str, name: str) -> Mapping[str, Any]:
        obj = self.kube.get("RolloutSource", namespace, name) or {}
        return lenient.mapping(obj.get("spec"))

    def _soon(self, key: str) -> None:
        """Now, or when the source's pace allows; those that would wait are one."""
        loop = asyncio.get_running_loop()
        pace = self._paces.setdefault(key, _Pace(BURST, loop.time()))
        if pace.later:
            return
        wait = pace.wait(loop.time())
        if wait:
            pace.later = loop.call_later(wait, self._later, key)
        else:
            self._read(key)

    def _later(self, key: str) -> None:
        pace = self._paces.get(key)
        if pace:
            pace.later = None
            self._read(key)

    def _read(self, key: str) -> None:
        if self.leads(namespace_of(key)):
            self.nudge(key)
        else:
            self._start(self._tell(key))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="pushed")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, key: str) -> None:
        """The replica that leads learns of it by the watch that it has anyway."""
        namespace, _, name = key.partition("/")
        try:
            obj = self.kube.get("RolloutSource", namespace, name)
            if obj is not None:
                await self.kube.patch("RolloutSource", namespace, name, self._marked(obj))
        except RolloutError as error:
            telemetry.warn("push not passed on", source=key, error=str(error))

    def _marked(self, obj: Json) -> list[Json]:
        known = obj["metadata"].get("annotations") or {}
        whole = {**known, objects.PUSHED: self.clock().isoformat()}
        return [unchanged(obj), {"op": "add", "path": "/metadata/annotations", "value": whole}]


def _secret(spec: Mapping[str, Any]) -> str:
    """The name of the Secret of the source's own webhook; empty: it has none."""
    return str(lenient.under(spec, "webhook", "secretRef", "name") or "")
