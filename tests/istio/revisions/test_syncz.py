"""What istiods say of their clients, as one list."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given

from rollout.istio.revisions import syncz
from rollout.model.mesh import ProxyState
from tests.istio.revisions.objects import DATA, client
from tests.istio.revisions.test_webhooks import spoiled

SENT = datetime(2026, 11, 27, 15, 22, 55, 650000, tzinfo=UTC)
SYNCED = ProxyState("shop", "web-1", "sidecar", "1.29.6", "1-29-6", True, sent=SENT)


def test_a_client_that_took_all_it_was_sent_is_synced() -> None:
    assert syncz.states([("1-29-6", [client("web-1.shop", "1.29.6")])]) == (SYNCED,)


def test_a_refusal_is_told_in_envoys_words_on_one_line() -> None:
    (state,) = syncz.states([("1-29-6", [client("web-1.shop", "1.29.6", error="bad\n  filter")])])
    assert state == SYNCED._replace(
        synced=False, waiting=("Listener",), errors=("Listener: bad filter",)
    )


def test_a_client_that_was_sent_nothing_is_not_synced() -> None:
    empty = {"proxy": "web-1.shop", "istio_version": "1.29.6", "resources": {"a/b.C": {}}}
    assert syncz.states([("r", [empty])]) == (
        ProxyState("shop", "web-1", "sidecar", "1.29.6", "r"),
    )


def test_each_replica_knows_its_own_clients() -> None:
    pages = [
        ("1-29-6", [client("web-1.shop", "1.29.6")]),
        ("1-29-6", [client("web-2.shop", "1.29.6")]),
        ("1-30-3", [client("web.x.shop", "1.30.3")]),
    ]
    assert [(s.pod, s.namespace, s.revision) for s in syncz.states(pages)] == [
        ("web-1", "shop", "1-29-6"),
        ("web-2", "shop", "1-29-6"),
        ("web.x", "shop", "1-30-3"),
    ]


def test_who_sent_last_has_the_client_in_whatever_order_they_are_asked() -> None:
    older = ("1-29-6", [client("web-1.shop", "1.29.6", "2026-11-27T15:00:00Z")])
    newer = ("1-30-3", [client("web-1.shop", "1.30.3", "2026-11-27T15:30:00.123456789Z")])
    for pages in ([older, newer], [newer, older]):
        (state,) = syncz.states(pages)
        assert (state.revision, state.version) == ("1-30-3", "1.30.3")


def test_an_istiod_without_resources_tells_by_pairs() -> None:
    old = {
        "proxy": "web-1.shop",
        "istio_version": "1.29.6",
        "cluster_sent": "2026-11-27T15:22:17Z/a",
        "cluster_acked": "2026-11-27T15:22:17Z/a",
        "route_sent": "2026-11-27T15:22:17Z/b",
        "route_acked": "",
    }
    (state,) = syncz.states([("1-29-6", [old])])
    assert (state.synced, state.waiting) == (False, ("RouteConfiguration",))
    assert state.sent == datetime(2026, 11, 27, 15, 22, 17, tzinfo=UTC)


def test_what_real_istiods_answered_is_read() -> None:
    path = DATA / "syncz.json"
    pages = json.loads(path.read_text()) if path.exists() else {}
    read = syncz.states(pages.items())
    assert [(s.pod, s.namespace, s.version, s.revision, s.synced) for s in read] in (
        [],
        [
            ("web-1-29-6", "a1", "1.29.6", "1-29-6", True),
            ("web-1-30-3", "a1", "1.30.3", "1-30-3", True),
        ],
    )


@given(spoiled([client("web-1.shop", "1.29.6")]))
def test_an_odd_page_tells_as_much_as_it_can(page: Any) -> None:
    assert len(syncz.states([("1-29-6", page), ("1-29-6", [client("b.shop", "1.29.6")])])) in (1, 2)
