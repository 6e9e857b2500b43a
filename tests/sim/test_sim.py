"""The simulator: fixed seeds are clean, a replay is the same to the byte, and it can fail."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rollout.reconcile import stages
from rollout.reconcile.look import Turn
from tests.sim import campaign, doors, plan, scenes, shrink, story, strangers, teams
from tests.sim.doing import DO
from tests.sim.plan import Mishap, Plan, Setup, When

SHORT, LONG = 24, 200
ROOT = Path(__file__).parents[2]


def clean(first: int, count: int) -> None:
    for seed in range(first, first + count):
        made = story.play(plan.drawn(seed))
        assert made.broken == (), (seed, *made.story[-40:])


def test_fixed_seeds_break_no_law() -> None:
    clean(1, SHORT)


@pytest.mark.long
def test_more_seeds_break_no_law() -> None:
    clean(1000, LONG)


def test_a_plan_is_the_same_after_it_was_written_down() -> None:
    for seed in range(200):
        drawn = plan.drawn(seed)
        assert plan.read(drawn.text()) == drawn


def test_every_kind_of_mishap_can_be_done_and_is_drawn() -> None:
    drawn = {m.do for seed in range(2000) for m in plan.drawn(seed).mishaps}
    assert set(plan.ALL) == drawn
    staged = {m.do for _, scene in scenes.plans() for m in scene.mishaps}
    assert set(DO) == drawn | set(plan.STRANGE)
    assert set(plan.STRANGE) <= staged


def test_what_scenes_alone_do_is_done_in_scenes() -> None:
    assert {*strangers.DO, *doors.DO, *teams.DO} <= {
        m.do for _, one in scenes.plans() for m in one.mishaps
    }


PROGRAM = """
from tests.sim import journal, plan, scenes, story
print(story.play(plan.drawn(7)).digest)
print(journal.of(dict(scenes.plans())["upgrade, several namespaces go in one wave, and come back"]))
"""


def test_a_replay_is_the_same_to_the_byte_whatever_the_hash_seed() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_what_breaks_a_law_is_made_small() -> None:
    noise = tuple(Mishap("watch cut", When(at)) for at in (1.0, 2.0, 3.0, 4.0, 5.0))
    guilty = Mishap("bad", When(6.0))
    failing = Plan(1, Setup(replicas=2), (*noise[:3], guilty, *noise[3:]))

    def broken(asked: Plan) -> tuple[str, ...]:
        return ("S3: so it is",) if guilty in asked.mishaps else ()

    small = shrink.shrunk(failing, broken)
    assert small == Plan(1, Setup(), (guilty,))


def test_a_guard_that_is_taken_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it half of the requests go to one pod of four."""
    scaled = Mishap("deployment scaled", When(25.0), "v2", value=1.0)
    failing = Plan(1, Setup(pods=4, calm=240.0), (Mishap("push", When(20.0), "v2"), scaled))
    assert story.play(failing).broken == ()
    monkeypatch.setattr(stages, "lacking", lambda *_, **__: "")
    assert shrink.law(story.play(failing).broken) == "S7"


def test_saved_plans_stay_mended() -> None:
    for path in sorted(campaign.FOUND.glob("*.json")):
        made = story.play(plan.read(path.read_text()))
        assert made.broken == (), (path.name, *made.story[-40:])


def test_a_world_without_mishaps_goes_the_whole_way() -> None:
    made = story.play(Plan(1, Setup(calm=240.0), (Mishap("push", When(20.0), "v2"),)))
    assert made.broken == ()
    shares = [
        "[('v1', 95), ('v2', 5)]", "[('v1', 75), ('v2', 25)]",
        "[('v1', 50), ('v2', 50)]", "[('v2', 100)]",
    ]  # fmt: skip
    assert [split for _, split in made.splits][: len(shares)] == shares


def test_delays_alone_change_no_split() -> None:
    """D2: the same journey, whatever comes late."""
    calm = Setup(calm=300.0)
    push = (Mishap("push", When(20.0), "v2"),)
    wanted = story.play(Plan(1, calm, push)).splits
    late = (Mishap("slow", When(0.0), lasts=300.0, times=1000, value=0.4),)
    worlds = (replace(calm, lag=0.5), replace(calm, latency=0.2), replace(calm, replicas=2))
    plays = [story.play(Plan(1, world, push + late)) for world in worlds]
    assert [made.broken for made in plays] == [()] * 3
    assert [made.splits for made in plays] == [wanted] * 3


def test_a_verdict_that_brings_nobody_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """S9: the gate fails, and the step stands still instead."""
    bad = Mishap("bad", When(30.0), lasts=150.0)
    failing = Plan(1, Setup(calm=240.0), (Mishap("push", When(20.0), "v2"), bad))
    assert story.play(failing).broken == ()
    monkeypatch.setattr(stages, "_failed", lambda look, found, again: Turn(look.status, "", again))
    assert shrink.law(story.play(failing).broken) == "S9"
