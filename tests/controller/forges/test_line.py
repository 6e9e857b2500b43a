"""How soon a report may follow another, so that a forge never has too many of one commit."""

from hypothesis import given
from hypothesis import strategies as st

from rollout.controller.forges.line import LAZY, OFTEN, ForgeNews, Said

FIRST = ForgeNews("aaaa pending", "at #%", "at 5%")
COUNTED = ForgeNews("aaaa pending", "at #%", "at 6%")
OTHER = ForgeNews("aaaa pending", "asks people", "asks people")
DONE = ForgeNews("aaaa success", "done", "done")


def test_what_merely_counts_waits_longer_each_time() -> None:
    said = Said(FIRST, at=1000.0)
    assert [said.wait(COUNTED, now) for now in (1000.0, 1050.0, 1060.0)] == [LAZY, 10.0, 0.0]
    said = said.followed(COUNTED, 1060.0)
    assert said.wait(FIRST, 1060.0) == 2 * LAZY


def test_other_words_wait_only_after_many_and_another_state_never() -> None:
    said = Said(FIRST, 0.0, OFTEN)
    assert said.wait(OTHER, 0.0) == 0.0
    said = said.followed(OTHER, 0.0)
    assert said.wait(FIRST, 0.0) == LAZY
    assert said.wait(DONE, 0.0) == 0.0
    assert said.followed(DONE, 0.0) == Said(DONE, 0.0)


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_a_month_of_any_words_leaves_room_among_a_thousand(pattern: list[bool]) -> None:
    said, now, told = Said(FIRST, 0.0), 0.0, 1
    while now < 30 * 86_400:
        last = said.news
        other = OTHER if pattern[told % len(pattern)] else COUNTED
        news = other if other != last else FIRST
        now += said.wait(news, now)
        said, told = said.followed(news, now), told + 1
        assert told < 1000
