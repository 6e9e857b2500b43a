"""What each command of this room takes; its work is imported when it is called.

So ``--help`` and a completion need neither the cluster's client nor the nouns.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from rollout.cli import exits, options
from rollout.cli.output import Format, Output
from rollout.messages import requests
from rollout.model.reasons import Verb

MaybeName = Annotated[
    str,
    typer.Argument(
        help="One in full: a Rollout's name, upgrade/NAME or switchover/NAME; "
        "default: all Rollouts.",
        show_default=False,
    ),
]
Source = Annotated[str, typer.Argument(help="The RolloutSource's name.", show_default=False)]


class For(StrEnum):
    """What can be waited for."""

    HEALTHY = "healthy"  # the revision has everyone, and nothing is left to do
    DEGRADED = "degraded"  # it was rejected, and everyone is back
    PAUSED = "paused"  # it stands still, or asks for an approval
    PROGRESSING = "progressing"  # its journey has begun


def status(
    context: typer.Context,
    name: MaybeName = "",
    namespace: options.Namespace = "",
    everywhere: options.Everywhere = False,
    form: Output = Format.TABLE,
) -> None:
    """Show where every rollout stands, or everything about one."""
    from rollout.cli.look import status as work  # noqa: PLC0415

    work.status(options.chosen(context), name, namespace, form, everywhere=everywhere)


def history(
    context: typer.Context,
    name: options.Name,
    namespace: options.Namespace = "",
    form: Output = Format.TABLE,
) -> None:
    """Show the last 50 decisions of a rollout, newest first."""
    from rollout.cli.look import status as work  # noqa: PLC0415

    work.history(options.chosen(context), name, namespace, form)


def explain(context: typer.Context, name: options.Name, namespace: options.Namespace = "") -> None:
    """Say in one sentence why a rollout is not moving, and what would move it.

    A second sentence where git asks for what its source does not take, or says who signed it.
    """
    from rollout.cli.look import status as work  # noqa: PLC0415

    work.explain(options.chosen(context), name, namespace)


def watch(
    context: typer.Context,
    name: options.Name,
    namespace: options.Namespace = "",
    until_rest: bool = typer.Option(False, "--until-rest", help="End with the journey."),
) -> None:
    """Follow a rollout live, until Ctrl-C."""
    from rollout.cli.look import watch as work  # noqa: PLC0415

    work.watch(options.chosen(context), name, namespace, until_rest=until_rest)


def wait(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    name: options.RolloutName,
    namespace: options.Namespace = "",
    state: Annotated[For, typer.Option("--for", help="What to wait for.")] = For.HEALTHY,
    revision: Annotated[str, typer.Option(help="Of this revision only.")] = "",
    commit: Annotated[str, typer.Option(help="Once it is in force; say it after a push.")] = "",
    timeout: options.Timeout = "30m",
) -> None:
    """Wait for a rollout; the exit code says how it ended."""
    from rollout.cli.look import wait as work  # noqa: PLC0415

    wanted = work.WaitGoal(state, revision, commit)
    _exit(work.wait(options.chosen(context), name, namespace, wanted, timeout))


wait.__doc__ = f"{wait.__doc__}\n\n{exits.TABLE}"


def answer(verb: Verb) -> Callable[..., None]:
    """The command that asks for ``verb``."""

    def ask(
        context: typer.Context,
        name: options.Name,
        namespace: options.Namespace = "",
        no_wait: options.NoWait = False,
        timeout: options.Timeout = "30s",
        reason: options.Why = "",
    ) -> None:
        from rollout.cli.look import answer as work  # noqa: PLC0415

        waiting = "" if no_wait else timeout
        _exit(work.ask(options.chosen(context), verb, name, namespace, waiting, reason))

    ask.__doc__ = f"{requests.means(verb).capitalize()}."
    return ask


def undo(
    context: typer.Context,
    name: options.RolloutName,
    namespace: options.Namespace = "",
    now: Annotated[
        bool, typer.Option("--now", help="Everyone at once, whatever the gates say.")
    ] = False,
    reason: options.Why = "",
    timeout: options.Timeout = "2m",
) -> None:
    """Ask for the release before the present one: `spec.revision` as it was.

    It is a release like any other, with its steps and gates; --now takes everyone at once. Where it
    was rejected since, it is asked for in spite of that. Where git keeps the Rollout in force
    nothing is written: the command says which commit to revert.
    """
    from rollout.cli.look import undo as work  # noqa: PLC0415

    _exit(work.undo(options.chosen(context), name, namespace, timeout, reason, now=now))


def accept(
    context: typer.Context,
    name: Source,
    namespace: options.Namespace = "",
    commit: Annotated[str, typer.Option(help="Only if it is this one that is held.")] = "",
) -> None:
    """Let through what a RolloutSource holds: a rewind, nothing left, an easier approval.

    Exit code 1 where nothing is held, or another commit than the one named.
    """
    from rollout.cli.look import accept as work  # noqa: PLC0415

    work.accept(options.chosen(context), name, namespace, commit)


def _exit(code: exits.Exit) -> None:
    if code is not exits.Exit.OK:
        raise typer.Exit(code)
