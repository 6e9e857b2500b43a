"""The doors: every command, and how errors leave the house."""

import logging
import sys
from collections.abc import Callable
from typing import Annotated

import typer

import rollout
from rollout.cli import exits, output, run
from rollout.cli.lab import up as lab
from rollout.cli.look import answer, status, wait, watch
from rollout.cli.manifests import crds, plan, preflight, validate
from rollout.cli.past import backtest
from rollout.cli.settings import Settings
from rollout.errors import RolloutError
from rollout.messages import terminal

LOOK, ASK, MANIFESTS, RUN = "Look", "Ask", "Manifests", "Run"

app = typer.Typer(
    name="rollout",
    help="Take a pushed revision to everyone step by step, or bring everyone back.",
    epilog="Exit codes: `rollout wait --help`. Colours go with NO_COLOR.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    context: typer.Context,
    kubeconfig: Annotated[str, typer.Option(help="Default: KUBECONFIG, as kubectl.")] = "",
    kube_context: Annotated[str, typer.Option("--context", help="Its context.")] = "",
) -> None:
    """Progressive delivery on Istio."""
    context.obj = Settings(kubeconfig=kubeconfig, context=kube_context)


def version() -> None:
    """Print the version."""
    print(rollout.__version__)


def _panel(title: str, *commands: Callable[..., None]) -> None:
    """``commands`` under one heading of ``--help``."""
    for command in commands:
        app.command(rich_help_panel=title)(command)


def _add() -> None:
    _panel(LOOK, status.status, watch.watch, status.history, status.explain, wait.wait)
    for verb in terminal.ANSWERS:
        app.command(verb.value, rich_help_panel=ASK)(answer.command(verb))
    _panel(LOOK, backtest.backtest)
    _panel(MANIFESTS, validate.validate, plan.plan, preflight.preflight, crds.crds, crds.schema)
    app.add_typer(lab.app, name="lab", rich_help_panel=RUN)
    _panel(RUN, run.run, version)


_add()


def main() -> None:
    """Run the command line; an error of ours is one line and an exit code, never a traceback."""
    logging.getLogger("kubernetes").setLevel(logging.ERROR)  # what it warns of, we say
    try:
        app()
    except RolloutError as error:
        output.say(str(error))
        sys.exit(exits.of(error))
