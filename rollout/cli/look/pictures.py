"""What ``watch`` draws on a terminal: a rollout, an upgrade, a switchover, as they stand."""

from datetime import datetime

from rich.console import Group
from rich.live import Live
from rich.text import Text

from rollout import strategies
from rollout.cli import clock, drawn, settings
from rollout.cli.cluster import Json, SeenRollout, UnreadRollout
from rollout.cli.look import mesh
from rollout.manifest import switchovers
from rollout.messages import clocks, evidence, explain, switching, terminal
from rollout.messages import upgrades as words
from rollout.model.status import PASSED, Phase, RolloutStatus


def live() -> Live:
    """Where one picture follows another in its place."""
    return Live(console=drawn.console(), auto_refresh=False)


def rollout(found: SeenRollout | UnreadRollout) -> Group:
    """Phase, split, the journey's steps with their clocks and evidence, the last decisions.

    What cannot be read is said, with what goes on meanwhile; the picture stays.
    """
    status, now = found.status or RolloutStatus(phase=Phase.PAUSED), clock.now()
    style = drawn.STYLES[status.phase.value]
    key = found.key if isinstance(found, UnreadRollout) else found.rollout.key
    line = Text.assemble(
        *((key, "bold"), "  ", (status.phase.value, f"bold {style}"), f"  {_sides(status)}")
    )
    head = drawn.Beside(line, terminal.marks(status.attempt.canary or status.stable))
    share = Text.assemble((terminal.bar(terminal.percent(status), 40), style))
    share.append(f" {terminal.share(status) or 'no'} canary")
    past = [drawn.Hung(f"{row[1]:>4}  {row[3]:<6}  {row[5]}", "dim") for row in _past(status, now)]
    if isinstance(found, UnreadRollout):
        problem = Text(f"the spec cannot be read: {found.because}", style="red")
        goes_on = [Text(f"it goes on as it was: {status.because}")] if found.status else []
        return Group(head, problem, *goes_on, share, *past)
    steps = [_step(found, number) for number in range(len(_stops(found)))]
    ways = explain.ways_on(found.rollout, status)
    said = [drawn.Hung(status.because), *([drawn.Hung(f"next: {ways}", "bold")] if ways else [])]
    ticking = [drawn.Hung(f"  {line}") for line in clocks.lines(found.rollout, status, now)]
    counted = [drawn.Hung(f"  {line}") for line in evidence.lines(status.attempt)]
    return Group(head, *said, share, *steps, *ticking, *counted, *past)


def _past(status: RolloutStatus, now: datetime) -> list[tuple[str, ...]]:
    return terminal.history(status, now)[:5]


def _sides(status: RolloutStatus) -> str:
    stable, canary = (terminal.known_as(one) for one in terminal.sides(status))
    return " -> ".join(name for name in (stable or terminal.NONE_YET, canary) if name)


def _stops(found: SeenRollout) -> tuple[strategies.Stop, ...]:
    return strategies.plan(found.rollout.spec.strategy).stops


def _step(found: SeenRollout, number: int) -> Text:
    """One step, marked as past, present or to come."""
    stop, at = _stops(found)[number], found.status.attempt.step
    index = at.index if at else (99 if found.status.stage.name in PASSED else -1)
    mark, style = ("●", "bold") if number == index else ("✓", "dim")
    if number > index:
        mark, style = "○", ""
    line = Text(f"{mark} {stop.name:<14} {stop.route.split.canary:3}%", style=style)
    if stop.route.is_dressed:
        line.append(f"  {terminal.beside(stop.route)}")
    return line


def upgrade(found: mesh.SeenUpgrade) -> Group:
    """The facts as they stand, and the last decisions below."""
    style = "" if settings.is_plain() else drawn.STYLES[found.status.phase.value]
    said = words.facts(found.upgrade, found.status, clock.now())
    lines = [
        Text.assemble((f"{label:<10}  ", "bold"), (text, style if label == "Phase" else ""))
        for label, text in said
    ]
    past = [
        Text(f"{row[1]:>4}  {row[2]:<9} {row[4]}", style="dim")
        for row in words.history(found.status, clock.now())[:5]
    ]
    return Group(*lines, *past)


def switchover(obj: Json) -> Group:
    """The facts as they stand, with the share as a bar."""
    who, found = switchovers.switchover(obj), switchovers.status(obj)
    bar = Text(terminal.bar(found.stage.split.canary, 40))
    bar.append(f" {found.stage.split.canary}% green")
    rows = switching.facts(who, found, clock.now())
    lines = [Text(f"{label:<12} {text}") for label, text in rows]
    return Group(Text(who.key, style="bold"), bar, *lines)
