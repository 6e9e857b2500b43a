"""Kills: a copy that is killed goes on as a play of its own would, and all of them get home.

Both are run in a process of their own, since a process with other people's threads is not copied.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALIKE = """
from tests.sim import crashes
scenario = next(s for s in crashes.scenarios() if s.name == "one step, version, user")
wanted = [(3,), (20,), (41,)]
clean, ends = crashes.explored(scenario.plan, wanted.__contains__)
alone = [crashes.killed(scenario, moment[0]) for moment in wanted]
assert [one.moment for one in ends] == wanted
assert [(one.broken, one.end) for one in ends] == [(one.broken, one.end) for one in alone]
assert [one.wrong(clean) for one in ends] == ["", "", ""]
"""


def _ran(*args: str) -> str:
    done = subprocess.run(
        [sys.executable, *args], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_copy_that_is_killed_goes_on_as_a_play_of_its_own_would() -> None:
    _ran("-c", ALIKE)


def test_killed_at_every_effect_of_a_journey_and_again_in_the_next_process() -> None:
    only = ("--only", "one step, version, user", "--pairs", "2", "--jobs", "1")
    last = _ran("-m", "tests.sim.crashes", *only).splitlines()[-1]
    figures = re.fullmatch(
        r"(\d+) of (\d+) points and (\d+) pairs of 1 scenarios in \d+ s, 0 wrong", last
    )
    assert figures is not None, last
    played, there, pairs = map(int, figures.groups())
    assert played == there >= 40
    assert pairs >= 10
