"""Only the command that is called is imported, and the list of commands says what they say."""

import subprocess
import sys

import pytest
from typer import Context
from typer.main import get_command
from typer.testing import CliRunner

import rollout
from rollout.cli import lazy, main
from rollout.messages import terminal
from rollout.model.reasons import Verb

HEAVY = ("aiohttp", "kubernetes", "pygit2", "rollout.controller", "rollout.lab", "rollout.edges")


@pytest.mark.parametrize("name", main.Commands.entries)
def test_the_list_of_commands_says_what_the_command_says_itself(name: str) -> None:
    entry = main.Commands.entries[name]
    said = (entry.load(name).help or "").partition("\n\n")[0]
    assert " ".join(said.split()) == entry.help


def test_every_request_has_its_command() -> None:
    asked = {name for name, entry in main.Commands.entries.items() if entry.panel == main.ASK}
    assert asked - {"undo", "accept"} == set(Verb) == set(terminal.ANSWERS)


@pytest.mark.parametrize("words", [["--help"], ["version"], ["--version"]])
def test_what_needs_no_cluster_imports_none_of_its_clients(words: list[str]) -> None:
    code = (
        "import sys; from rollout.cli.main import main; sys.argv = ['rollout', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy"
    )
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_is_told_by_an_option_too() -> None:
    told = CliRunner().invoke(main.app, ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"{rollout.__version__}\n")


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        (["status", "shop", "--context", "lab"], ["--context", "lab", "status", "shop"]),
        (["status", "--kubeconfig=x", "shop"], ["--kubeconfig=x", "status", "shop"]),
        (["a", "--", "--context", "b"], ["a", "--", "--context", "b"]),
        (["a", "--context"], ["--context", "a"]),
        (["--context", "a", "b"], ["--context", "a", "b"]),
    ],
)
def test_options_of_the_cluster_are_understood_anywhere(words: list[str], moved: list[str]) -> None:
    assert lazy.hoisted(words, main.Commands.anywhere) == moved


def test_an_unknown_command_is_answered_with_the_nearest() -> None:
    told = CliRunner().invoke(main.app, ["statsu"])
    assert told.exit_code == 2
    assert "status" in told.output


def test_a_command_is_not_loaded_to_be_listed() -> None:
    group = get_command(main.app)
    context = Context(group)
    assert isinstance(group, lazy.LazyGroup)
    assert group.list_commands(context) == list(main.Commands.entries)
    assert all(group.get_command(context, name) for name in main.Commands.entries)
    assert group.get_command(context, "nothing") is None
