"""What a command over past days takes; its work is imported when it is called."""

from typing import Annotated

import typer

from rollout.cli import options
from rollout.cli.output import Format, Output


def backtest(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    name: options.RolloutName,
    namespace: options.Namespace = "",
    past: Annotated[str, typer.Option(help="How far back: 12h, 7d.")] = "1d",
    every: Annotated[str, typer.Option(help="A release that never happened each: 1h.")] = "1h",
    prometheus: Annotated[str, options.setting("prometheus", "Prometheus' URL.")] = "",
    form: Output = Format.TABLE,
) -> None:
    """Replay the gate over the past: how often would it send back a good release?

    Half of stable's pods play a canary that is just like the other half.
    Token, CA and tenant come from the environment, as for `rollout run`.
    """
    from rollout.cli.past import backtest as work  # noqa: PLC0415

    given = options.chosen(context)
    work.backtest(given, name, namespace, work.BacktestGoal(past, every, prometheus), form)
