"""Argo CD's health check of docs/beside-argo-cd.md, run by Argo CD's own Lua."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.manifest.schema import KINDS
from rollout.model.status import Phase
from tests.deploy import programs

PAGE = (Path(__file__).parents[2] / "docs" / "beside-argo-cd.md").read_text()
HEALTH = {
    Phase.HEALTHY: "Healthy",
    Phase.PROGRESSING: "Progressing",
    Phase.ROLLING_BACK: "Progressing",
    Phase.PAUSED: "Suspended",
    Phase.DEGRADED: "Degraded",
}


@cache
def customizations() -> dict[str, str]:
    """The page's ConfigMap."""
    (block,) = (
        text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "argocd-cm" in text
    )
    data: dict[str, str] = yaml.safe_load(block)["data"]
    return data


def health(folder: Path, status: dict[str, Any] | None, generation: int = 1) -> dict[str, str]:
    script = folder / "health.lua"
    script.write_text(customizations()["resource.customizations.health.rollout.dev_Rollout"])
    obj = {"metadata": {"generation": generation}} | ({"status": status} if status else {})
    done = subprocess.run(
        [str(programs.built(programs.LUA)), str(script)],
        input=json.dumps(obj),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("phase", Phase)
def test_each_phase_is_what_argo_cd_calls_it(tmp_path: Path, phase: Phase) -> None:
    status = {"phase": phase.value, "because": "everyone to v2", "observedGeneration": 1}
    assert health(tmp_path, status) == {"status": HEALTH[phase], "message": "everyone to v2"}


def test_what_the_controller_has_not_seen_is_no_news(tmp_path: Path) -> None:
    assert health(tmp_path, None)["status"] == "Progressing"
    old = {"phase": "Healthy", "observedGeneration": 1, "because": "everyone is on v1"}
    assert health(tmp_path, old, generation=2) == {
        "status": "Progressing",
        "message": "the controller has not seen this spec yet",
    }


@pytest.mark.parametrize(
    ("ready", "called"), [("True", "Healthy"), ("False", "Degraded"), ("Unknown", "Progressing")]
)
def test_a_kind_without_phases_is_judged_by_its_condition(
    tmp_path: Path, ready: str, called: str
) -> None:
    conditions = [{"type": "Stalled", "status": "False"}, {"type": "Ready", "status": ready}]
    assert health(tmp_path, {"conditions": conditions})["status"] == called


def test_every_kind_of_ours_with_a_status_has_it() -> None:
    wanted = {f"rollout.dev_{kind.name}" for kind in KINDS.values() if kind.status}
    named = {key.removeprefix("resource.customizations.health.") for key in customizations()}
    assert named == wanted
