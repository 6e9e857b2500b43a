"""What `kubectl describe` and `kubectl get events` show of an Event of ours."""

import asyncio
from datetime import UTC, datetime

from rollout.controller.keeping import events
from rollout.controller.keeping.events import News, Reporter
from tests.fakes import FakeKube

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
BACK = News("Rollout", "shop", "cart", "u1-long-uid", "7", "RollingBack", "errors: 9%", True)


def test_an_event_has_the_times_by_which_kubectl_sorts_and_who_tells_it() -> None:
    kube = FakeKube()
    asyncio.run(events.tell(kube, BACK, NOON, Reporter("controller", "pod-0")))
    ((_, event),) = kube.objects.items()
    wanted = ("apiVersion", "firstTimestamp", "lastTimestamp", "type", "reason", "message")
    assert {key: event[key] for key in wanted} == {
        "apiVersion": "v1",
        "firstTimestamp": "2026-03-01T12:00:00Z",
        "lastTimestamp": "2026-03-01T12:00:00Z",
        "type": "Warning",
        "reason": "RollingBack",
        "message": "errors: 9%",
    }
    assert event["source"] == {"component": "rollout.dev/controller"}
    assert event["involvedObject"]["name"] == "cart"


def test_the_same_news_told_twice_is_one_event() -> None:
    kube = FakeKube()
    for _ in range(2):
        asyncio.run(events.tell(kube, BACK, NOON, Reporter("controller", "pod-0")))
    assert len(kube.objects) == 1
