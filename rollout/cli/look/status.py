"""``status``, ``history`` and ``explain``: what is, what was, and why nothing moves."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rollout.cli import clock, cluster, live, output
from rollout.cli.cluster import SWITCHOVER, SeenRollout, UnreadRollout
from rollout.cli.output import Format
from rollout.cli.settings import Settings
from rollout.messages import clocks, terminal
from rollout.messages import explain as words
from rollout.model.status import RolloutStatus

if TYPE_CHECKING:
    from rollout.edges.kube import Kube


def status(given: Settings, name: str, namespace: str, form: Format, *, everywhere: bool) -> None:
    """All Rollouts in scope, or everything about what ``name`` names."""
    if upgrade := cluster.upgrade_named(name):
        from rollout.cli.look import mesh  # noqa: PLC0415 - seldom asked for

        mesh.status(given, upgrade, form)
        return
    given = _scope(given, namespace, everywhere=everywhere)
    kind, name = cluster.named(name)
    if kind == SWITCHOVER:
        from rollout.cli.look import switchovers  # noqa: PLC0415 - seldom asked for

        switchovers.status(given, name, form)
        return
    if name:
        found = asyncio.run(_one(given, name))
        if form is Format.TABLE:
            output.facts(_facts(found))
        else:
            output.machine(form, found.obj, [output.name_of(found.obj)])
        return
    everything = asyncio.run(_all(given))
    if form is Format.TABLE:
        _table(everything, everywhere=everywhere, namespace=given.namespace)
    else:
        objs = [one.obj for one in everything]
        output.machine(form, output.items(objs), map(output.name_of, objs))


def history(given: Settings, name: str, namespace: str, form: Format) -> None:
    """Its last 50 decisions, newest first."""
    if upgrade := cluster.upgrade_named(name):
        from rollout.cli.look import mesh  # noqa: PLC0415 - seldom asked for

        mesh.history(given, upgrade, form)
        return
    kind, name = cluster.named(name)
    if kind == SWITCHOVER:
        from rollout.cli.look import switchovers  # noqa: PLC0415 - seldom asked for

        switchovers.history(_scope(given, namespace), name, form)
        return
    found = asyncio.run(_one(_scope(given, namespace), name))
    if form is Format.TABLE:
        past = terminal.history(found.status or RolloutStatus(), clock.now())
        output.table(terminal.HISTORY_HEAD, past)
        return
    entries = (found.obj.get("status") or {}).get("history") or []
    output.machine(form, entries, [entry["id"] for entry in entries])


def explain(given: Settings, name: str, namespace: str) -> None:
    """Why it is not moving, and what would move it; then what git says of it."""
    if upgrade := cluster.upgrade_named(name):
        from rollout.cli.look import mesh  # noqa: PLC0415 - seldom asked for

        mesh.explain(given, upgrade)
        return
    given = _scope(given, namespace)
    kind, name = cluster.named(name)
    if kind == SWITCHOVER:
        from rollout.cli.look import switchovers  # noqa: PLC0415 - seldom asked for

        switchovers.explain(given, name)
        return
    found, git = asyncio.run(_one_and_git(given, name))
    output.line(_explained(found))
    if git:
        output.line(git)


def _scope(given: Settings, namespace: str, *, everywhere: bool = False) -> Settings:
    if everywhere:
        return given
    return cluster.in_namespace(given, namespace)


def _facts(found: SeenRollout | UnreadRollout) -> list[terminal.Fact]:
    if isinstance(found, SeenRollout):
        ticking = clocks.lines(found.rollout, found.status, clock.now())
        route = clocks.route_of(found.rollout, found.status)
        ways = words.ways_on(found.rollout, found.status)
        key, now = found.rollout.key, clock.now()
        return terminal.facts(key, found.status, now, ticking, route, ways)
    said = [] if found.status is None else terminal.facts(found.key, found.status, clock.now())
    problem = terminal.Fact("Problem", found.because)
    return [*(said or [terminal.Fact("Rollout", found.key)]), problem]


def _explained(found: SeenRollout | UnreadRollout) -> str:
    if isinstance(found, SeenRollout):
        return words.explain(found.rollout, found.status, clock.now())
    if found.status is None:
        return found.problem
    return f"{found.problem}; it goes on as it was: {found.status.because}"


async def _one(given: Settings, name: str) -> SeenRollout | UnreadRollout:
    async with cluster.connected(given, name=name) as connection:
        return await _newest(connection, given.namespace, name)


async def _newest(connection: "Kube", namespace: str, name: str) -> SeenRollout | UnreadRollout:
    """As stored, or as the controller's last look left it where its door is on this machine."""
    found = await cluster.either(connection, namespace, name)
    return await live.fresh(connection.server, found) if isinstance(found, SeenRollout) else found


async def _one_and_git(
    given: Settings, name: str
) -> tuple[SeenRollout | UnreadRollout, str | None]:
    """The Rollout, and why git may ask for something else, or who signed what it asks for."""
    async with cluster.connected(given, name=name) as connection:
        found = await _newest(connection, given.namespace, name)
        source = await cluster.source_of(connection, found.obj)
        if source is None:
            return found, None
        return found, terminal.behind(source) or terminal.vouched(source)


async def _all(given: Settings) -> list[SeenRollout | UnreadRollout]:
    async with cluster.connected(given) as connection:
        return await cluster.everything(connection)


def _table(
    found: Sequence[SeenRollout | UnreadRollout], *, everywhere: bool, namespace: str
) -> None:
    if not found:
        where = f"namespace {namespace}; `rollout status -A` looks in all of them"
        output.say(f"no rollouts in {'any namespace' if everywhere else where}")
        return
    output.table(terminal.HEAD, [_row(one, everywhere=everywhere) for one in found])


def _row(one: SeenRollout | UnreadRollout, *, everywhere: bool) -> tuple[str, ...]:
    if isinstance(one, UnreadRollout):
        return terminal.unread(one.key if everywhere else one.name, one.status, one.because)
    return terminal.row(one.rollout.key if everywhere else one.rollout.name, one.status)
