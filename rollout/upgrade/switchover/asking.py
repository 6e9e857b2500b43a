"""The people whom a step of a switchover asks, by the rule that every kind's approvals share."""

from datetime import datetime, timedelta

from rollout import approvals, gate
from rollout.approvals import Asked
from rollout.gate import Finding
from rollout.model.spec import Approval
from rollout.model.status import Answer, of_step
from rollout.model.switchover import Switchover, SwitchoverStatus, SwitchStage
from rollout.upgrade.switchover.look import Look, Turn, go_back


def approval(switchover: Switchover, status: SwitchoverStatus) -> Approval | None:
    """What the step that we are at asks of people; None: nothing, or there is no step."""
    step, steps = status.attempt.step, switchover.spec.steps
    if step is None or status.stage.name is not SwitchStage.SHIFTING or step.index >= len(steps):
        return None
    return steps[step.index].approval


def answers(status: SwitchoverStatus) -> tuple[Answer, ...]:
    """What people have answered to the step that we are at."""
    index = status.attempt.step.index if status.attempt.step else -1
    return of_step(status.attempt.approvals, index, status.attempt.number)


def _asked(switchover: Switchover, status: SwitchoverStatus) -> Asked | None:
    wanted = approval(switchover, status)
    if wanted is None:
        return None
    channel = wanted.slack or switchover.spec.notify.slack
    return Asked(wanted, answers(status), switchover.author, channel)


def groups(switchover: Switchover, status: SwitchoverStatus, now: datetime) -> tuple[str, ...]:
    """The user groups whose members decide whether the step we are at is approved."""
    found = _asked(switchover, status)
    return approvals.groups(found, now) if found else ()


def waiting(look: Look) -> Finding | None:
    """The people, once everything else is open; None: enough of them said yes."""
    found = _asked(look.switchover, look.status)
    if found is None:
        return None
    confirmed = look.status.stage.confirmed_at
    waited = look.now - confirmed if confirmed else timedelta(0)
    return gate.waiting(approvals.lack(found, waited, look.seen, look.now))


def rejected(look: Look) -> Turn | None:
    """Everyone back to blue, where somebody who may has said no."""
    if look.status.stage.name is not SwitchStage.SHIFTING:
        return None
    wanted = approval(look.switchover, look.status)
    why = approvals.refusal(wanted, answers(look.status))
    return go_back(look, why, reject=True) if why is not None else None
