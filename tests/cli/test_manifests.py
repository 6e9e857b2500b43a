"""validate, plan, crds and schema: commands that need no cluster."""

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rollout.cli.exits import Exit
from rollout.cli.manifests import files
from rollout.edges.kube import paths
from tests.cli.conftest import Run
from tests.test_examples import ROOT

CASES = Path(__file__).parents[1] / "cases"
GOOD = (ROOT / "canary" / "rollout.yaml").read_text()


def test_good_manifests_are_named_and_counted(run: Run) -> None:
    said = run("validate", str(ROOT), cluster=False)
    assert said.exit_code == 0
    assert f"{ROOT}/canary/rollout.yaml:1: Rollout reviews is good\n" in said.stdout
    assert said.stderr == "11 manifests good, no mistakes\n"


def test_a_mistake_is_said_with_its_file_and_line_and_exit_code_2(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(GOOD.replace("weight: 20", "weight: 120"))
    said = run("validate", str(bad), cluster=False)
    assert said.exit_code == Exit.INPUT
    assert said.stdout.startswith(f"{bad}:12: steps[1].weight is 120;")
    assert said.stderr == "0 manifests good, 1 mistake\n"


def test_machines_get_mistakes_in_parts(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(GOOD.replace("weight: 20", "weight: 120"))
    said = json.loads(run("validate", str(bad), "-o", "json", cluster=False).stdout)
    assert [(e["file"], e["line"]) for e in said["errors"]] == [(str(bad), 12)]
    assert said["manifests"] == []


def test_other_peoples_files_are_no_mistake_and_are_told_apart(run: Run, tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text((ROOT / "template-workload/service.yaml").read_text())
    said = run("validate", str(tmp_path), cluster=False)
    assert said.exit_code == 0
    assert said.stderr.startswith("nothing of ours found;")


def test_quiet_and_names_are_for_scripts(run: Run) -> None:
    folder = str(ROOT / "canary")
    assert run("validate", folder, "-q", cluster=False).output == ""
    named = run("validate", folder, "-o", "name", cluster=False)
    assert named.stdout == "rollout.rollout.dev/reviews\n"


def test_a_plan_is_told_for_people_pull_requests_and_machines(run: Run) -> None:
    folder = str(ROOT / "canary")
    assert "+      weight: 5\n" in run("plan", folder, cluster=False).stdout.replace(" " * 15, "")
    assert "<details>" in run("plan", folder, "-o", "markdown", cluster=False).stdout
    (plan,) = json.loads(run("plan", folder, "-o", "json", cluster=False).stdout)
    assert [moment["weight"] for moment in plan["moments"]] == [0, 5, 20, 40, *[100] * 5]
    assert "@@" not in run("plan", folder, "--brief", cluster=False).stdout


def test_a_plan_that_does_not_reach_its_end_fails(run: Run) -> None:
    alone = str(ROOT / "canary" / "rollout.yaml")
    planned = run("plan", alone, cluster=False)
    assert planned.exit_code == Exit.FAILED
    assert "stops here: service shop/reviews: is not there; it is wanted" in planned.stdout
    assert "--cluster takes the cluster's objects, too" in planned.stderr


def test_a_plan_of_a_broken_manifest_says_the_mistake(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(GOOD.replace("weight: 20", "weight: 120"))
    planned = run("plan", str(bad), cluster=False)
    assert planned.exit_code == Exit.INPUT
    assert f"{bad}:12: " in planned.stderr


def test_a_plan_without_a_rollout_says_what_is_wanted(run: Run) -> None:
    planned = run("plan", str(ROOT / "template-workload" / "service.yaml"), cluster=False)
    assert planned.exit_code == Exit.INPUT
    assert "no Rollout is here" in str(planned.exception)


def test_a_plan_against_the_cluster_lays_the_files_over_it(run: Run) -> None:
    planned = run("plan", "--cluster", "--brief", str(ROOT / "canary"))
    assert planned.exit_code == 0
    assert planned.stdout.endswith("v2 has everyone\n")


def test_the_crds_and_the_schema_are_printed_whole(run: Run) -> None:
    documents = list(yaml.safe_load_all(run("crds", cluster=False).stdout))
    assert {d["kind"] for d in documents} == {"CustomResourceDefinition"}
    schema = json.loads(run("schema", "RolloutSource", cluster=False).stdout)
    assert schema["title"] == "RolloutSource"


def test_the_help_lists_every_command_and_fits_a_terminal(run: Run) -> None:
    said = run("--help", cluster=False).stdout
    for command in ("status", "approve", "validate", "plan", "preflight", "run", "lab", "wait"):
        assert f" {command} " in said
    assert max(map(len, said.splitlines())) <= 80


def test_manifests_come_by_a_pipe_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n---\n".join(path.read_text() for path in sorted((ROOT / "canary").glob("*.yaml")))
    with by_pipe(monkeypatch, text):
        checked = run("validate", "-", cluster=False)
    with by_pipe(monkeypatch, text):
        planned = run("plan", "--brief", "-", cluster=False)
    assert (checked.exit_code, checked.stderr) == (0, "1 manifest good, no mistakes\n")
    assert planned.exit_code == 0


@contextlib.contextmanager
def by_pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> Iterator[None]:
    pipe = io.TextIOWrapper(io.BytesIO(text.encode()))
    monkeypatch.setattr(files, "standard_input", lambda: pipe.buffer)
    yield


ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: shop}\nspec: {}\n"


def test_argos_rollout_alone_is_named_and_fails(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(ARGO)
    said = run("validate", str(file), cluster=False)
    assert said.exit_code == Exit.INPUT
    assert said.stderr.startswith(
        f"{file}:1: is Argo's Rollout and not ours, which is of rollout.dev/v1alpha1; ignored\n"
    )
    file.write_text(f"{ARGO}---\n{GOOD}")
    assert run("validate", str(file), cluster=False).exit_code == 0


@pytest.mark.parametrize("case", ["02-tls-passthrough", "26-no-effect", "27-shadowed"])
def test_what_stands_beside_can_make_a_manifest_a_mistake(run: Run, case: str) -> None:
    said = run("validate", str(CASES / f"{case}.yaml"), cluster=False)
    assert said.exit_code == Exit.INPUT
    assert said.stderr.startswith("0 manifests good, ")


@pytest.mark.parametrize("case", ["10-connected-virtualservices", "22-named-routes", "24-claims"])
def test_what_stands_beside_makes_no_mistake_of_what_can_go_well(run: Run, case: str) -> None:
    said = run("validate", str(CASES / f"{case}.yaml"), cluster=False)
    assert (said.exit_code, said.stderr) == (0, "1 manifest good, no mistakes\n")


TEMPLATE = """
---
apiVersion: rollout.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: queue-depth, namespace: shop}
spec:
  args: {team: null, max-ratio: "2"}
  metrics:
  - {name: q, query: 'x{t="{{args.team}}"} / {{args.max-ratio}}', max: 1}
"""


def using(*uses: str) -> str:
    listed = "".join(f"    - {use}\n" for use in uses)
    return f"{GOOD}  analysis:\n    templates:\n{listed}{TEMPLATE}"


def test_a_template_beside_is_asked_for_its_name_and_its_arguments(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(
        using(
            "{name: queue-dept}",
            "{name: queue-depth, args: {team: a, max-ration: '3'}}",
            "{name: queue-depth}",
            "{name: queue-depth, args: {team: a}}",
        )
    )
    said = run("validate", str(file), cluster=False)
    lines = len(GOOD.splitlines())
    assert said.stdout.splitlines()[:3] == [
        f"{file}:{lines + 3}: analysis.templates[0].name is wrong: AnalysisTemplate 'queue-dept' "
        "is not there; did you mean queue-depth?",
        f"{file}:{lines + 4}: analysis.templates[1].args.max-ration is wrong: AnalysisTemplate "
        "'queue-depth' has no argument 'max-ration'; did you mean max-ratio?",
        f"{file}:{lines + 5}: analysis.templates[2].name is wrong: AnalysisTemplate 'queue-depth' "
        "needs the argument 'team'; a value in args is wanted",
    ]


ARGOS = """
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: queue-depth, namespace: shop}
spec: {metrics: [{name: q, provider: {prometheus: {query: up}}}]}
"""


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_another_projects_kind_of_the_same_name_is_not_ours_in_whatever_order(
    run: Run, tmp_path: Path, order: tuple[int, int]
) -> None:
    shutil.copytree(ROOT / "canary", tmp_path, dirs_exist_ok=True)
    uses = using("{name: queue-depth, args: {team: a}}").removesuffix(TEMPLATE)
    (tmp_path / "rollout.yaml").write_text(uses)
    (tmp_path / "templates.yaml").write_text("".join((TEMPLATE, ARGOS)[at] for at in order))
    said = run("plan", str(tmp_path), "--brief", cluster=False)
    assert ("ROL-056" in said.stdout, said.exit_code) == (False, 0), said.stdout


def test_the_kinds_beside_a_rollout_are_those_of_the_groups_that_the_controller_reads() -> None:
    read = {kind: paths.group(paths.PATHS[kind][0]) for kind in files.KINDS}
    assert read == files.KINDS


def test_a_plan_over_an_odd_object_is_a_sentence_with_file_and_line(
    run: Run, tmp_path: Path
) -> None:
    odd = tmp_path / "nullmatch.yaml"
    odd.write_text(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\n"
        "spec:\n  hosts: [reviews]\n  http:\n  - match:\n    -\n"
        "    route: [{destination: {host: reviews}}]\n"
    )
    said = run("plan", str(ROOT / "canary" / "rollout.yaml"), str(odd), cluster=False)
    told = f"{odd}:8: VirtualService http[0].match[0] is null; a mapping is wanted\n"
    assert (said.exit_code, said.stderr) == (Exit.INPUT, told)
