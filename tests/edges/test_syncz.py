from datetime import timedelta
from typing import Any

import pytest

from rollout.edges.syncz import counted
from rollout.model.observation import ProxySync
from tests.make import START

BEFORE, AFTER = (START - timedelta(seconds=1)), START + timedelta(seconds=1)


def proxy(name: str, sent_at: Any, acked: str = "n1", **more: Any) -> dict[str, Any]:
    when = sent_at.isoformat() if hasattr(sent_at, "isoformat") else sent_at
    route = {"sent": "n1", "acked": acked, "sentTime": when, **more}
    return {"proxy": name, "resources": {"type.googleapis.com/RDS": route}}


def test_a_proxy_that_acknowledged_what_was_sent_since_has_it() -> None:
    assert counted([proxy("a.shop", AFTER)], START) == ProxySync(1, 1)


def test_a_proxy_that_has_not_answered_does_not() -> None:
    assert counted([proxy("a.shop", AFTER, acked="n0")], START) == ProxySync(1, 0, behind=1)


def test_a_proxy_that_was_sent_nothing_since_may_still_wait_for_it() -> None:
    assert counted([proxy("a.shop", AFTER), proxy("b.shop", BEFORE)], START) == ProxySync(2, 1)


def test_a_refusal_is_told_in_envoys_words() -> None:
    refused = proxy("a.shop", AFTER, acked="n0", lastError="weight\n too large")
    assert counted([refused], START) == ProxySync(1, 0, "weight too large", 1)


def test_a_proxy_that_two_istiods_know_counts_once() -> None:
    assert counted([proxy("a.shop", BEFORE), proxy("a.shop", AFTER)], START) == ProxySync(1, 1)


@pytest.mark.parametrize(
    "said",
    [
        [],
        [{"proxy": "a.shop", "route_sent": "n1", "route_acked": "n1"}],
        [{"proxy": "a.shop", "resources": []}],
    ],
)
def test_an_istiod_that_does_not_say_when_is_not_believed(said: list[Any]) -> None:
    assert counted(said, START) is None


@pytest.mark.parametrize("when", [None, "", "yesterday", "0001-01-01T00:00:00Z", 7])
def test_a_time_that_is_none_is_never(when: Any) -> None:
    assert counted([proxy("a.shop", when)], START) == ProxySync(1, 0)
