"""The doors: every command, and how errors leave the house.

A command's module is imported when the command is called: ``rollout --help``, a completion and
each small command start without what the controller and the lab need.
"""

import errno
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, NoReturn

import typer

import rollout
from rollout.cli.lazy import Command, LazyGroup, plain
from rollout.cli.settings import Settings
from rollout.errors import RolloutError, why
from rollout.messages import requests
from rollout.model.reasons import Verb

LOOK, ASK, MANIFESTS, RUN = "Look", "Ask", "Manifests", "Run"


def _verb(verb: Verb) -> Command:
    text = f"{requests.means(verb).capitalize()}."
    return Command(ASK, text, "rollout.cli.look.commands:answer", verb)


class Commands(LazyGroup):
    """Every command, in the order of ``--help``."""

    anywhere: ClassVar[Sequence[str]] = ("--kubeconfig", "--context")
    entries: ClassVar[Mapping[str, Command]] = {
        "status": Command(
            LOOK,
            "Show where every rollout stands, or everything about one.",
            "rollout.cli.look.commands:status",
        ),
        "watch": Command(
            LOOK, "Follow a rollout live, until Ctrl-C.", "rollout.cli.look.commands:watch"
        ),
        "history": Command(
            LOOK,
            "Show the last 50 decisions of a rollout, newest first.",
            "rollout.cli.look.commands:history",
        ),
        "explain": Command(
            LOOK,
            "Say in one sentence why a rollout is not moving, and what would move it.",
            "rollout.cli.look.commands:explain",
        ),
        "dashboard": Command(
            LOOK,
            "Show every rollout live in a browser, until Ctrl-C.",
            "rollout.cli.commands:dashboard",
        ),
        "wait": Command(
            LOOK,
            "Wait for a rollout; the exit code says how it ended.",
            "rollout.cli.look.commands:wait",
        ),
        "backtest": Command(
            LOOK,
            "Replay the gate over the past: how often would it send back a good release?",
            "rollout.cli.past.commands:backtest",
        ),
        **{verb.value: _verb(verb) for verb in requests.VERBS},
        "undo": Command(
            ASK,
            "Ask for the release before the present one: `spec.revision` as it was.",
            "rollout.cli.look.commands:undo",
        ),
        "accept": Command(
            ASK,
            "Let through what a RolloutSource holds: a rewind, nothing left, an easier approval.",
            "rollout.cli.look.commands:accept",
        ),
        "validate": Command(
            MANIFESTS,
            "Check manifests: every mistake with its file and line, and what is wanted instead.",
            "rollout.cli.manifests.commands:validate",
        ),
        "plan": Command(
            MANIFESTS,
            "Show every patch that a push of these manifests would lead to, step by step.",
            "rollout.cli.manifests.commands:plan",
        ),
        "preflight": Command(
            MANIFESTS,
            "Say what stands in a rollout's way: rules over the mesh's objects and the pods.",
            "rollout.cli.manifests.commands:preflight",
        ),
        "crds": Command(
            MANIFESTS,
            "Print our CustomResourceDefinitions: rollout crds | kubectl apply -f -",
            "rollout.cli.manifests.crds:crds",
        ),
        "rbac": Command(
            MANIFESTS,
            "Print the controller's account and rights: rollout rbac | kubectl apply -f -",
            "rollout.cli.manifests.rbac:rbac",
        ),
        "install": Command(
            MANIFESTS,
            "Print all that runs the controller in a cluster, or compare it with what is there.",
            "rollout.cli.installing.command:install",
        ),
        "uninstall": Command(
            RUN,
            "Let go of every object of ours, so that the controller can go; traffic stays.",
            "rollout.cli.installing.command:uninstall",
        ),
        "convert": Command(
            MANIFESTS,
            "Turn Argo Rollouts' and Flagger's objects into ours, "
            "and say what became of each field.",
            "rollout.cli.manifests.commands:convert",
        ),
        "schema": Command(
            MANIFESTS,
            "Print a kind's JSON Schema, for editors.",
            "rollout.cli.manifests.crds:schema",
        ),
        "lab": Command(
            RUN,
            "A cluster on this machine: real Envoy, Prometheus and git.",
            "rollout.cli.lab.commands:app",
        ),
        "audit": Command(
            RUN,
            "Check and read the audit log of `rollout run --audit`.",
            "rollout.cli.audit:app",
        ),
        "run": Command(
            RUN, "Run the controller until SIGTERM or Ctrl-C.", "rollout.cli.commands:run"
        ),
        "git-reader": Command(
            RUN,
            "Read git for a controller in another container of the pod, until SIGTERM.",
            "rollout.cli.commands:git_reader",
        ),
        "github": Command(
            RUN,
            "What the GitHub Action runs; inputs come as INPUT_*.",
            "rollout.cli.github.commands:app",
        ),
        "version": Command(RUN, "Print the version.", "rollout.cli.main:version"),
    }


app = plain(
    cls=Commands,
    add_completion=True,
    name="rollout",
    help="Take a pushed revision to everyone step by step, or bring everyone back.",
    epilog="Exit codes: `rollout wait --help`. Colours go with NO_COLOR.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def version() -> None:
    """Print the version."""
    print(rollout.__version__)


def _version(*, wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    kubeconfig: Annotated[str, typer.Option(help="Default: KUBECONFIG, as kubectl.")] = "",
    kube_context: Annotated[str, typer.Option("--context", help="Its context.")] = "",
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Progressive delivery on Istio."""
    context.obj = Settings(kubeconfig=kubeconfig, context=kube_context)


def main() -> None:
    """Run the command line; an error of ours is one line and an exit code, never a traceback."""
    _streams()
    try:
        app()
    except RolloutError as error:
        from rollout.cli import exits, output  # noqa: PLC0415 - only where a command has failed

        output.say(str(error))
        sys.exit(exits.of(error))
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _unwritten(error)
    finally:
        _end()


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def _streams() -> None:
    """All three are there, and take every character.

    A stream that was closed before we began (``>&-``) is none to Python, and the next file that
    is opened would take its number; and a locale that lacks a character is no reason to end.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _end() -> None:
    """What is printed has left, or nobody is there to read it; Python would tell of that itself."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno in _FULL:
            _unwritten(error)


def _unwritten(error: OSError) -> NoReturn:
    print(f"the answer cannot be written: {why(error)}", file=sys.stderr)
    sys.exit(1)
