"""What the page shows, read from the cache and from what the looks remember; nothing is fetched.

A Rollout that cannot be read costs the page that one line.
"""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollout import lenient
from rollout.controller.keeping.store import Store
from rollout.controller.ports import Kube
from rollout.controller.seeing import pods, source
from rollout.errors import ManifestError, OutsideError, RefusedError
from rollout.istio.revisions import proxies
from rollout.manifest import record, switchovers, upgrades
from rollout.messages.page import mesh, rows, sheet
from rollout.messages.page.sheet import FoundRollout
from rollout.model.spec import Rollout
from rollout.model.status import Phase, Revision, RolloutStatus

Json = Mapping[str, Any]

COUNTED = timedelta(seconds=5)  # how old the count of a mesh's proxies may be: it reads every pod

KINDS = {"rollout": "Rollout", "upgrade": upgrades.KIND, "switchover": switchovers.KIND}
"""What the page calls a thing, and its kind in Kubernetes."""


@dataclass(frozen=True, slots=True)
class Place:
    """One thing on the page; ``kind`` in the page's own word."""

    kind: str
    namespace: str
    name: str

    @property
    def id(self) -> str:
        """As its line has it."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing as it is now; ``version``: the same objects as long as it is the same."""

    place: Place
    obj: Json
    version: tuple[object, object]
    status: RolloutStatus | None = None
    problem: str = ""


@dataclass(slots=True)
class Reader:
    """``also``: kinds besides Rollouts that may be watched."""

    kube: Kube
    store: Store
    also: Callable[[], frozenset[str]] = frozenset
    _proxies: mesh.Proxies = field(default_factory=dict)
    _counted_at: datetime | None = None

    def all(self, known: Mapping[str, tuple[object, object]]) -> Iterator[Seen]:
        """Everything there is; parsed only where ``known``, versions by id, has another one."""
        for kind, called in KINDS.items():
            for obj in self._list(called):
                place = Place(kind, lenient.namespace(obj), lenient.name(obj))
                remembered = self.store.remembered(obj) if kind == "rollout" else None
                version = (obj, remembered)
                before = known.get(place.id)
                if before is not None and before[0] is obj and before[1] is remembered:
                    yield Seen(place, obj, before)
                elif kind == "rollout":
                    yield _read(Seen(place, obj, version, remembered))
                else:
                    yield Seen(place, obj, version)

    def line(self, seen: Seen) -> Json:
        """The row of ``seen``."""
        try:
            if seen.place.kind == "upgrade":
                return rows.upgrade(upgrades.upgrade(seen.obj), upgrades.status(seen.obj))
            if seen.place.kind == "switchover":
                return rows.switchover(lenient.meta(seen.obj), switchovers.status(seen.obj))
        except ManifestError as error:
            return rows.unread(seen.place.kind, lenient.meta(seen.obj), str(error))
        return rows.rollout(seen.obj, seen.status, seen.problem)

    def full(self, place: Place, now: datetime) -> Json | None:
        """Everything about one thing; None: it is not there."""
        obj = self._get(place)
        if obj is None:
            return None
        try:
            if place.kind == "upgrade":
                known = upgrades.upgrade(obj), upgrades.status(obj)
                return mesh.upgrade(*known, self._counted(now), now)
            if place.kind == "switchover":
                found = switchovers.switchover(obj), switchovers.status(obj)
                return mesh.switchover(*found, lenient.meta(obj), now)
        except ManifestError as error:
            return rows.unread(place.kind, lenient.meta(obj), str(error))
        return sheet.sheet(self._found(place, obj), now)

    def _found(self, place: Place, obj: Json) -> FoundRollout:
        seen = _read(Seen(place, obj, (obj, None), self.store.remembered(obj)))
        rollout, problem = None, seen.problem
        with contextlib.suppress(ManifestError, OutsideError):
            held = self.store.load(f"{place.namespace}/{place.name}")
            rollout, problem = (held.rollout, held.problem or problem) if held else (None, problem)
        status = seen.status or RolloutStatus(phase=Phase.PAUSED)
        sides = (status.stable, status.attempt.canary)
        stable, canary = (self._pods(rollout, revision) for revision in sides)
        return FoundRollout(
            obj, status, rollout, problem, source.url(self.kube, obj), stable, canary
        )

    def _pods(self, rollout: Rollout | None, revision: Revision | None) -> Sequence[Json]:
        if rollout is None or revision is None:
            return ()
        try:
            return pods.of(self.kube, rollout, revision.name)
        except (OutsideError, RefusedError):
            return ()

    def _counted(self, now: datetime) -> mesh.Proxies:
        if self._counted_at is None or now - self._counted_at >= COUNTED:
            self._counted_at = now
            counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
            for pod in self._list("Pod"):
                if revision := proxies.injected_by(lenient.annotations(pod)):
                    counts[lenient.namespace(pod)][revision] += 1
            self._proxies = counts
        return self._proxies

    def _list(self, kind: str) -> Sequence[Json]:
        """Empty while the kind is not known, or must not be watched."""
        if not self._may_see(kind):
            return ()
        with contextlib.suppress(OutsideError):
            return self.kube.list(kind)
        return ()

    def _may_see(self, kind: str) -> bool:
        return kind not in (upgrades.KIND, switchovers.KIND) or kind in self.also()

    def _get(self, place: Place) -> Json | None:
        kind = KINDS[place.kind]
        if not self._may_see(kind):
            return None
        with contextlib.suppress(OutsideError):
            return self.kube.get(kind, place.namespace, place.name)
        return None


def _read(seen: Seen) -> Seen:
    """``seen`` with the status of its object where no look remembers one."""
    if seen.status is not None:
        return seen
    try:
        status, problem = record.status(seen.obj), ""
    except ManifestError as error:
        status, problem = None, str(error)
    return Seen(seen.place, seen.obj, seen.version, status, problem)
