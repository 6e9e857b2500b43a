import random
from datetime import UTC, datetime, timedelta

from benchmarks.scenarios import binomial
from rollout.analysis.backtest import Block, Weighed, backtest, blocks
from rollout.analysis.ramp import GateConfig, Move
from rollout.analysis.sequential import ERRORS
from rollout.model.observation import Counts, PodCount


def past(blocks: int, pods: int = 6, share: float = 0.01, seed: int = 1) -> list[Block | None]:
    rng = random.Random(seed)
    return [
        {"errors": {f"p{i}": (binomial(rng, 200, share), 200) for i in range(pods)}}
        for _ in range(blocks)
    ]


def test_a_release_that_never_happened_is_not_sent_back() -> None:
    found = backtest(past(400), GateConfig(), every=40)
    assert len(found.releases) == 4
    assert found.ended(Move.ROLLBACK) == ()
    assert found.releases[0].canary == ("p0", "p2", "p4")
    assert found.releases[1].canary == ("p1", "p3", "p5")
    assert found.releases[-1].decision is not None


def test_a_pod_that_went_bad_in_the_past_is_told_with_its_block() -> None:
    blocks = past(360)
    for block in blocks[290:]:
        assert block is not None
        block["errors"]["p0"] = (150, 200)  # type: ignore[index]
    sent_back = backtest(blocks, GateConfig(), every=40).ended(Move.ROLLBACK)
    assert [one.begin for one in sent_back] == [320]
    assert sent_back[0].blocks < 12
    assert "errors: canary" in sent_back[0].evidence


def test_gaps_in_the_past_cost_nothing() -> None:
    blocks = past(400)
    blocks[250:266] = [None] * 16
    assert backtest(blocks, GateConfig(), every=80).ended(Move.ROLLBACK) == ()


def test_one_pod_cannot_be_divided_and_a_short_past_has_no_hour() -> None:
    assert backtest(past(300, pods=1), GateConfig(), every=40).releases == ()
    assert backtest(past(100), GateConfig(), every=40).releases == ()


def test_a_past_that_ends_too_early_leaves_a_release_open() -> None:
    blocks: list[Block | None] = [*past(242), None]
    assert [one.decision for one in backtest(blocks, GateConfig(), every=40).releases] == [None]


def test_counters_become_blocks_and_a_gap_is_made_up_for_by_the_next_one() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    totals = (100, 110, None, 130, 135)
    told = [
        Counts(
            "errors",
            begin + timedelta(seconds=15 * i),
            () if total is None else (PodCount("v1", "a", (total // 10,), total),),
        )
        for i, total in enumerate(totals)
    ]
    found = blocks({"errors": told}, [Weighed(ERRORS, "errors", 0)])
    seen = [block and list(block["errors"].values()) for block in found]
    assert seen == [[(1, 10)], None, [(2, 20)], [(0, 5)]]
