"""A whole switchover in the lab: two clusters, real Envoys, name servers, Prometheus."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(900)]


def test_a_bad_green_is_left_at_a_quarter_and_a_good_one_gets_everyone() -> None:
    command = [sys.executable, "-m", "rollout", "lab", "demo", "--switchover"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "bad green: left, everyone on blue again" in said
    assert "good green: serves everyone" in said
    first = said.partition("green is mended")[0]
    assert "green asked  50%" not in first
    assert "0 of blue" in said
