"""The steps of ``action.yml`` themselves, run as the runner runs them."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from aiohttp import web

from rollout.cli.github.commands import AT_ONCE
from rollout.lab.programs.processes import free_port
from tests.cli.conftest import Put
from tests.edges.forge.forge import Forge

ROOT = Path(__file__).parents[3]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
GUIDE = ROOT / "docs" / "github-action.md"
ACTIONLINT = "v1.7.12"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

GOOD = """\
apiVersion: rollout.dev/v1alpha1
kind: Rollout
metadata: {name: reviews, namespace: shop}
spec:
  service: reviews
  revision: v2
  workload: {deployments: "reviews-{revision}"}
  strategy: {canary: {steps: [{weight: 10}]}}
"""


@dataclass
class Runner:
    """A checkout and the files of one step; ``inputs`` as a workflow gives them."""

    folder: Path
    environment: dict[str, str]

    def write(self, name: str, text: str) -> None:
        path = self.folder / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, step: str = "command", **inputs: str) -> subprocess.CompletedProcess[str]:
        """Runs one step of the action with bash, as a composite action's are."""
        asked = {name.replace("_", "-"): value for name, value in inputs.items()}
        (found,) = (each for each in ACTION["runs"]["steps"] if each["id"] == step)
        given = {name: self._value(text, asked) for name, text in found["env"].items()}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
            cwd=self.folder / "checkout",
            env={**self.environment, **given},
            capture_output=True,
            text=True,
            check=False,
        )

    def _value(self, text: str, asked: dict[str, str]) -> str:
        """An ``env`` of the action: expressions of inputs are put in, as text."""

        def put(found: re.Match[str]) -> str:
            name = found[1].removeprefix("inputs.")
            assert name in ACTION["inputs"], f"an input is wanted, not {found[1]}"
            default = str(ACTION["inputs"][name].get("default", ""))
            return asked.get(name, EXPRESSION.sub("", default))

        return EXPRESSION.sub(put, text)

    @property
    def outputs(self) -> dict[str, str]:
        text = (self.folder / "output").read_text()
        return dict(re.findall(r"^(\S+)<<(?:\S+)\n(.*?)\nrollout_\w+$", text, re.M | re.S))

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """The action installed, so to say: its room leads to the rollout under test."""
    room = tmp_path / "temp" / "rollout-action" / "bin"
    room.mkdir(parents=True)
    (room / "rollout").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rollout "$@"\n')
    (room / "rollout").chmod(0o755)
    (tmp_path / "checkout").mkdir()
    for name in ("output", "summary"):
        (tmp_path / name).touch()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "title": "$(touch /tmp/x)"}}))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_WORKSPACE": str(tmp_path / "checkout"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "team/shop",
        "GITHUB_SHA": "c" * 40,
    }
    return Runner(tmp_path, environment)


@pytest.fixture
def forge(runner: Runner) -> Forge:
    """GitHub's API, in a thread: the action is another process."""
    forge, port = Forge(), free_port()
    thread = Thread(
        target=web.run_app,
        args=(forge.app(),),
        kwargs={"host": "127.0.0.1", "port": port, "handle_signals": False, "print": None},
        daemon=True,
    )
    thread.start()
    runner.environment["GITHUB_API_URL"] = f"http://127.0.0.1:{port}"
    return forge


def test_no_step_lets_a_shell_read_what_a_stranger_wrote() -> None:
    """SEC-23, P-GH."""
    for step in ACTION["runs"]["steps"]:
        assert not EXPRESSION.search(step["run"])


def test_every_input_reaches_a_step() -> None:
    given = {
        name
        for step in ACTION["runs"]["steps"]
        for text in step["env"].values()
        for name in EXPRESSION.findall(text)
    }
    assert given == {f"inputs.{name}" for name in ACTION["inputs"]}


def test_mistakes_are_annotated_at_their_line(runner: Runner) -> None:
    runner.write("deploy/good.yaml", GOOD)
    runner.write("deploy/bad.yaml", GOOD.replace("weight", "weigth"))
    done = runner.run(command="validate", paths="deploy")
    assert done.returncode == 2
    assert done.stdout.splitlines()[0].startswith(
        "::error file=deploy/bad.yaml,line=8,title=rollout validate::"
    )
    assert "weigth" in done.stdout
    assert runner.outputs == {"mistakes": "1"}


def test_good_manifests_are_counted(runner: Runner) -> None:
    runner.write("a.yaml", GOOD)
    done = runner.run(command="validate")
    assert (done.returncode, done.stdout) == (0, "1 manifest good, 0 mistakes\n")


@pytest.mark.parametrize(
    "path",
    [
        "deploy/$(touch owned).yaml",
        "deploy/`touch owned`.yaml",
        "deploy/a;touch owned;.yaml",
        "deploy/--help.yaml",
        "deploy/a::error file=x::y.yaml",
    ],
)
def test_a_hostile_file_name_runs_nothing_and_breaks_no_annotation(
    runner: Runner, path: str
) -> None:
    """SEC-23, P-GH."""
    runner.write(path, GOOD.replace("weight", "weigth"))
    done = runner.run(command="validate", paths=f"{path}\n")
    assert done.returncode == 2
    assert not (runner.folder / "checkout" / "owned").exists()
    assert [each[:20] for each in commands(done.stdout)] == ["::error file=deploy/"]


@pytest.mark.parametrize("command", ["$(touch owned)", "validate; touch owned", "", "lab"])
def test_a_hostile_command_runs_nothing(runner: Runner, command: str) -> None:
    """SEC-23, P-GH."""
    done = runner.run(command=command)
    assert (done.returncode, done.stdout) == (
        2,
        "::error title=rollout::command must be validate, plan or wait\n",
    )
    assert not (runner.folder / "checkout" / "owned").exists()


HOSTILE = "x$(touch owned)`touch owned`; touch owned #\n::error::hostile\nphase<<x\nhostile\nx\n"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("plan", "comment_key"),
        pytest.param("plan", "paths", marks=pytest.mark.long),
        pytest.param("plan", "cluster", marks=pytest.mark.long),
        pytest.param("plan", "prometheus", marks=pytest.mark.long),
        pytest.param("plan", "comment", marks=pytest.mark.long),
        pytest.param("plan", "token", marks=pytest.mark.long),
        pytest.param("validate", "paths", marks=pytest.mark.long),
        ("wait", "rollouts"),
        pytest.param("wait", "commit", marks=pytest.mark.long),
        pytest.param("wait", "timeout", marks=pytest.mark.long),
    ],
)
def test_a_hostile_input_runs_nothing_sets_no_output_and_is_no_command(
    runner: Runner, forge: Forge, put: Put, config: Path, command: str, name: str
) -> None:
    """SEC-23, P-GH: each input in turn, as a branch's name or a title could reach it."""
    put(SPEC, STATUS)
    runner.environment["KUBECONFIG"] = str(config)
    runner.write("a.yaml", GOOD)
    given = {"token": "t0ken", "timeout": "5s", name: HOSTILE}
    done = runner.run(command=command, **given)
    told = done.stdout + done.stderr
    assert "Traceback" not in told, told
    assert not (runner.folder / "checkout" / "owned").exists()
    assert set(runner.outputs) <= set(ACTION["outputs"])
    assert "hostile" not in runner.outputs.values()
    for stream in (done.stdout, done.stderr):  # the runner obeys both
        assert [each for each in commands(stream) if each.startswith("::error::")] == []
    assert name == "token" or "t0ken" not in told


def test_a_path_out_of_the_checkout_is_refused(runner: Runner) -> None:
    done = runner.run(command="validate", paths="../../etc")
    assert done.returncode == 1
    assert "leads out of the checkout" in done.stdout


def test_a_path_that_was_renamed_or_deleted_is_named(runner: Runner) -> None:
    for command in ("validate", "plan", "wait"):
        done = runner.run(command=command, paths="gone")
        assert (done.returncode, done.stdout, done.stderr) == (
            1,
            "::error title=rollout::paths: 'gone' is not in the checkout; was it renamed?\n",
            "",
        )


def test_paths_may_have_spaces_and_letters_of_any_language(runner: Runner) -> None:
    runner.write("де ploy/a b/ü.yaml", GOOD.replace("weight", "weigth"))
    done = runner.run(command="validate", paths="де ploy")
    assert done.returncode == 2
    assert done.stdout.startswith("::error file=де ploy/a b/ü.yaml,line=8,")


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_a_link_in_a_strangers_branch_leads_to_no_file_of_the_runner(
    runner: Runner, command: str
) -> None:
    """SEC-23, P-GH: a branch may hold any link, and what is read is told in public."""
    secret = runner.folder / "secret.yaml"
    secret.write_text("kind: Rollout\nhunter2: hunter3\n")
    runner.write("deploy/a.yaml", GOOD)
    (runner.folder / "checkout" / "deploy" / "b.yaml").symlink_to(secret)
    (runner.folder / "checkout" / "deploy" / "c").symlink_to(runner.folder)
    done = runner.run(command=command, paths="deploy")
    assert done.returncode == 2
    told = done.stdout + done.stderr + runner.summary
    assert "b.yaml: is a link that leads out of deploy; a file is wanted" in told
    assert "hunter" not in told


def test_of_many_mistakes_each_has_its_annotation(runner: Runner) -> None:
    many = "---\n".join(GOOD.replace("weight", "weigth") for _ in range(60))
    runner.write("many.yaml", many)
    done = runner.run(command="validate")
    assert runner.outputs == {"mistakes": "60"}
    assert len(commands(done.stdout)) == 60


@pytest.mark.long
def test_a_plan_larger_than_github_shows_is_cut_and_says_so(runner: Runner, forge: Forge) -> None:
    steps = [{"weight": weight, "bake": "1m"} for weight in range(1, 100)]
    for source in (ROOT / "examples" / "canary").glob("*.yaml"):
        for name in ("reviews", "carts"):
            found = list(yaml.safe_load_all(source.read_text().replace("reviews", name)))
            for obj in found:
                if obj["kind"] == "Rollout":
                    obj["spec"]["strategy"] = {"canary": {"steps": steps}}
            runner.write(f"{name}/{source.name}", yaml.safe_dump_all(found))
    done = runner.run(command="plan", token="t0ken")
    assert done.returncode == 0, done.stdout[-2000:]
    [comment] = forge.comments
    assert len(comment["body"]) <= 65536
    assert "The rest is too long to be shown here" in comment["body"]
    assert comment["body"].count("```") % 2 == 0
    assert len(runner.summary.encode()) <= 1 << 20


def test_a_plan_is_the_summary_and_one_comment(runner: Runner, forge: Forge) -> None:
    for source in (ROOT / "examples" / "canary").glob("*.yaml"):
        runner.write(source.name, source.read_text())
    first = runner.run(command="plan", token="t0ken")
    again = runner.run(command="plan", token="t0ken")
    assert (first.returncode, again.returncode) == (0, 0), first.stdout + first.stderr
    assert runner.summary.startswith("### shop/reviews")
    assert [c["body"].splitlines()[0] for c in forge.comments] == ["<!-- rollout-plan: default -->"]
    assert "```diff" in forge.comments[0]["body"]
    assert "t0ken" not in first.stdout + first.stderr + runner.summary


def test_a_token_that_may_not_write_costs_the_comment_only(runner: Runner, forge: Forge) -> None:
    for source in (ROOT / "examples" / "canary").glob("*.yaml"):
        runner.write(source.name, source.read_text())
    forge.troubles.append(web.json_response({"message": "no"}, status=403))
    done = runner.run(command="plan", token="t0ken")
    assert done.returncode == 0
    assert "::warning title=rollout plan::the plan is in the summary only" in done.stdout
    assert runner.summary.startswith("### ")


def commands(output: str) -> list[str]:
    """What the runner obeys: between ``stop-commands`` and its token it takes lines as text."""
    obeyed, token = [], ""
    for line in output.splitlines():
        if token:
            token = "" if line == f"::{token}::" else token
        elif line.startswith("::stop-commands::"):
            token = line.removeprefix("::stop-commands::")
        elif line.startswith("::") and "group::" not in line:
            obeyed.append(line)
    return obeyed


STATUS: dict[str, Any] = {
    "phase": "Healthy",
    "stage": {"name": "Idle", "split": {"stable": 100, "canary": 0}},
    "because": "v2 has everyone\n::error::hostile",
    "stable": {"name": "v2"},
    "observedCommit": "c" * 40,
    "observedGeneration": 1,
}
SPEC = yaml.safe_load(GOOD)["spec"]


def test_a_rollout_that_succeeds_is_green(runner: Runner, put: Put, config: Path) -> None:
    put(SPEC, STATUS)
    runner.environment["KUBECONFIG"] = str(config)
    runner.write("a.yaml", GOOD)
    done = runner.run(command="wait", timeout="60s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert runner.outputs["phase"] == "Healthy"
    assert runner.outputs["revision"] == "v2"
    assert json.loads(runner.outputs["rollouts"])[0]["rollout"] == "shop/reviews"
    assert [each.split(" ")[0] for each in commands(done.stdout)] == ["::notice"]


def test_a_rollout_that_went_back_is_red_and_says_why(
    runner: Runner, put: Put, config: Path
) -> None:
    rejected = {
        "revision": {"name": "v2"},
        "because": "errors",
        "at": "2026-01-01T00:00:00Z",
    }
    gone = {"phase": "Degraded", "because": "back on v1: errors", "stable": {"name": "v1"}}
    put(SPEC, STATUS | gone | {"rejected": rejected})
    runner.environment["KUBECONFIG"] = str(config)
    done = runner.run(command="wait", rollouts="shop/reviews", timeout="60s")
    assert done.returncode == 1, done.stdout + done.stderr
    assert (runner.outputs["phase"], runner.outputs["because"]) == (
        "Degraded",
        "back on v1: errors",
    )
    assert "::error title=rollout shop/reviews::Degraded: back on v1: errors" in done.stdout


@pytest.mark.long
def test_many_rollouts_are_followed_a_few_at_once_and_each_once(
    runner: Runner, put: Put, config: Path
) -> None:
    names = [f"cart-{number}" for number in range(AT_ONCE + 2)]
    for name in names:
        put(SPEC, STATUS, name)
    runner.environment["KUBECONFIG"] = str(config)
    wanted = " ".join(f"shop/{name}" for name in [*names, names[0]])
    done = runner.run(command="wait", rollouts=wanted, timeout="5m")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(runner.outputs["rollouts"])
    assert [each["rollout"] for each in told] == [f"shop/{name}" for name in names]


def test_a_wait_that_cannot_go_on_says_why_and_not_where_the_rollout_is(
    runner: Runner, put: Put, config: Path
) -> None:
    put(SPEC, STATUS)
    runner.environment["KUBECONFIG"] = str(config)
    done = runner.run(command="wait", rollouts="shop/reviews", timeout="soon")
    assert (done.returncode, done.stdout) == (
        1,
        "::error title=rollout::timeout: is 'soon'; "
        "a duration is written 250ms, 90s, 5m, 2h or 1d\n",
    )


def test_nothing_to_wait_for_is_said(runner: Runner) -> None:
    done = runner.run(command="wait")
    assert done.returncode == 1
    assert "namespace/name is wanted" in done.stdout


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_action_installs_itself(runner: Runner) -> None:
    room = runner.folder / "temp" / "rollout-action"
    for path in sorted(room.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    done = runner.run("install", python=sys.executable)
    assert done.returncode == 0, done.stderr
    runner.environment.pop("PYTHONPATH")
    runner.write("a.yaml", GOOD)
    assert runner.run(command="validate").stdout == "1 manifest good, 0 mistakes\n"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_actionlint_finds_nothing_in_our_workflows_and_in_the_documented_ones(
    tmp_path: Path,
) -> None:
    """SEC-23."""
    if shutil.which("go") is None:
        pytest.skip("go is not here, which builds actionlint")
    build = ["go", "install", f"github.com/rhysd/actionlint/cmd/actionlint@{ACTIONLINT}"]
    subprocess.run(build, check=True, env={**os.environ, "GOBIN": str(tmp_path)})
    documented = re.findall(r"```yaml\n(on:.*?)```", GUIDE.read_text(), re.S)
    assert len(documented) == 2
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    for number, text in enumerate(documented):
        workflows.append(tmp_path / f"{number}.yml")
        workflows[-1].write_text(text)
    done = subprocess.run(
        [tmp_path / "actionlint", *workflows], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")
