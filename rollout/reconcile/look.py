"""What one look holds in its hand, and what every stage wants to know of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Any

from rollout import confirm, strategies
from rollout.memo import changed
from rollout.model.observation import Observation, SeenWorkload
from rollout.model.reasons import Reason, WaitsFor
from rollout.model.spec import Rollout
from rollout.model.status import Entry, Revision, RolloutStatus, Stage, StageStatus
from rollout.model.traffic import Split
from rollout.model.turn import HISTORY, Notice, short
from rollout.reconcile import wanted
from rollout.strategies import Plan, Stop

PROXIES = timedelta(seconds=1)
"""How often proxies that are on their way are asked again, at the least."""
AT_FIRST = timedelta(milliseconds=100)
"""And just after they were asked: most have a change within a second."""
ANSWERED = timedelta(minutes=1)
"""When an autoscaler has answered to another load: four of its periods of 15 s."""

SPARE = Fraction(1, 4)
"""The share of its pods a side may lack and still be thought able: one of four may restart."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look: what is asked, remembered and seen, and when."""

    rollout: Rollout
    status: RolloutStatus
    seen: Observation
    now: datetime

    @property
    def plan(self) -> Plan:
        return strategies.plan(self.rollout.spec.strategy)

    def pods(self, revision: Revision | None) -> SeenWorkload:
        """The pods of ``revision``; none at all when nothing was seen of it."""
        name = revision.name if revision else ""
        return self.seen.workloads.get(name) or SeenWorkload(name, "", exists=False)


class Writes(StrEnum):
    """What of the world a turn may change."""

    ALL = "all"  # whatever is not as the status says
    AT_REST = "at rest"  # the journey has not begun: subsets as at rest, and pods stay
    NO_ROUTES = "no routes"  # the mesh's objects stay as they are found, even if not as asked
    HOME = "home"  # what takes traffic home and what carries our marks; nothing is made any more
    LAST = "last"  # and then nothing of ours is left to do: the object may be deleted


@dataclass(frozen=True, slots=True)
class Turn:
    """What a stage made of a look.

    ``because``: any length; people get it shortened.
    ``whole``: the same where ``because`` has only a part of it; empty: it has all.
    ``again``: when time alone could change the answer; zero: look again at once, since new
    questions are to be asked; None: only an event can.
    ``waits_for``: what would move it on; None when it moves, or has nothing to do.
    ``notice``: None: not worth an Event.
    """

    status: RolloutStatus
    because: str
    again: timedelta | None = None
    waits_for: WaitsFor | None = None
    notice: Notice | None = None
    writes: Writes = Writes.ALL
    whole: str = ""


def named(revision: Revision | None) -> str:
    """The revision in a sentence; nobody is ``nobody``."""
    return revision.title if revision else "nobody"


def asked(status: RolloutStatus, now: datetime) -> RolloutStatus:
    """The status in which the proxies are to be asked anew whether they have it."""
    return replace(status, stage=status.stage.asked(now))


def enter(look: Look, stage: Stage, split: Split, because: str) -> RolloutStatus:
    """The status at the beginning of ``stage``; its route is asked for from now on."""
    begun = StageStatus(stage, since=look.now, split=split, asked_at=look.now)
    return remember(replace(look.status, stage=begun), look.now, because)


def go_on(look: Look, stage: Stage) -> RolloutStatus:
    """The status in ``stage``, which asks for the route that the stage before has asked for."""
    return replace(look.status, stage=look.status.stage.followed_by(stage, look.now))


def waited_anew(status: RolloutStatus, now: datetime) -> RolloutStatus:
    """The status in which the gate waits from now on, if its route was confirmed."""
    if status.stage.confirmed_at is None:
        return status
    return replace(status, stage=replace(status.stage, confirmed_at=now))


def attempted(status: RolloutStatus, **changes: Any) -> RolloutStatus:
    """The status whose attempt has these ``changes``."""
    return changed(status, attempt=changed(status.attempt, **changes))


def remember(status: RolloutStatus, now: datetime, because: str) -> RolloutStatus:
    """The status with one more decision in its history and the next fencing epoch."""
    epoch = status.epoch + 1
    canary = status.attempt.canary or status.stable
    evidence = "; ".join(v.text for v in status.attempt.verdicts if not v.dry_run)[:400]
    entry = Entry(
        id=f"{status.attempt.number}.{epoch}",
        at=now,
        stage=status.stage.name,
        split=str(status.stage.split),
        because=short(because),
        revision=canary.name if canary else "",
        evidence=evidence,
        commit=canary.commit if canary else "",
        image=canary.image if canary and canary.is_hash else "",
    )
    return replace(status, epoch=epoch, history=(*status.history, entry)[-HISTORY:])


def confirmed(look: Look) -> RolloutStatus:
    """The status, with the moment of confirmation once the proxies have what was asked."""
    status = look.status
    since = status.stage.asked_at
    if since is None or status.stage.confirmed_at is not None:
        return status
    if wanted.wrong_subsets(status, look.seen):
        return status
    name = status.attempt.canary.name if status.attempt.canary else ""
    how = confirm.confirmed(look.seen, since, look.now, name, status.stage.split.canary)
    if how is None:
        return status
    stage = replace(status.stage, confirmed_at=look.now, confirmed_by=how)
    return replace(status, stage=stage)


def need(look: Look, percent: int) -> int:
    """Ready pods that must be there to carry ``percent`` of the requests.

    Measured on the pods that carried everyone when the journey began (or on as many as stable
    wants by now), less the spare; at least one where there is any weight.
    Source: invariant S7 of docs/facts.md.
    """
    pods = max(look.status.attempt.stable_pods, look.pods(look.status.stable).wanted, 1)
    return _share(percent, pods)


def stable_need(look: Look, percent: int) -> int:
    """As ``need``, of stable's own pods: who else scales them knows better how many it takes.

    The number that their owner (or an autoscaler) wants for stable's present share, scaled to
    ``percent``, and never more than ``need``. On the way back this counts only once they have
    answered to the share that stable has got.
    """
    status, pods = look.status, look.pods(look.status.stable)
    found, share = look.seen.autoscaler, status.stage.split.stable
    known = (
        share > 0 and pods.wanted > 0 and (status.stage.name is not Stage.WITHDRAWING or _old(look))
    )
    scaled = found is not None and found.scales == pods.deployment
    if not known or not (scaled or not wanted.ours_to_scale(look.rollout)):
        return need(look, percent)
    return min(need(look, percent), _share(percent, Fraction(pods.wanted * 100, share)))


def _old(look: Look) -> bool:
    """Whether an autoscaler has had time to answer to the split."""
    since = look.status.stage.confirmed_at
    return since is not None and look.now - since >= ANSWERED


def _share(percent: int, pods: int | Fraction) -> int:
    """So many of ``pods`` for ``percent`` of the requests, less the spare."""
    return max(1, ceil(percent * pods * (1 - SPARE) / 100)) if percent else 0


def no_replicas(look: Look) -> Reason | None:
    """That git's template wants no pod where stable's serve; they are kept then.

    A release ends with everyone on its pods, and nobody would be served a moment later.
    """
    template, pods = look.rollout.spec.workload.template, look.pods(look.status.stable)
    if template is None or template.get("replicas") != 0 or not pods.ready:
        return None
    return Reason(f"template.replicas is 0: not applied, {pods.deployment} serves everyone")


def later_replicas(look: Look) -> Reason | None:
    """That another number of pods in git's template is applied when the release is over."""
    template, pods = look.rollout.spec.workload.template, look.pods(look.status.stable)
    wanted = template.get("replicas") if template else None
    if wanted is None or look.seen.autoscaler is not None or not pods.exists:
        return None
    if wanted == pods.wanted:
        return None
    return no_replicas(look) or Reason(
        f"template.replicas is {wanted}: applied when the release is over, {pods.wanted} until then"
    )


def lacking(look: Look, stop: Stop | None) -> Reason | None:
    """Why the canary cannot carry ``stop`` now (None: everyone); None when it can.

    Where the step says how many pods it wants, its author knows better than our estimate; and so
    does a person who scales both sides, of a stable that was wider for a while.
    """
    percent = stop.route.split.canary if stop else 100
    ours = wanted.ours_to_scale(look.rollout)
    least = need(look, percent) if ours else stable_need(look, percent)
    if stop and stop.step.replicas is not None:
        least = min(least, stop.step.replicas)
    canary = look.pods(look.status.attempt.canary)
    if not canary.known:
        return Reason(canary.problem)
    ready, pods = canary.ready, "pod" if least == 1 else "pods"
    if ready >= least:
        return None
    return Reason(f"{percent}% needs {least} canary {pods}, {ready} ready")


def way_back(look: Look) -> Split:
    """The split that gives stable as much as it can carry: never onto pods that cannot.

    With a dead canary stable gets all it can serve; with both dead nothing moves.
    Where stable's pods cannot be read it gets everyone: it carried them all, and nothing says
    that it is dead.
    """
    status, pods = look.status, look.pods(look.status.stable)
    stable, canary = pods.ready, look.pods(status.attempt.canary)
    if not pods.known or (canary.down and stable > 0):
        return Split(100, 0)
    able = next(p for p in range(100, -1, -1) if stable_need(look, p) <= stable)
    return Split.giving_canary(min(status.stage.split.canary, 100 - able))


def stable_lacks(look: Look, split: Split) -> str:
    """Why not everyone is sent back to stable, in words, and where they stay."""
    ready = look.pods(look.status.stable).ready
    return f"stable has {ready} of {stable_need(look, 100)} pods: holding at {split}"


def asked_again(status: RolloutStatus, now: datetime) -> timedelta:
    """When proxies that were asked are worth another question: after half as long as it has been.

    So an answer is heard at the latest when half as much time has gone by again.
    """
    waited = now - (status.stage.asked_at or now)
    return min(PROXIES, max(AT_FIRST, waited / 2))
