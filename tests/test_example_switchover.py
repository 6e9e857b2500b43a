"""The example of a switchover: loaded, planned, and played on two clusters of arithmetic."""

from dataclasses import replace
from pathlib import Path

from rollout.dns import endpoint
from rollout.manifest import load
from rollout.messages import switching
from rollout.model.reasons import Verb, WaitsFor
from rollout.model.switchover import Side, SwitchoverSpec, SwitchStage
from tests.cli.test_switchovers import loaded
from tests.upgrade.switchover.world import World

ROOT = Path(__file__).parents[1] / "examples" / "switchover"


def example() -> SwitchoverSpec:
    path = ROOT / "switchover.yaml"
    (manifest,) = load.text(str(path), path.read_bytes()).manifests
    assert isinstance(manifest.spec, SwitchoverSpec)
    return manifest.spec


def test_its_records_are_weighted_and_all_of_it_is_on_blue() -> None:
    spec = example()
    (obj,) = loaded(ROOT / "records.yaml")
    found = endpoint.found(spec, {"dnsendpoint shop/shop": obj})
    pairs, wrong = endpoint.pairs(spec, found.records)
    assert (found.problems, wrong) == ((), "")
    assert [(pair.name, pair.blue, pair.green) for pair in pairs] == [("shop.example.com", 100, 0)]


def test_its_plan_fits_a_screen() -> None:
    lines = switching.plan("edge", example())
    assert max(map(len, lines)) <= 80
    assert (
        "            blue  75 green  25   bake 15m, evidence until 20m, a person says yes" in lines
    )


def test_it_plays_to_the_end_with_one_yes_once_the_old_ttl_is_over() -> None:
    world = World(example(), ttl=60)
    assert world.look().status.serving is Side.BLUE
    world.spec = replace(world.spec, serve=Side.GREEN)
    stuck = world.run(lambda d: d.status.waits_for is WaitsFor.APPROVAL, seconds=20_000)
    assert stuck.status.stage.split.canary == 25
    assert world.now >= 3600
    world.ask(Verb.APPROVE)
    world.run(lambda d: d.status.stage.name is SwitchStage.BAKING, seconds=20_000)
    assert world.written == [(99, 1), (90, 10), (75, 25), (50, 50), (0, 100)]
