"""What the next look at a switchover must see; nothing is fetched from here."""

from datetime import datetime

from rollout import confirm
from rollout.model.observation import CountsQuestion
from rollout.model.switching import DnsQuestion, SwitchQuestions
from rollout.model.switchover import (
    MOVED,
    Side,
    Switchover,
    SwitchoverStatus,
    SwitchStage,
)
from rollout.upgrade.switchover import asking, judging, served


def ask(switchover: Switchover, status: SwitchoverStatus, now: datetime) -> SwitchQuestions:
    """Everything the next ``decide`` at about ``now`` must see."""
    counts, values = judging.questions(switchover, status, now)
    return SwitchQuestions(
        dns=_dns(switchover, status),
        probes=_probes(status),
        counts=counts + _share(switchover, status, now),
        values=values,
        preflight=status.stage.name is SwitchStage.CHECKING,
        groups=asking.groups(switchover, status, now),
    )


def _dns(switchover: Switchover, status: SwitchoverStatus) -> DnsQuestion | None:
    """The name servers, until they are sure to answer by the weights that were written."""
    stage, dns = status.stage, switchover.spec.dns
    tried = stage.name is SwitchStage.VERIFYING
    waits = stage.written_at is not None and stage.served_at is None
    if stage.name is SwitchStage.SERVING or not (tried or waits):
        return None
    times = served.times(stage.before, stage.split)
    return DnsQuestion(dns.names, dns.name_servers, times)


def _probes(status: SwitchoverStatus) -> tuple[Side, ...]:
    if status.stage.name in (*MOVED, SwitchStage.RETURNING):
        return (Side.BLUE, Side.GREEN)
    return (Side.GREEN,) if status.stage.name is SwitchStage.VERIFYING else ()


def _share(
    switchover: Switchover, status: SwitchoverStatus, now: datetime
) -> tuple[CountsQuestion, ...]:
    """How requests divide, where that is waited for."""
    stage = status.stage
    waits = stage.served_at is not None and stage.confirmed_at is None
    if not waits and stage.name is not SwitchStage.DRAINING:
        return ()
    since = stage.served_at or stage.since or now
    every = switchover.analysis.interval
    return confirm.gateways(judging.sides(switchover), since, now, every)
