"""Whether this process can do its work, and what of it not: heartbeat, leader, watches, rights."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rollout.controller import rights, telemetry
from rollout.controller.ports import Cluster
from rollout.controller.rights import Call, Need
from rollout.controller.shards import Shards
from rollout.errors import OutsideError, RolloutError

BEAT = 5.0  # seconds between two heartbeats, and between two looks at what is seen
DEAD = 30.0  # seconds without one: the event loop hangs
SILENT = 120.0  # seconds without a sign from a watch, which is replaced within 60
LASTING = 5.0  # seconds that a trouble must last to be told: what passes by itself is none
ASKED = 60.0  # seconds between two questions of what we may


@dataclass(slots=True)
class Health:
    """What ``/healthz`` and ``/readyz`` say, and the log each time that it changes.

    ``shards``: None where this is the only replica.
    """

    kube: Cluster
    shards: Callable[[], Shards | None]
    missing: Mapping[Call, tuple[Need, ...]] = field(default_factory=dict)
    _beat_at: float = float("-inf")
    _unknown: str = ""
    _since: dict[str, float] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Beats, and tells of what changes; ends only when cancelled."""
        while True:
            self._beat_at = _now()
            self._tell()
            await asyncio.sleep(BEAT)

    async def ask(self) -> None:
        """Asks what we may, again and again; ends only when cancelled."""
        while True:
            try:
                await self._ask()
                self._unknown = ""
            except RolloutError as error:  # a server that does not tell forbids nothing
                if str(error) != self._unknown:
                    telemetry.warn("rights unknown", error=str(error))
                self._unknown = str(error)
            await asyncio.sleep(ASKED)

    def alive(self) -> str:
        """What is wrong with this process, in one line; empty when nothing is."""
        silent = _now() - self._beat_at
        return f"no heartbeat for {silent:.0f} s" if silent > DEAD else ""

    def unready(self) -> str:
        """Why this process cannot do its work now, in one line; empty when it can."""
        needed = {kind: text for kind, text in self._unseen() if kind in _NEEDED}
        silent = self.kube.silence()
        if text := next(iter(needed.values()), ""):
            return text
        if silent > SILENT:
            return f"nothing heard from the API server for {silent:.0f} s"
        forbidden = _sentences(self.missing, rights.REQUIRED)
        return next(iter(forbidden), "") or self._leaderless() or self.alive()

    def notes(self) -> tuple[str, ...]:
        """What does not work now though the rest does, a line each."""
        unseen = tuple(text for kind, text in self._unseen() if kind not in _NEEDED)
        optional = frozenset(Need) - rights.REQUIRED
        return (*_sentences(self.missing, optional), *unseen)

    def _unseen(self) -> Iterable[tuple[str, str]]:
        return sorted(self.kube.troubles().items())

    def _leaderless(self) -> str:
        """Why nobody acts, as far as this replica knows; empty when one does."""
        shards = self.shards()
        return shards.leaderless() if shards else ""

    async def _ask(self) -> None:
        found = {}
        for call, needs in rights.calls(self._needs()).items():
            for only in self._each(call):
                if not await self.kube.may(call.verb, call.kind, call.subresource, only):
                    found[call] = needs
        before, self.missing = {*_sentences(self.missing)}, found
        for text in sorted({*_sentences(found)} - before):
            telemetry.warn("right missing", because=text)
        for text in sorted(before - {*_sentences(found)}):
            telemetry.info("right no longer missing", because=text)

    def _each(self, call: Call) -> Sequence[tuple[str, str]]:
        """What is asked of one by one: our own Leases; anything else as a whole."""
        if call.kind != "Lease":
            return (("", ""),)
        shards = self.shards()
        return [(one.namespace, one.name) for one in shards.leaders] if shards else ()

    def _needs(self) -> frozenset[Need]:
        """What the cluster's own objects want of us."""
        try:
            sources = self.kube.list("RolloutSource")
        except OutsideError:
            return rights.USUAL
        team = any((obj.get("spec") or {}).get("manifests") is True for obj in sources)
        return rights.USUAL | rights.OPT_IN if team else rights.USUAL

    def _tell(self) -> None:
        """One line for each kind that is not seen, and one when it is again."""
        unseen = dict(self._unseen())
        for kind in {*self._since} - {*unseen}:
            del self._since[kind]
            if self._told.pop(kind, ""):
                telemetry.info("watch", kind=kind, because="it is seen again")
        for kind, text in unseen.items():
            since = self._since.setdefault(kind, _now())
            if _now() - since >= LASTING and kind not in self._told:
                self._told[kind] = text
                telemetry.warn("watch", kind=kind, error=text)


_NEEDED = frozenset(call.kind for call, needs in rights.calls().items() if Need.ROLLOUTS in needs)


def _sentences(
    missing: Mapping[Call, tuple[Need, ...]], of: frozenset[Need] = frozenset(Need)
) -> list[str]:
    """A line for each need and kind: ``may not list, watch Secret: webhooks with a Secret``."""
    verbs: dict[tuple[Need, str], list[str]] = {}
    for call, needs in missing.items():
        for need in needs:
            name = f"{call.kind}/{call.subresource}" if call.subresource else call.kind
            verbs.setdefault((need, name), []).append(call.verb)
    return [
        f"may not {', '.join(done)} {name}: {need}"
        for (need, name), done in verbs.items()
        if need in of
    ]


def _now() -> float:
    return asyncio.get_running_loop().time()
