"""Whole looks: questions, answers of a small world, and where the canary stands by them."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rollout.analysis.judge import Judgement, judge, questions
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    NoAnswer,
    Value,
    ValueQuestion,
    View,
)
from rollout.model.spec import (
    Analysis,
    BlueGreen,
    Failures,
    LatencyLimit,
    Metric,
    Strategy,
    SuccessRate,
    TemplateUse,
)
from rollout.model.status import Outcome, Standing
from tests.analysis.world import BOUNDS, START, Seen, Side, World, play, rollout, window

S = timedelta(seconds=1)
ERRORS_ONLY = rollout(Analysis(metrics=(Metric("errors"),)))
QUEUE = Metric("queue", query="q", max=10)


def world(errors: float = 0.001, rate: float = 20) -> World:
    return World([Side("v1", 80), Side("v2", rate, errors=errors, since=START)])


def standings(judgements: list[Judgement]) -> list[Standing]:
    return [j.standing for j in judgements]


def test_a_canary_like_stable_is_certified() -> None:
    last = play(world(), rollout(), window(), 300)[-1]
    assert last.standing is Standing.CERTIFIED
    assert [(v.metric, v.outcome) for v in last.verdicts] == [
        ("errors", Outcome.PASS),
        ("latency", Outcome.PASS),
        ("unreached", Outcome.PASS),
    ]
    assert "certified below +1.25pp (risk 5%)" in last.verdicts[0].text
    assert last.need == ""


ALL = (1.0, 0.9, 0.7, 0.5, 0.25, 0.1, 0.02, 0.01, 0.001)  # slower than 5 ms: everything


def test_latency_is_certified_by_bounds_that_not_everything_exceeds() -> None:
    alike = World([Side("v1", 80, slower=ALL), Side("v2", 20, slower=ALL, since=START)])
    last = play(alike, rollout(), window(next_weight=100), 900)[-1]
    assert last.standing is Standing.CERTIFIED


def test_a_bound_that_everything_exceeds_says_that_it_cannot_tell() -> None:
    alike = World([Side("v1", 80, slower=ALL), Side("v2", 20, slower=ALL, since=START)])
    five = Metric("latency", slower_than=(timedelta(milliseconds=5),))
    asked = rollout(Analysis(metrics=(Metric("errors"), five)))
    last = play(alike, asked, window(next_weight=100), 900)[-1]
    assert last.standing is Standing.CLEAN
    assert last.because == "latency cannot show a worse canary: nearly all are bad on both sides"
    latency = last.verdicts[1]
    assert (latency.metric, latency.standing) == ("latency", Standing.NOTHING)
    assert "nearly all are on both sides: it cannot show a worse canary" in latency.text
    assert last.need == ""


def test_counters_of_ones_own_that_are_nearly_all_bad_say_so_too() -> None:
    misses = Metric("misses", bad="sum by (pod) (miss)", total="sum by (pod) (all)")
    both = World([Side("v1", 80, errors=0.999), Side("v2", 20, errors=0.999, since=START)])
    last = play(both, rollout(Analysis(metrics=(misses,))), window(next_weight=100), 900)[-1]
    assert (last.standing, last.verdicts[0].standing) == (Standing.CLEAN, Standing.NOTHING)
    assert last.because == "misses cannot show a worse canary: nearly all are bad on both sides"


def test_a_bad_canary_fails_and_the_reason_has_both_sides_in_it() -> None:
    last = play(world(0.05), rollout(), window(), 150)[-1]
    assert last.standing is Standing.FAILED
    assert last.because.startswith("errors: canary 5% (")
    assert " vs stable 0.1" in last.because
    assert last.verdicts[0].outcome is Outcome.FAIL
    assert "against 'not worse than 1.1x stable + 0.1pp' (bar 200)" in last.verdicts[0].text
    assert last.verdicts[1].outcome is not Outcome.FAIL


def test_an_outage_fails_on_the_third_whole_block() -> None:
    found = standings(play(world(1.0), rollout(), window(), 75))
    assert found.index(Standing.FAILED) <= 4


def test_a_latency_regression_fails_by_the_bound_that_shows_it() -> None:
    slower = (0.999, 0.99, 0.9, 0.8, 0.6, 0.4, 0.2, 0.1, 0.01)
    both = World([Side("v1", 80), Side("v2", 20, slower=slower, since=START)])
    last = play(both, rollout(), window(), 120)[-1]
    assert last.standing is Standing.FAILED
    assert last.because.startswith("latency>")


def test_every_text_fits_where_it_is_shown() -> None:
    for errors in (0.0, 0.001, 0.01, 1.0):
        for judgement in play(world(errors), rollout(), window(), 150):
            assert len(judgement.because) < 80
            assert all(len(v.text) < 250 for v in judgement.verdicts)
            json.dumps(dict(judgement.checkpoint), allow_nan=False)


def test_while_it_waits_it_says_how_much_is_missing() -> None:
    judgement = play(world(rate=5), rollout(), window(), 45)[-1]
    assert judgement.standing is Standing.CLEAN
    assert judgement.because == "no sign of harm, not certified yet"
    assert judgement.need == "~320 more canary requests, about 67s"


def test_a_restart_and_a_dead_prometheus_change_no_verdict() -> None:
    """Seen every 15 s, or seen for the first time after four minutes: the same evidence."""
    steady = play(world(0.004), ERRORS_ONLY, window(), 300)[-1]
    dark = START + 60 * S, START + 285 * S
    gap = replace(world(0.004), down=lambda now: dark[0] <= now <= dark[1])
    late = play(gap, ERRORS_ONLY, window(), 300)
    assert late[10].standing is Standing.ERROR
    assert late[10].because == "errors: no answer"
    assert late[-1].checkpoint == steady.checkpoint
    assert late[-1].standing == steady.standing


def test_a_replica_that_lags_is_no_restart_and_counts_nothing_twice() -> None:
    """The canary is young, so that its counters of a minute ago are less than half."""
    young = START + timedelta(seconds=1)
    sides = [Side("v1", 80, since=young), Side("v2", 20, errors=0.01, since=young)]
    lag = timedelta(seconds=45)

    def behind(now: datetime) -> timedelta:
        return lag if (now - START) // timedelta(seconds=15) in (4, 6, 7) else timedelta(0)

    honest = play(World(sides), rollout(), window(), 150)
    misled = play(World(sides, behind=behind), rollout(), window(), 150)
    assert counts(misled[-1]) == counts(honest[-1])


def test_answers_that_do_not_say_how_new_they_are_count_all_the_same() -> None:
    sides = world(0.01).sides
    dated, undated = (
        play(World(sides, dated=dated), rollout(), window(), 150) for dated in (True, False)
    )
    assert counts(undated[-1]) == counts(dated[-1]) != ["(0/0)", "(0/0)"]


def test_a_base_from_long_before_the_window_is_none() -> None:
    """A replica a minute behind answers first: it still speaks of the weight before."""
    young = START + timedelta(seconds=1)
    sides = [Side("v1", 80, since=young), Side("v2", 20, since=young)]
    since = START + timedelta(minutes=5)
    minute = timedelta(minutes=1)
    lagging = World(sides, behind=lambda now: minute if now < since + 40 * S else 0 * S)
    honest = play(World(sides), rollout(), window(since), 120)
    late = play(lagging, rollout(), window(since), 120)
    assert counts(late[-1]) == counts(honest[-1])


def counts(judgement: Judgement) -> list[str]:
    """Both sides' counts of the first metric."""
    return re.findall(r"\(\d+/\d+\)", judgement.verdicts[0].text)


def test_the_same_answers_twice_are_one_look() -> None:
    subject, where, there = rollout(), window(), world(0.01)
    kept = play(there, subject, where, 90)[-1].checkpoint
    now = START + 105 * S
    seen = there.answer(*questions(subject, (), where, kept, now), now)
    once = judge(subject, (), where, kept, seen, now)
    assert judge(subject, (), where, once.checkpoint, seen, now) == once


def test_evidence_from_before_the_attempt_never_counts() -> None:
    """Bad until second 100, good since; the window begins at second 120."""
    turned = world(1.0)
    later = window(START + 120 * S)
    kept = play(turned, ERRORS_ONLY, window(START - 60 * S), 60)[-1].checkpoint
    healed = World([Side("v1", 80), Side("v2", 20, errors=0.001, since=START)])
    last = play(healed, ERRORS_ONLY, later, 60, checkpoint=kept)[-1]
    total = last.checkpoint["trails"]["errors"][7]
    assert total[:2] == [1, 900]


def test_a_new_step_keeps_the_evidence() -> None:
    there = world()
    first = play(there, ERRORS_ONLY, window(), 120)[-1]
    where = window(START + 130 * S, weight=40, next_weight=100)
    later = play(there, ERRORS_ONLY, where, 60, checkpoint=first.checkpoint)[-1]
    requests = [j.checkpoint["trails"]["errors"][7][1] for j in (first, later)]
    assert requests[1] > requests[0] > 0
    assert set(later.checkpoint["trails"]["errors"][6]) == {"100"}


def test_what_ended_before_the_next_weight_was_asked_for_counts_though_it_is_read_later() -> None:
    """Steps of four blocks: the last one is read when the next weight is there already."""
    there = world()
    first = play(there, ERRORS_ONLY, window(), 60)[-1]
    changed = START + 62 * S
    moved = replace(window(changed, weight=40, next_weight=100), asked=changed)
    late = play(there, ERRORS_ONLY, moved, 15, checkpoint=first.checkpoint)[-1]
    unknown = replace(moved, asked=None)
    dropped = play(there, ERRORS_ONLY, unknown, 15, checkpoint=first.checkpoint)[-1]
    requests = [j.checkpoint["trails"]["errors"][7][1] for j in (first, late, dropped)]
    assert requests == [900, 1200, 900]


def test_what_was_counted_while_the_weight_rose_counts_where_the_weight_sends_every_request() -> (
    None
):
    """Against the canary only: nothing is certified by it.  From 57 to 62 are two blocks."""
    there = world()
    first = play(there, ERRORS_ONLY, window(), 60)[-1]
    asked, changed = START + 57 * S, START + 62 * S
    moved = replace(window(changed, weight=40, next_weight=100), asked=asked)
    rising = replace(moved, by_weight=True)
    trails = [
        play(there, ERRORS_ONLY, where, 15, checkpoint=first.checkpoint)[-1].checkpoint["trails"]
        for where in (moved, rising, replace(rising, comparing=False))
    ]
    kept = first.checkpoint["trails"]["errors"]
    assert [trail["errors"][7][1] for trail in trails] == [900, 1500, 900]
    assert trails[1]["errors"][6] == kept[6]


@pytest.mark.parametrize(("by_weight", "requests"), [(True, 500), (False, 300)])
def test_the_block_in_which_the_first_weight_came_counts_where_the_weight_sends_every_request(
    by_weight: bool, requests: int
) -> None:
    """From the instant before; it can certify nothing, since it was counted while it rose."""
    began = START + 5 * S
    there = World([Side("v1", 80), Side("v2", 20, since=began)])
    first = play(there, ERRORS_ONLY, replace(window(began), by_weight=by_weight), 30)[-1]
    assert first.checkpoint["trails"]["errors"][7][1] == requests
    assert first.checkpoint["trails"]["errors"][6] == {}


@pytest.mark.parametrize(("seconds", "loose"), [(7, False), (8, True)])
def test_a_block_is_of_the_warm_up_where_most_of_it_lies(seconds: int, loose: bool) -> None:
    """A twentieth of errors in the block from second 30 on, which the warm-up's line allows."""
    there = World([Side("v1", 80), Side("v2", 20, errors=0.05, since=START)])
    began = START + seconds * S
    last = play(there, ERRORS_ONLY, window(began), 60 - seconds)[-1]
    evidence = last.verdicts[0].evidence
    assert evidence is not None
    assert (evidence <= 1) is loose


# What is not known


def test_nothing_counted_yet_is_no_data() -> None:
    silent = World([])
    last = play(silent, rollout(), window(), 60)[-1]
    assert last.standing is Standing.NO_DATA
    assert last.because.startswith("errors: no counters of reviews-v1 or reviews-v2 yet")


def test_counters_that_stop_are_stale() -> None:
    there = world()
    kept = play(there, ERRORS_ONLY, window(), 90)[-1].checkpoint
    gone = play(World([]), ERRORS_ONLY, window(), 240, checkpoint=kept, begin=START + 90 * S)
    assert gone[-1].standing is Standing.NO_DATA
    assert "no fresh samples for" in gone[-1].because


def test_a_canary_whose_counters_vanish_is_no_data() -> None:
    there = world()
    kept = play(there, ERRORS_ONLY, window(), 90)[-1].checkpoint
    there.sides.pop()
    last = play(there, ERRORS_ONLY, window(), 30, checkpoint=kept, begin=START + 90 * S)[-1]
    assert last.standing is Standing.NO_DATA
    assert "counters of reviews-v2 are gone" in last.because


def test_a_canary_without_a_single_request_has_too_few() -> None:
    alone = World([Side("v1", 80)])
    last = play(alone, ERRORS_ONLY, window(), 60)[-1]
    assert last.standing is Standing.TOO_FEW
    assert last.because == "0 canary requests so far, 20 wanted"
    assert last.need.endswith("none are coming")


def without_hour(there: World, until: datetime) -> World:
    """Whose answers have nothing from before ``START``, as long as that."""
    whole = there.answer

    def answer(
        counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...], now: datetime
    ) -> Seen:
        fresh = tuple(q for q in counts if q.instants[0] >= START or "?" in q.metric)
        return whole(counts if now > until else fresh, values, now)

    there.answer = answer  # type: ignore[method-assign]
    return there


def test_without_stables_last_hour_it_judges_and_says_so() -> None:
    there = without_hour(world(), START + 3600 * S)
    found = play(there, ERRORS_ONLY, window(), 120)
    assert found[-1].standing in {Standing.CLEAN, Standing.CERTIFIED}
    assert "no history of stable" in found[-1].verdicts[0].text


def test_many_looks_at_one_moment_do_not_give_stables_history_up() -> None:
    there = without_hour(world(), START + 20 * S)
    hasty = play(there, ERRORS_ONLY, window(), 15, every=1)
    last = play(there, ERRORS_ONLY, window(), 60, checkpoint=hasty[-1].checkpoint)[-1]
    assert "no history of stable" not in last.verdicts[0].text


@pytest.mark.parametrize(
    ("outcome", "standing"),
    [(Outcome.ERROR, Standing.ERROR), (Outcome.INCONCLUSIVE, Standing.NO_DATA)],
)
@pytest.mark.parametrize("metric", ["errors", "errors?source", "unreached"])
def test_an_answer_that_is_none_holds(metric: str, outcome: Outcome, standing: Standing) -> None:
    kept = play(world(), ERRORS_ONLY, window(), 300)[-1].checkpoint
    seen = Seen(no_answers=(NoAnswer(metric, outcome, "partial"),))
    last = judge(ERRORS_ONLY, (), window(), kept, seen, START + 301 * S)
    assert last.standing is standing
    assert "partial" in last.because


def test_a_broken_probe_does_not_settle_the_view() -> None:
    seen = Seen(no_answers=(NoAnswer("errors?source", Outcome.ERROR, "down"),))
    last = judge(ERRORS_ONLY, (), window(), {}, seen, START + 30 * S)
    assert (last.standing, last.checkpoint["view"]) == (Standing.ERROR, "")


# Whose counters


def test_where_no_client_counts_the_servers_do() -> None:
    servers = replace(world(), view=View.DESTINATION)
    last = play(servers, rollout(), window(), 300)[-1]
    assert last.standing is Standing.CERTIFIED
    assert last.checkpoint["view"] == "destination"
    assert last.verdicts[2].text == "unreached: no client has counted this service"


def test_copies_are_judged_by_the_servers_counters() -> None:
    where = replace(window(), mirrored=True, weight=0, next_weight=0)
    servers = replace(world(0.2), view=View.DESTINATION)
    assert play(servers, rollout(), where, 150)[-1].standing is Standing.FAILED


def test_a_fixed_reporter_is_kept_to() -> None:
    errors = (Metric("errors"),)
    for fixed in (
        Analysis(metrics=errors, reporter="source"),
        Analysis(metrics=errors, reporter="destination"),
    ):
        counts, _ = questions(rollout(fixed), (), window(), {}, START + 60 * S)
        views = {q.view.value for q in counts if q.counting is Counting.ERRORS}
        assert views == {fixed.reporter}


def test_a_window_may_say_whose_counters_tell_its_sides_apart() -> None:
    gateways = replace(window(), view=View.GATEWAY, namespace="")
    counts, _ = questions(rollout(), (), gateways, {}, START + 60 * S)
    assert {q.view for q in counts} == {View.GATEWAY}


def test_a_view_that_changes_begins_with_new_counters() -> None:
    kept = play(world(), ERRORS_ONLY, window(), 90)[-1].checkpoint
    mirrored = replace(window(START + 90 * S), mirrored=True)
    counts, _ = questions(ERRORS_ONLY, (), mirrored, kept, START + 150 * S)
    assert {q.view for q in counts} == {View.DESTINATION}
    assert counts[-1].instants[0] == START + 90 * S


# Limits


def limited(*metrics: Metric) -> list[Judgement]:
    return play(world(0.03), rollout(Analysis(metrics=metrics)), window(), 240)


def test_a_success_rate_is_an_absolute_limit_with_sample_size() -> None:
    assert limited(Metric("slo", success_rate=SuccessRate(0.99)))[-1].standing is Standing.FAILED
    easy = limited(Metric("slo", success_rate=SuccessRate(0.9)))[-1]
    assert easy.standing is Standing.CERTIFIED
    assert "of at most 10%" in easy.verdicts[0].text


def test_a_strict_limit_fails_after_three_plain_readings() -> None:
    strict = Metric("slo", success_rate=SuccessRate(0.975), strict=True)
    found = limited(strict)
    assert Standing.SUSPICIOUS in standings(found)
    assert found[-1].standing is Standing.FAILED
    assert "of 3 in a row" in found[-1].verdicts[0].text


def test_a_quantile_is_a_share_slower_than_the_next_bucket() -> None:
    limit = Metric("p99", latency=LatencyLimit(0.95, timedelta(milliseconds=400)))
    last = limited(limit)[-1]
    assert last.standing is Standing.CERTIFIED
    assert last.verdicts[0].text.startswith("p99>500ms: canary 2% (")


def test_a_bound_beyond_all_buckets_lets_nothing_pass() -> None:
    limit = Metric("p99", latency=LatencyLimit(0.99, timedelta(seconds=20)))
    last = limited(limit, Metric("latency"))[-1]
    assert last.standing is Standing.ERROR
    assert "no histogram bucket is as long" in last.because
    assert limited(limit)[-1].because == last.because


def test_own_counters_are_compared_like_the_built_in_ones() -> None:
    own = Metric("checkout", bad="b", total="t")
    assert limited(own)[-1].standing is Standing.FAILED


def test_a_value_beyond_its_limit_is_suspicious_and_then_fails() -> None:
    there = replace(world(), value=lambda at: 11.0)
    found = play(there, rollout(Analysis(metrics=(QUEUE,))), window(), 60)
    assert [j.standing for j in found] == [
        Standing.SUSPICIOUS,
        Standing.SUSPICIOUS,
        Standing.FAILED,
        Standing.FAILED,
    ]
    assert found[0].because == "queue: 11 is above 10 (1 of 3 in a row)"
    assert found[2].verdicts[0].outcome is Outcome.FAIL


def test_values_within_their_limits_certify() -> None:
    last = play(world(), rollout(Analysis(metrics=(QUEUE,))), window(), 60)[-1]
    assert last.standing is Standing.CERTIFIED
    assert last.because == "every reading is within its limits"


def test_a_value_nobody_could_read_holds() -> None:
    subject = rollout(Analysis(metrics=(QUEUE,)))
    none = judge(subject, (), window(), {}, Seen(), START + 60 * S)
    assert (none.standing, none.because) == (
        Standing.NO_DATA,
        "queue: no fresh reading",
    )
    down = play(replace(world(), down=lambda now: True), subject, window(), 60)[-1]
    assert (down.standing, down.because) == (Standing.ERROR, "queue: no answer")


def test_a_reading_from_before_the_window_is_no_reading() -> None:
    subject = rollout(Analysis(metrics=(QUEUE,)))
    early = Seen(values=(Value("queue", START - 15 * S, 500.0),))
    assert judge(subject, (), window(), {}, early, START + 20 * S).standing is Standing.NO_DATA


def test_a_reading_of_the_step_before_opens_no_step() -> None:
    subject, seen = rollout(Analysis(metrics=(QUEUE,))), Seen(values=(Value("queue", START, 1.0),))
    before = judge(subject, (), window(), {}, seen, START + 5 * S)
    assert before.standing is Standing.CERTIFIED
    later = replace(window(), since=START + 6 * S)
    after = judge(subject, (), later, before.checkpoint, Seen(), START + 10 * S)
    assert after.standing is Standing.NO_DATA


def test_metrics_that_act_and_metrics_that_watch() -> None:
    watching = replace(QUEUE, dry_run=True, max=0.5, failures=Failures(consecutive=1))
    last = play(world(), rollout(Analysis(metrics=(Metric("errors"), watching))), window(), 300)[-1]
    assert last.standing is Standing.CERTIFIED
    assert (last.verdicts[1].outcome, last.verdicts[1].dry_run) == (Outcome.FAIL, True)
    only = play(
        world(0.9),
        rollout(Analysis(metrics=(replace(Metric("errors"), dry_run=True),))),
        replace(window(), mirrored=True),
        90,
    )[-1]
    assert (only.standing, only.because) == (Standing.NOTHING, "there is no metric to judge by")


def test_a_missing_template_lets_nothing_pass() -> None:
    subject = rollout(Analysis(metrics=(Metric("errors"),), templates=(TemplateUse("gone"),)))
    last = play(world(), subject, window(), 300)[-1]
    assert last.standing is Standing.ERROR
    assert "AnalysisTemplate 'gone' is not there" in last.because


# With nobody to compare with


def test_at_everyone_on_the_canary_only_absolute_limits_speak() -> None:
    alone = replace(window(weight=100, next_weight=100), comparing=False)
    slo = Metric("slo", success_rate=SuccessRate(0.9))
    both = rollout(Analysis(metrics=(Metric("errors"), slo)))
    last = play(world(0.001), both, alone, 200)[-1]
    assert last.standing is Standing.CERTIFIED
    assert last.verdicts[0].text == "errors: stable has no traffic to compare with"
    bad = play(world(0.5), both, alone, 200)[-1]
    assert bad.standing is Standing.FAILED


def test_nothing_to_judge_by_is_said() -> None:
    alone = replace(window(), comparing=False, mirrored=True)
    assert play(world(), ERRORS_ONLY, alone, 30)[-1].standing is Standing.NOTHING


def test_blue_green_is_certified_for_everybody() -> None:
    subject = rollout()
    strategy = Strategy(blue_green=BlueGreen())
    subject = replace(subject, spec=replace(subject.spec, strategy=strategy))
    last = play(world(), subject, window(next_weight=100), 60)[-1]
    assert set(last.checkpoint["trails"]["errors"][6]) <= {"100"}


# What no server saw


def lost(share: float, weight: int = 20) -> list[Judgement]:
    there = replace(world(), unreached=lambda at: share)
    return play(there, ERRORS_ONLY, window(weight=weight), 150)


def test_a_canary_that_clients_cannot_reach_fails() -> None:
    found = lost(0.2)
    assert found[-1].standing is Standing.FAILED
    assert found[-1].because == "unreached: 20% of all requests found no healthy upstream"


def test_a_service_that_nobody_can_reach_is_not_the_canarys_fault_alone() -> None:
    last = lost(0.9)[-1]
    assert last.standing is Standing.SUSPICIOUS
    assert "more than the canary's share" in last.because


@pytest.mark.parametrize(("ended", "failed"), [(0, True), (60, True), (150, False)])
def test_what_no_endpoint_took_while_stable_was_down_is_not_the_canarys(
    ended: int, failed: bool
) -> None:
    """18 % of all requests, until stable is back for an interval: an outage of 90 %, diluted."""
    there = replace(world(), unreached=lambda at: 0.18 if at < START + 155 * S else 0.0)
    down = replace(window(weight=10), stable_down_at=START + ended * S)
    last = play(there, ERRORS_ONLY, down, 240)
    assert (Standing.FAILED in standings(last)) is failed


def test_a_preview_without_requests_says_what_to_do() -> None:
    quiet = World([Side("v1", 80), Side("v2", 0, since=START)])
    preview = replace(window(weight=0, next_weight=100), mirrored=True)
    last = play(quiet, ERRORS_ONLY, preview, 150)[-1]
    assert last.standing in (Standing.TOO_FEW, Standing.NO_DATA)
    assert "no traffic on the preview: send some, or `rollout skip`" in (
        last.need,
        last.because[8:],
    )


def test_a_few_requests_without_an_endpoint_are_no_strike() -> None:
    assert lost(0.001)[-1].verdicts[-1].outcome is Outcome.PASS


def test_latency_bounds_wait_for_traffic() -> None:
    def empty(at: datetime) -> Counts:
        return Counts("slow?source", at, (), BOUNDS)

    subject = rollout(Analysis(metrics=(Metric("latency"),), reporter="source"))
    last = judge(subject, (), window(), {}, Seen(counts=(empty(START),)), START + 30 * S)
    assert last.standing is Standing.NO_DATA
    idle = World([Side("v1", 0), Side("v2", 0)])
    assert play(idle, subject, window(), 60)[-1].standing is Standing.NO_DATA
