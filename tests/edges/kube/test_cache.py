"""Whatever order news arrives in, the cache ends with the newest of each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.edges.kube import cache as room
from rollout.edges.kube.cache import Cache, Json
from tests.guards import Guard, fails_without, named

KEY = ("shop", "a")


def obj(version: int | str, concern: str = "x") -> Json:
    meta = {"namespace": "shop", "name": "a", "resourceVersion": str(version)}
    return {"metadata": meta, "concern": concern}


def cache() -> Cache:
    made = Cache(lambda found: frozenset({str(found["concern"])}))
    made.replace((), "1")
    return made


def test_the_late_answer_to_an_older_write_is_no_news() -> None:
    held = cache()
    held.put(obj(9))
    assert (held.written(obj(5)), held.get(KEY)) == (frozenset(), obj(9))


def test_the_very_version_that_is_kept_is_found() -> None:
    held, told = Cache(lambda _: frozenset(), packs=False), obj(9)
    held.put(told)
    assert held.same(obj(9)) is told
    assert (held.same(obj(10)), held.same(obj(8)), cache().same(obj(9))) == (None, None, None)


def test_the_late_answer_to_a_write_does_not_raise_the_dead() -> None:
    held = cache()
    held.put(obj(3))
    held.remove(obj(7))
    assert (held.written(obj(5)), held.get(KEY)) == (frozenset(), None)


def test_a_late_event_does_not_hide_our_own_write() -> None:
    held = cache()
    held.put(obj(3))
    held.written(obj(8))
    assert (held.put(obj(5)), held.get(KEY)) == (frozenset(), obj(8))


def test_a_list_from_before_our_own_write_does_not_hide_it() -> None:
    held = cache()
    held.written(obj(8))
    held.replace((), "5")
    assert held.get(KEY) == obj(8)
    held.replace((obj(4),), "5")
    assert held.get(KEY) == obj(8)


def test_a_late_deletion_does_not_take_what_was_made_anew() -> None:
    held = cache()
    held.written(obj(8))
    assert (held.remove(obj(5)), held.get(KEY)) == (frozenset(), obj(8))


def test_versions_that_are_no_numbers_are_believed_from_the_watch() -> None:
    held = cache()
    held.put(obj("abc"))
    held.put(obj("aaa"))
    assert held.get(KEY) == obj("aaa")


def test_a_change_touches_the_concerns_of_before_and_after() -> None:
    held = cache()
    held.put(obj(2, "x"))
    assert held.put(obj(3, "y")) == {"x", "y"}
    assert ([*held.all("x")], [*held.all("y")]) == ([], [obj(3, "y")])


NAMED = st.tuples(st.sampled_from("abc"), st.frozensets(st.sampled_from("xyz")))


@given(st.lists(st.tuples(NAMED, st.booleans()), max_size=20))
def test_a_concern_leads_to_all_who_have_it_and_to_nobody_else(
    news: list[tuple[tuple[str, frozenset[str]], bool]],
) -> None:
    held = Cache(lambda found: frozenset(found["concerns"]))
    there: dict[str, frozenset[str]] = {}
    for version, ((name, concerns), gone) in enumerate(news, 1):
        meta = {"namespace": "shop", "name": name, "resourceVersion": str(version)}
        made = {"metadata": meta, "concerns": sorted(concerns)}
        held.remove(made) if gone else held.put(made)
        there.pop(name, None)
        there |= {} if gone else {name: concerns}
        for concern in "xyz":
            found = [obj["metadata"]["name"] for obj in held.all(concern)]
            assert found == sorted(name for name, those in there.items() if concern in those)
        one = held.some()
        assert one["metadata"]["name"] in there if one else not there


NEWS = st.lists(st.tuples(st.sampled_from(["put", "written"]), st.integers(2, 50)), max_size=20)


@given(NEWS)
def test_no_order_of_news_ever_takes_an_object_back_in_time(news: list[tuple[str, int]]) -> None:
    held = cache()
    last = 0
    for how, version in news:
        held.put(obj(version)) if how == "put" else held.written(obj(version))
        found = held.get(KEY)
        now = int(found["metadata"]["resourceVersion"]) if found else 0
        assert now >= last
        last = now


STALE = 'return new == held != "" or 0 < number(new) < number(held)'
GUARDS = [
    Guard(test_a_late_event_does_not_hide_our_own_write, room, STALE, "return False"),
    Guard(
        test_a_list_from_before_our_own_write_does_not_hide_it,
        room,
        "return 0 < number(version) < number(held)",
        "return False",
    ),
]


@pytest.mark.parametrize("guard", GUARDS, ids=named)
def test_a_peers_stale_read_comes_back_once_its_guard_is_taken_out(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a cache owes its readers after a gap."""
    fails_without(guard, monkeypatch)
