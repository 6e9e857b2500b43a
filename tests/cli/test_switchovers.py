"""What the commands say of a switchover, at 80 columns; no cluster is needed for the words."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from rollout.cli import cluster
from rollout.cli.main import app
from rollout.errors import RefusedError
from rollout.messages import switching
from rollout.model.reasons import Verb
from rollout.model.switchover import SwitchStage
from rollout.model.traffic import Split
from tests.upgrade.switchover.world import World, at, spec

ROOT = Path(__file__).parents[2] / "examples" / "switchover"


def loaded(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text()))


def test_a_kind_may_stand_before_a_name() -> None:
    assert cluster.named("reviews") == ("Rollout", "reviews")
    assert cluster.named("switchover/edge") == ("ClusterSwitchover", "edge")
    with pytest.raises(RefusedError, match="pod is no kind of ours"):
        cluster.named("pod/edge")


def test_plan_and_validate_take_a_switchover() -> None:
    planned = CliRunner().invoke(app, ["plan", str(ROOT)])
    assert planned.exit_code == 0
    assert "switchover edge: shop.example.com from blue to green" in planned.stdout
    valid = CliRunner().invoke(app, ["validate", str(ROOT)])
    assert valid.exit_code == 0
    assert "ClusterSwitchover edge is good" in valid.stdout


def test_status_says_where_it_stands_and_what_the_way_back_would_do() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    facts = switching.facts(world.subject, world.status, world.time)
    said = dict(facts)
    assert said["Steps"] == "● 10%  ○ 50%  ○ everyone"
    assert said["Way back"] == "weights 100/0; resolvers follow within 1m"
    assert said["Weights are"] == "at the name servers 70s ago, in the requests 0s ago"
    judged = [text for label, text in facts if label == "Evidence"]
    assert judged
    assert all("blue" in text and "canary" not in text and "e=" not in text for text in judged)
    assert max(len(text) for label, text in facts if label != "Evidence") <= 66


def test_explain_says_what_would_move_it_on() -> None:
    world = World(spec(10, 50))
    world.run(lambda d: d.status.stage.served_at is not None)
    said = switching.explain(world.subject, world.status, world.time)
    assert said == (
        "edge: name servers answer 10% green; caches forget; "
        "it goes on by itself when their TTL is over"
    )
    world.ask(Verb.ABORT)
    world.run(lambda d: d.status.stage.name is SwitchStage.SERVING)
    said = switching.explain(world.subject, world.status, world.time)
    there = f"switchover/edge -n {world.subject.namespace}"
    assert said.endswith(f"`rollout retry {there}` tries it again")


def test_a_step_that_bakes_is_explained_with_the_time_that_is_left() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.run(lambda d: d.status.stage.confirmed_at is not None)
    confirmed = world.status.stage.confirmed_at
    assert confirmed is not None
    later = confirmed + timedelta(seconds=10)
    said = switching.explain(world.subject, world.status, later)
    assert said.endswith("; it bakes 50s more at least")


def test_history_is_told_newest_first() -> None:
    world = World(spec(10))
    world.run(at(Split(90, 10)))
    rows = switching.history(world.status, world.time + timedelta(minutes=1))
    assert [row[1] for row in rows] == ["Shifting", "Verifying", "Checking", "Serving"]
    assert switching.row("edge", world.status)[:3] == ("edge", "Progressing", "10%")
