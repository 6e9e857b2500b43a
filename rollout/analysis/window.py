"""What traffic a judgement is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from rollout.analysis import grid
from rollout.model.observation import Side, View
from rollout.model.spec import Analysis, AnalysisTemplateSpec, Unread

LEAST_WEIGHT = 5


def judged_weight(percent: int) -> int:
    """The weight for which harm is reckoned: cohorts alone count as one user in twenty."""
    return max(LEAST_WEIGHT, percent)


class Journey(Protocol):
    """What is judged: a Rollout, or whatever else takes requests from one side to another.

    ``weights``: the canary's shares at its steps, percent.
    ``service``, ``host``, ``templates``: what its metrics may name.
    """

    @property
    def analysis(self) -> Analysis: ...
    @property
    def templates(self) -> Mapping[str, AnalysisTemplateSpec | Unread]: ...
    @property
    def service(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def weights(self) -> frozenset[int]: ...
    @property
    def progress_deadline(self) -> timedelta: ...
    @property
    def key(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Window:
    """The traffic since the present weight was confirmed.

    ``stable``, ``canary``: revision names; ``workloads``: revision to Deployment name.
    ``since``: when the present weight was confirmed at the proxies; blocks that began before
    certify nothing.
    ``asked``: when the present weight was asked for; what ended before is the last window's.
    ``by_weight``: no other requests reach the canary than its weight sends, so that what was
    counted while the weight rose can speak against it.
    ``weight``, ``next_weight``: the canary's share now and after the gate, percent.
    ``mirrored``: the canary gets copies or cohorts only, which the destination alone has seen.
    ``stable_down_at``: when stable was last seen without ready pods; until the proxies know of its
    new ones, requests that meet no endpoint are not the canary's.
    ``comparing``: False when stable has no ordinary traffic: absolute limits only.
    ``view``: whose counters, where only one kind can tell the sides apart; None: Istio's, by the
    analysis' own choice.
    ``sides``: whole namespaces that are compared, in place of ``namespace`` and ``workloads``.
    """

    namespace: str
    stable: str
    canary: str
    workloads: Mapping[str, str]
    since: datetime
    step: int | None
    weight: int
    next_weight: int
    mirrored: bool = False
    comparing: bool = True
    stable_down_at: datetime | None = None
    asked: datetime | None = None
    by_weight: bool = False
    view: View | None = None
    sides: Mapping[str, Side] = field(default_factory=dict)

    @property
    def percent(self) -> int:
        """The weight that the gate would open to."""
        return judged_weight(self.next_weight)

    def base(self, interval: timedelta) -> datetime:
        """The first instant whose counters are of use, where none are known yet.

        Where the weight alone sends requests, the block in which it came may speak against the
        canary, as every block in which it rises.
        """
        rose = self.by_weight and self.comparing and self.weight > 0
        return (grid.floor if rose else grid.first)(self.since, interval)

    def workload(self, revision: str) -> str:
        """The Deployment of ``revision``."""
        return self.workloads.get(revision, revision)
