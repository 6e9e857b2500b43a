"""What changes under a journey: the same names, and other things behind them."""

from datetime import timedelta

from rollout.model.finding import Finding, Severity
from rollout.model.spec import Canary, Step, Strategy, Workload
from rollout.model.status import Phase, Stage
from rollout.model.traffic import Route, Split
from tests import make
from tests.play import Play, World


def world(**builds: str) -> World:
    made = World(subsets={"stable": {"version": "v1"}}, pods={"v1": 4, "v2": 4, "v3": 4})
    made.builds.update(builds)
    return made


def at_half() -> Play:
    """Half of everyone is on v2, which has passed the first step."""
    play = Play(make.canary_spec(5, 50), world(v1="one", v2="old")).push("v2")
    play.until(Phase.PROGRESSING, Stage.STEPPING)
    while play.status.stage.split.canary < 50:
        play.after(seconds=15)
    return play.gives(v1=50, v2=50)


def rebuild(play: Play, revision: str, build: str) -> Play:
    play.world.builds[revision] = build
    return play.look()


def told(play: Play) -> list[str]:
    return [entry.because for entry in play.status.history]


def test_another_build_under_the_canarys_name_begins_at_the_first_step() -> None:
    play = at_half()
    rebuild(play, "v2", "new").until(Phase.PROGRESSING, Stage.STEPPING)
    play.gives(v1=95, v2=5)
    assert "v2 was rebuilt: old is new now" in told(play)
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)
    assert play.status.stable is not None
    assert play.status.stable.template_hash == "new"


def test_everyone_is_back_in_the_very_look_that_sees_another_build() -> None:
    play = at_half()
    play.world.builds["v2"] = "new"
    play.look_once()
    play.gives(v1=100)


def test_a_new_attempt_waits_until_no_pod_of_the_build_before_is_left() -> None:
    play = at_half()
    play.world.replacing.add("v2")
    rebuild(play, "v2", "new").after(seconds=60).gives(v1=100)
    assert play.status.because == "deployment shop-v2 is replacing its pods"
    play.world.replacing.clear()
    play.until(Phase.PROGRESSING, Stage.STEPPING).gives(v1=95, v2=5)


def baking() -> Play:
    """v2 is promoted, and v1's pods are kept warm."""
    steps = (Step(weight=50, bake=make.MINUTE),)
    spec = make.spec(Strategy(canary=Canary(steps, bake_after_promotion=10 * make.MINUTE)))
    play = Play(spec, world(v1="one", v2="old")).push("v2")
    return play.until(Phase.PROGRESSING, Stage.BAKING).gives(v2=100)


def test_a_canary_that_is_rebuilt_while_it_bakes_has_not_been_judged() -> None:
    play = baking()
    play.world.builds["v2"] = "new"
    play.look_once()
    play.gives(v1=100).until(Phase.PROGRESSING, Stage.STEPPING).gives(v1=50, v2=50)


def test_where_the_way_back_has_become_another_build_people_are_asked() -> None:
    play = rebuild(baking(), "v1", "two").gives(v2=100)
    assert (play.status.phase, play.status.because) == (
        Phase.PAUSED,
        "v1 was rebuilt: one is two now",
    )
    play.request("resume").until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)


def test_a_restarted_canary_goes_on() -> None:
    play = at_half()
    play.world.replacing.add("v2")
    play.look().gives(v1=50, v2=50)


def test_another_build_of_stable_makes_what_was_compared_with_it_void() -> None:
    play = at_half()
    rebuild(play, "v1", "two").until(Phase.PROGRESSING, Stage.STEPPING)
    play.gives(v1=95, v2=5)
    assert "v1 was rebuilt: one is two now" in told(play)


def test_stable_rebuilt_at_rest_is_told_and_stays() -> None:
    play = Play(make.canary_spec(5), world(v1="one"))
    rebuild(play, "v1", "two").gives(v1=100)
    assert told(play)[-1] == "v1 was rebuilt: one is two now"
    assert [news.reason for news in play.world.told] == ["Rebuilt"]
    assert play.status.stable is not None
    assert play.status.stable.template_hash == "two"


def test_a_rejected_build_stays_rejected_and_another_one_is_tried() -> None:
    play = Play(make.canary_spec(5, 50), world(v2="bad")).push("v2")
    play.until(Phase.PROGRESSING, Stage.STEPPING).after(value=5, seconds=15)
    play.until(Phase.DEGRADED, Stage.IDLE).gives(v1=100)
    play.world.value = 0.0
    play.after(minutes=5).gives(v1=100)
    rebuild(play, "v2", "good").until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)


def test_a_deployment_that_goes_and_comes_back_as_another_build_is_another_one() -> None:
    play = at_half()
    pods = play.world.pods.pop("v2")
    del play.world.builds["v2"]
    play.look().gives(v1=100)
    play.world.pods["v2"] = pods
    rebuild(play, "v2", "new").until(Phase.PROGRESSING, Stage.STEPPING).gives(v1=95, v2=5)
    assert play.status.attempt.canary is not None
    assert play.status.attempt.canary.template_hash == "new"


def test_a_revision_that_comes_after_its_push_is_known_from_then_on() -> None:
    play = Play(
        make.canary_spec(5, 50), World(subsets={"stable": {"version": "v1"}}, pods={"v1": 4})
    )
    play.push("v2")
    play.world.pods["v2"] = 4
    rebuild(play, "v2", "first").until(Phase.PROGRESSING, Stage.STEPPING)
    assert play.status.attempt.number == 1
    rebuild(play, "v2", "second").until(Phase.PROGRESSING, Stage.STEPPING)
    assert play.status.attempt.number == 2


def split(canary: int, *findings: Finding) -> Play:
    """A person has begun by hand: v2 has a share by version, before there was any Rollout."""
    made = World(
        route=Route(Split.giving_canary(canary)),
        author="v1",
        canary="v2",
        subsets={name: {"version": name} for name in ("v1", "v2", "v3")},
        pods={"v1": 4, "v2": 4},
        findings=findings,
    )
    return Play(make.canary_spec(5, 50), made, revision="v2")


BLOCK = Finding("ROL-010", Severity.BLOCK, "is in the way")


def test_a_split_that_was_there_is_gone_on_with_from_where_it_is() -> None:
    play = split(20).gives(v1=80, v2=20)
    assert (play.status.phase, play.status.stage.name) == (Phase.PROGRESSING, Stage.STEPPING)
    assert play.status.attempt.step is not None
    assert (play.status.attempt.step.name, play.status.stage.split) == ("step 1", Split(80, 20))
    play.after(seconds=61).gives(v1=50, v2=50)
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)


def test_a_split_below_the_first_step_goes_to_the_first_step() -> None:
    split(3).gives(v1=95, v2=5)


def test_a_split_that_was_taken_over_goes_back_like_any_other() -> None:
    play = split(20).after(value=5, seconds=15).gives(v1=100)
    play.until(Phase.DEGRADED, Stage.IDLE).gives(v1=100)


def test_a_split_that_the_rules_block_stays_as_it_is_until_somebody_says_otherwise() -> None:
    play = split(20, BLOCK).after(hours=1).gives(v1=80, v2=20)
    assert (play.world.epoch, play.status.phase) == (0, Phase.PAUSED)
    play.request("abort").gives(v1=100)


def test_a_canary_of_a_split_that_dies_before_its_first_step_goes_back() -> None:
    play = split(20, BLOCK)
    play.world.pods["v2"] = 0
    play.look().gives(v1=100)


def test_git_may_take_a_split_that_was_taken_over_back() -> None:
    split(20).push("v1").until(Phase.HEALTHY, Stage.IDLE).gives(v1=100)


def test_while_a_route_goes_to_everybody_the_split_says_who_gets_requests() -> None:
    play = Play(make.canary_spec(5), World(author="", pods={"v1": 4}))
    assert play.status.stage.split == Split(100, 0)
    play.world.taken = False
    play.world.pods["v2"] = 1
    play.look_once()
    assert (play.status.stage.split, dict(play.world.split())) == (Split(80, 20), {"": 100})
    play.world.taken = True
    play.after(seconds=1).gives(v1=100)
    assert play.status.stage.split == Split(100, 0)


def of_a_template() -> Play:
    """Half of everyone is on v2, in a Deployment of our own making."""
    workload = Workload(template={"replicas": 4}, drain=timedelta(0))
    made = World(subsets={"stable": {"version": "v1"}}, pods={"v1": 4})
    made.builds.update(v1="one", v2="two")
    play = Play(make.canary_spec(5, 50, workload=workload), made).push("v2")
    play.until(Phase.PROGRESSING, Stage.STEPPING)
    while play.status.stage.split.canary < 50:
        play.after(seconds=15)
    return play


def test_an_edit_of_a_deployment_that_we_made_takes_everyone_back_until_it_is_gits_again() -> None:
    play = of_a_template()
    play.world.builds["v2"] = "somebody's"
    play.look_once()
    play.gives(v1=100)
    play.after(minutes=2).gives(v1=100)
    because = "deployment shop-v2 was edited: delete it, to have it made as git says"
    assert play.status.because == because
    del play.world.pods["v2"]
    play.world.builds["v2"] = "two"
    play.look().until(Phase.PROGRESSING, Stage.STEPPING).gives(v1=95, v2=5)
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)


def test_an_edit_of_stables_own_deployment_voids_what_was_compared_with_it() -> None:
    play = of_a_template()
    rebuild(play, "v1", "somebody's")
    assert "v1 was rebuilt: one is somebody's now" in told(play)
    play.until(Phase.PROGRESSING, Stage.STEPPING).gives(v1=95, v2=5)


def test_an_edit_at_rest_is_told_once() -> None:
    play = of_a_template().until(Phase.HEALTHY, Stage.IDLE)
    rebuild(play, "v2", "somebody's").look().gives(v2=100)
    assert told(play).count("v2 was rebuilt: two is somebody's now") == 1
