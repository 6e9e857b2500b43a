"""Alerts, their runbook and the board, as Prometheus and a reader find them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.lab.programs import prometheus

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES: dict[str, Any] = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["spec"]
BOARD: dict[str, Any] = json.loads((MONITORING / "board.json").read_text())
DOCUMENTED = (ROOT / "docs" / "metrics.md").read_text()


def expressions() -> list[str]:
    """Every query of the board and of the alerts."""
    panels = [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ())]
    return [*panels, *(rule["expr"] for group in RULES["groups"] for rule in group["rules"])]


@pytest.mark.lab
async def test_each_alert_fires_in_its_trouble_and_is_silent_beside_it(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES))
    (tmp_path / "alerts_test.yaml").write_text((MONITORING / "alerts_test.yaml").read_text())
    promtool = (await prometheus.program_path()).with_name("promtool")
    for words in (["check", "rules", "rules.yaml"], ["test", "rules", "alerts_test.yaml"]):
        done = subprocess.run(
            [promtool, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_in_its_trouble_and_beside_it() -> None:
    tests = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text())["tests"]
    tried = [case for test in tests for case in test["alert_rule_test"]]
    fired = {case["alertname"] for case in tried if case["exp_alerts"]}
    silent = {case["alertname"] for case in tried if not case["exp_alerts"]}
    names = {rule["alert"] for rule in RULES["groups"][0]["rules"]}
    assert (fired, silent) == (names, names)


def test_every_alert_has_its_page() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    for rule in RULES["groups"][0]["rules"]:
        assert f"### {rule['alert']}\n" in page
        assert rule["annotations"]["runbook_url"].endswith(f"#{rule['alert'].lower()}")


@pytest.mark.parametrize("expression", expressions())
def test_what_is_asked_for_is_a_metric_that_the_docs_name(expression: str) -> None:
    for name in re.findall(r"\brollout_[a-z_]+", expression):
        plain = re.sub(r"_(total|bucket|sum|count)$", "", name)
        assert {f"`{name}`", f"`{plain}`", f"`{name.removesuffix('_info')}`"} & set(
            re.findall(r"`[a-z_]+`", DOCUMENTED)
        ), name


def test_no_two_panels_stand_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
