"""What the next look must see: objects, pods, counters, people; nothing is fetched from here."""

from dataclasses import replace
from datetime import datetime

from rollout import confirm, gate, hook
from rollout.model.observation import CountsQuestion, HookQuestion, Questions, ValueQuestion
from rollout.model.spec import Rollout
from rollout.model.status import RolloutStatus, Stage
from rollout.reconcile import holding, subject, wanted

_DIVIDING = (Stage.STEPPING, Stage.SWITCHING, Stage.BAKING, Stage.WITHDRAWING)
"""Stages entered by another split; only then do the requests show that it was taken."""


def ask(
    rollout: Rollout, status: RolloutStatus, now: datetime, *, outside: bool = True
) -> Questions:
    """Everything the next ``decide`` at about ``now`` must see.

    ``outside``: whether anybody outside is asked, too; a way back needs none of them.
    """
    rollout = subject.in_force(rollout, status)
    old = status.draining.revision if status.draining else None
    named = (status.stable, status.attempt.canary, old)
    revisions = tuple({revision.name: revision for revision in named if revision}.values())
    near = Questions(
        target=wanted.target(rollout, status),
        route=wanted.route(rollout, status),
        revisions=revisions,
        since=status.stage.asked_at if status.stage.confirmed_at is None else None,
        preflight=status.stage.name is Stage.PREPARING,
        released=wanted.released(status),
        reached=status.stable is None,
        subject=status.subject,
    )
    return _outside(near, rollout, status, now) if outside else near


def _outside(near: Questions, rollout: Rollout, status: RolloutStatus, now: datetime) -> Questions:
    """``near``, and what those are asked who are no part of the cluster."""
    counts: tuple[CountsQuestion, ...] = ()
    values: tuple[ValueQuestion, ...] = ()
    if status.stage.name in (Stage.STEPPING, Stage.BAKING):
        held = holding.held(rollout, status, now)
        counts, values = gate.questions(rollout, held, status, now)
    return replace(
        near,
        counts=counts + _shares(rollout, status, now),
        values=values + _pushes(rollout, status, now),
        webhook=_webhook(rollout, status),
        groups=_groups(rollout, status, now),
    )


def _shares(rollout: Rollout, status: RolloutStatus, now: datetime) -> tuple[CountsQuestion, ...]:
    """What tells whether requests divide as asked; nothing where they divided so before, too."""
    divided = status.stage.split.canary > 0 or status.stage.name is Stage.WITHDRAWING
    if not status.stage.waits_for_proxies or not divided or status.stage.name not in _DIVIDING:
        return ()
    names = [r.name for r in (status.stable, status.attempt.canary) if r]
    workloads = {name: rollout.deployment(name) for name in names}
    every = rollout.spec.analysis.interval
    return confirm.question(rollout.namespace, workloads, status.stage.asked_at or now, now, every)


def _pushes(rollout: Rollout, status: RolloutStatus, now: datetime) -> tuple[ValueQuestion, ...]:
    """How long istiod's pushes take, where the proxies have not taken the route for a while."""
    if not status.stage.waits_for_proxies or status.stage.name not in _DIVIDING:
        return ()
    return confirm.pushes(status.stage.asked_at or now, now, rollout.spec.analysis.interval)


def _groups(rollout: Rollout, status: RolloutStatus, now: datetime) -> tuple[str, ...]:
    """The user groups whose members decide whether the step we are at is approved."""
    if status.stage.name is not Stage.STEPPING:
        return ()
    approval = holding.stop(rollout, status).step.approval
    return gate.groups(rollout, approval, status, now) if approval else ()


def _webhook(rollout: Rollout, status: RolloutStatus) -> HookQuestion | None:
    """What the HTTP gate of the step we are at is asked, once its route is confirmed."""
    if status.stage.name is not Stage.STEPPING or status.stage.confirmed_at is None:
        return None
    return hook.question(rollout, holding.stop(rollout, status).step, status)
