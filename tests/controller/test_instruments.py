import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rollout.controller.instruments import SERIES, SUCCESS, Fleet, Instruments
from rollout.controller.metrics.timed import Timed
from rollout.errors import OutsideError
from rollout.model.action import Announce
from rollout.model.observation import Reply
from rollout.model.reasons import Cause
from tests.make import START


def samples(told: Instruments, name: str) -> dict[tuple[str, ...], float]:
    """The values of one metric by their labels' values, as Prometheus itself parses them."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(told.text())
        for sample in family.samples
        if sample.name == name
    }


def announced(told: Instruments, *actions: Announce, name: str = "cart") -> None:
    for action in actions:
        told.told("shop", name, action)


def test_promotions_and_rollbacks_are_counted_by_their_cause() -> None:
    told = Instruments()
    back = Announce("RollingBack", "errors", warning=True, cause=Cause.ANALYSIS_FAILED)
    announced(told, back, back, Announce("Promoted", "v2"), Announce("StepStarted", "5%"))
    assert samples(told, "rollout_rollbacks_total") == {
        ("AnalysisFailed", "cart", "shop"): 2.0,
    }
    assert samples(told, "rollout_promotions_total") == {("cart", "shop"): 1.0}
    told.gone("Rollout", "shop", "cart")
    told.gone("Rollout", "shop", "never-seen")
    assert samples(told, "rollout_rollbacks_total") == {}


def test_what_is_gone_leaves_the_series_of_others() -> None:
    told = Instruments()
    for name in ("cart", "pay"):
        announced(told, Announce("Promoted", "v2"), name=name)
        told.fetched(f"shop/{name}", 0.1, START, failed=False)
    told.gone("Rollout", "shop", "cart")
    told.gone("RolloutSource", "shop", "pay")
    assert samples(told, "rollout_promotions_total") == {("pay", "shop"): 1.0}
    fetched = samples(told, "rollout_source_last_fetch_timestamp_seconds")
    assert fetched == {("cart", "shop"): START.timestamp()}


def test_ten_thousand_hostile_names_do_not_fill_the_memory() -> None:
    """SEC-30."""
    told = Instruments()
    for index in range(10_000):
        announced(told, Announce("Promoted", "v2"), name=f"n{index}")
    assert len(samples(told, "rollout_promotions_total")) == SERIES


def test_requests_and_queries_are_timed_by_result() -> None:
    told = Instruments()
    told.requested("PATCH", 409, 0.002)
    told.reconciled(SUCCESS, 0.2)
    told.reconciled("OutsideError")
    told.took_weight(0.1)
    told.acted("SetRoute")
    assert samples(told, "rollout_api_request_seconds_count") == {("PATCH", "409"): 1.0}
    assert samples(told, "rollout_reconciles_total") == {("success",): 1.0, ("OutsideError",): 1.0}


def fleet(kind: str, *objs: Mapping[str, Any]) -> Fleet:
    """The collector of a cluster that has these objects of one kind."""
    return Fleet(lambda asked: objs if asked == kind else ())


def a_rollout(status: Mapping[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": "cart"}, "status": status}


@pytest.mark.parametrize(
    ("status", "since"),
    [
        (
            {"phase": "Paused", "attempt": {"pause": {"since": "2026-01-01T00:00:00Z"}}},
            {("cart", "shop"): 1767225600.0},
        ),
        (
            {
                "phase": "Progressing",
                "waitsFor": "Approval",
                "stage": {"confirmedAt": "2026-01-01T00:00:00Z", "split": {"canary": 40}},
                "attempt": {"step": {"index": 1}},
            },
            {("cart", "shop"): 1767225600.0},
        ),
        ({"phase": "Progressing", "stage": {"confirmedAt": "2026-01-01T00:00:00Z"}}, {}),
        ({"attempt": {"pause": {"since": "no time"}}, "conditions": "odd", "stage": 7}, {}),
    ],
)
def test_who_waits_for_a_person_is_told_since_when(
    status: Mapping[str, Any], since: Mapping[tuple[str, ...], float]
) -> None:
    told = Instruments()
    told.watch(fleet("Rollout", a_rollout(status)))
    assert samples(told, "rollout_waiting_for_person_since_timestamp_seconds") == since
    step = samples(told, "rollout_step")[("cart", "shop")]
    assert step == (2.0 if "waitsFor" in status else 0.0)


def test_a_source_is_ready_by_its_condition() -> None:
    ready = {"type": "Ready", "status": "True"}
    objs: list[dict[str, Any]] = [
        {"metadata": {"namespace": "a", "name": "fine"}, "status": {"conditions": [ready]}},
        {"metadata": {"namespace": "a", "name": "held"}, "status": {"held": "c"}},
    ]
    told = Instruments()
    told.watch(fleet("RolloutSource", *objs))
    assert samples(told, "rollout_source_ready") == {("fine", "a"): 1.0, ("held", "a"): 0.0}


class Provider:
    """A Prometheus that answers or not."""

    down = False

    async def instant(self, promql: str, at: datetime) -> Reply:
        if self.down:
            raise OutsideError(f"prometheus: no answer to {promql} at {at}")
        return Reply(())

    async def range(self, promql: str, start: datetime, end: datetime, step: timedelta) -> Reply:
        return await self.instant(promql, start)


def test_a_dead_prometheus_is_said_once_and_so_is_that_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "rollout")
    told, provider = Instruments(), Provider()

    async def story() -> None:
        timed = Timed(provider, told)
        for down in (False, True, True, False, False):
            provider.down = down
            try:
                await timed.range("up", START, START, timedelta(seconds=1))
            except OutsideError:
                continue

    asyncio.run(story())
    assert [record.getMessage() for record in caplog.records] == [
        "metrics are not answered; gates hold until they are",
        "metrics are answered again",
    ]
    counted = samples(told, "rollout_prometheus_query_seconds_count")
    assert counted == {("success",): 3.0, ("error",): 2.0}
