import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from rollout.cli import main
from tests.convert.test_convert import DEPLOYMENT, argo, canary

ISTIO = {"istio": {"virtualService": {"name": "shop"}}}


@pytest.fixture
def argos(tmp_path: Path) -> Path:
    path = tmp_path / "argo.yaml"
    steps = [{"setWeight": 20}, {"pause": {}}, {"plugin": {"name": "x"}}]
    obj = argo({"canary": {"stableService": "shop", "trafficRouting": ISTIO, "steps": steps}})
    path.write_text(yaml.safe_dump({"kind": "List", "apiVersion": "v1", "items": [obj]}))
    return path


def test_manifests_go_to_one_stream_and_the_report_to_the_other(argos: Path) -> None:
    done = CliRunner().invoke(main.app, ["convert", str(argos)])
    assert done.exit_code == 0, done.output
    (made,) = yaml.safe_load_all(done.stdout)
    assert made["spec"]["strategy"]["canary"]["steps"] == [
        {"weight": 20, "approval": {"approvers": ["kubernetes"]}}
    ]
    assert "lost       spec.strategy.canary.steps[2].plugin: " in done.stderr
    assert "hand-over:" in done.stderr


def test_json_has_both_and_strict_fails_where_anything_is_lost(argos: Path) -> None:
    done = CliRunner().invoke(main.app, ["convert", "--strict", "-o", "json", str(argos)])
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert {"objects", "fields", "mistakes", "handover"} == set(found)
    assert found["mistakes"] == []


def test_what_must_be_mended_by_hand_is_named(tmp_path: Path) -> None:
    path = tmp_path / "flagger.yaml"
    path.write_text(yaml.safe_dump(canary({"stepWeight": 10, "maxWeight": 50})))
    alone = CliRunner().invoke(main.app, ["convert", str(path)])
    assert "to be mended by hand before it is applied:" in alone.stderr
    (tmp_path / "deployment.yaml").write_text(yaml.safe_dump(DEPLOYMENT))
    whole = CliRunner().invoke(main.app, ["convert", str(tmp_path)])
    assert "to be mended by hand" not in whole.stderr


def test_nothing_to_convert_is_said(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(DEPLOYMENT))
    done = CliRunner().invoke(main.app, ["convert", str(path)])
    assert done.exit_code == 2
