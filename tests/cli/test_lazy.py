"""Only the command that is called is imported, and the list of commands says what they say."""

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer import Context
from typer.main import get_command
from typer.testing import CliRunner

import rollout
from rollout.cli import lazy, main
from rollout.model.reasons import Verb

CLUSTER = ("aiohttp", "kubernetes", "rollout.controller", "rollout.edges")
HEAVY = (
    "aiohttp.web", "apscheduler", "envoy", "kubernetes.client", "kubernetes.aio.dynamic", "numpy",
    "oauthlib", "pandas", "prometheus_api_client", "prometheus_client", "pygit2", "requests",
    "rollout.lab", "rollout.web", "slack_sdk", "websocket",
)  # fmt: skip
"""What the controller and the lab need, and no other command."""
NOBODY = """
{apiVersion: v1, kind: Config, current-context: c, users: [],
 clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}],
 contexts: [{name: c, context: {cluster: c, user: ""}}]}
"""


@pytest.mark.parametrize("name", main.Commands.entries)
def test_the_list_of_commands_says_what_the_command_says_itself(name: str) -> None:
    entry = main.Commands.entries[name]
    said = (entry.load(name).help or "").partition("\n\n")[0]
    assert " ".join(said.split()) == entry.help


def test_every_request_has_its_command() -> None:
    asked = {name for name, entry in main.Commands.entries.items() if entry.panel == main.ASK}
    assert asked - {"undo", "accept"} == set(Verb)


def imported(words: Sequence[str], names: Sequence[str], **environment: str) -> list[str]:
    """Which of the modules ``names`` are there after the command in a process of its own."""
    run = (
        "import sys; from rollout.cli.main import main; sys.argv = ['rollout', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
    )
    return after(run, names, *words, **environment)


def after(code: str, names: Sequence[str], *words: str, **environment: str) -> list[str]:
    """Which of the modules ``names`` are there once a new process has run ``code``."""
    code += f"\nprint('\\n', [name for name in {names!r} if name in sys.modules])"
    command = [sys.executable, "-c", code, *words]
    env = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    found: list[str] = ast.literal_eval(done.stdout.splitlines()[-1].strip())
    return found


@pytest.mark.parametrize("words", [["--help"], ["version"], ["--version"]])
def test_what_needs_no_cluster_imports_none_of_its_clients(words: list[str]) -> None:
    assert imported(words, (*CLUSTER, *HEAVY)) == []


NOUNS = tuple(
    f"rollout.model.{name}"
    for name in (
        *("action", "chat", "forge", "inventory", "journey", "mesh", "observation", "source"),
        *("sourcespec", "spec", "status", "switching", "switchover", "turn", "upgrade"),
        *("upgradelook", "upgrading"),
    )
)
"""Every file of nouns that has more than a few: each takes some milliseconds to import."""
CORE = ("rollout.analysis", "rollout.gate", "rollout.reconcile", "rollout.upgrade")
CLIENTS = ("aiohttp", "kubernetes", "rollout.cli.cluster", *HEAVY)
EMPTY = "examples/upgrade/README.md"  # no line of it is one of an audit log


def test_what_commands_take_is_told_without_their_work() -> None:
    load = (
        "import sys\n"
        "from rollout.cli.main import Commands\n"
        "for name, entry in Commands.entries.items():\n"
        "    entry.load(name)\n"
    )
    assert after(load, (*CLIENTS, *CORE, *NOUNS, "rich", "rollout.cli.run")) == []


@pytest.mark.parametrize(
    ("words", "nouns"),
    [
        ("validate examples/canary/rollout.yaml", ["spec"]),
        ("validate examples/canary", ["spec"]),
        ("convert examples/canary", ["spec"]),
        ("plan examples/canary", ["action", "chat", "observation", "spec", "status", "turn"]),
        ("crds", []),
        ("schema Rollout", []),
        ("install", []),
        ("rbac", []),
        (f"audit verify {EMPTY}", []),
        ("validate examples/upgrade", ["spec", "upgrade"]),
        ("validate examples/switchover", ["spec", "status", "switchover"]),
    ],
)
def test_a_command_imports_the_nouns_that_it_needs_and_no_client(
    words: str, nouns: list[str]
) -> None:
    core = CORE if not words.startswith("plan ") else ("rollout.upgrade",)
    assert imported(words.split(), (*NOUNS, *core, *CLIENTS, "rich")) == [
        f"rollout.model.{name}" for name in nouns
    ]


@pytest.mark.parametrize("command", ["crds", "schema"])
def test_what_is_printed_as_it_was_made_needs_no_nouns(command: str) -> None:
    assert imported([command], ("yaml", "rollout.manifest", "rollout.model.spec")) == []


@pytest.mark.parametrize(
    "name",
    [name for name, entry in main.Commands.entries.items() if "look.commands" in entry.source],
)
def test_the_help_of_what_asks_a_cluster_imports_neither_nouns_nor_what_draws(name: str) -> None:
    work = ("rich", "yaml", "rollout.cli.cluster", "rollout.model.spec", *CLUSTER, *HEAVY)
    assert imported((name, "--help"), work) == []


def test_help_lists_every_command_under_its_panel_and_cuts_nothing() -> None:
    told = CliRunner().invoke(main.app, ["--help"]).output
    words = " ".join(told.split())
    for name, entry in main.Commands.entries.items():
        assert f"{name} {entry.help}" in words
    panels = [line.removesuffix(":") for line in told.splitlines() if line[:1].isalpha()]
    assert panels[2:] == [main.LOOK, main.ASK, main.MANIFESTS, main.RUN]


@pytest.mark.parametrize("name", ["status", "plan"])
def test_a_completion_imports_no_client_of_the_cluster(name: str) -> None:
    asked = {"COMP_WORDS": f"rollout {name} --", "COMP_CWORD": "2"}
    clients = ("aiohttp", "kubernetes", *HEAVY)
    assert imported((), clients, _ROLLOUT_COMPLETE="complete_bash", **asked) == []


def test_asking_the_cluster_imports_its_client_and_nothing_that_comes_along(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config"
    config.write_text(NOBODY)
    names = ("kubernetes.aio.client", *HEAVY, *CORE, *NOUNS)
    assert imported(("status", "--kubeconfig", str(config)), names) == [
        "kubernetes.aio.client",
        "rollout.model.spec",
        "rollout.model.status",
    ]


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
