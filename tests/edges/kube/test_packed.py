"""An object is read as it was put, and no reading keeps it in memory for good."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.edges.kube.packed import MOST, ONCE, READ_LATELY, Json, Packed

KEY, OTHER = ("shop", "a"), ("shop", "b")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.dictionaries(st.text(), VALUES))
def test_what_is_read_is_what_was_put(obj: Json) -> None:
    held = Packed(Clock())
    held[KEY] = obj
    assert held[KEY] == obj


def test_what_is_read_once_a_minute_is_parsed_once() -> None:
    clock = Clock()
    held = Packed(clock)
    held[KEY] = {"spec": {"replicas": 1}}
    first = held[KEY]
    for _ in range(10):
        clock.now += READ_LATELY - 1
        assert held[KEY] is first


def test_what_nobody_reads_for_two_minutes_is_text_again() -> None:
    clock = Clock()
    held = Packed(clock)
    held[KEY], held[OTHER] = {"spec": {"replicas": 1}}, {"spec": {}}
    first = held[KEY]
    for _ in range(2):
        clock.now += READ_LATELY
        assert held[OTHER] == {"spec": {}}
    assert held[KEY] == first
    assert held[KEY] is not first


def test_who_reads_everything_once_keeps_the_last_of_it_and_what_is_read_again_and_again() -> None:
    held = Packed(Clock())
    keys = [("shop", str(number)) for number in range(3 * MOST)]
    for key in keys:
        held[key] = {"name": key[1]}
    first = held[keys[0]]
    for key in keys[1 : ONCE + 2]:
        assert held[key] == {"name": key[1]}
    often = held[keys[1]]
    for key in keys[ONCE + 2 :]:
        assert held[key] == {"name": key[1]}
        assert held[keys[1]] is often
    last = held[keys[-ONCE]]
    assert held[keys[-ONCE]] is last
    assert held[keys[0]] == first
    assert held[keys[0]] is not first


def test_what_a_thousand_looks_read_in_turn_is_parsed_twice_and_then_kept() -> None:
    clock = Clock()
    held = Packed(clock)
    keys = [("shop", str(number)) for number in range(MOST - 1)]
    for key in keys:
        held[key] = {"name": key[1]}
    rounds = []
    for _ in range(4):
        rounds.append([held[key] for key in keys])
        clock.now += READ_LATELY / 4
    assert all(one is not other for one, other in zip(rounds[0][:-ONCE], rounds[1], strict=False))
    for one, other in zip(rounds[1], rounds[2], strict=True):
        assert one is other
    assert all(one is other for one, other in zip(rounds[2], rounds[3], strict=True))


@pytest.mark.parametrize("put", [1, 2])
def test_news_of_what_was_read_once_and_let_go_of_is_what_is_read(put: int) -> None:
    held = Packed(Clock())
    held[KEY] = {"version": 0}
    for number in range(put * ONCE):
        assert held[KEY]["version"] == number
        held[KEY] = {"version": number + 1}
        held["shop", str(number)] = {"version": -1}
        assert held["shop", str(number)] == {"version": -1}
    assert held[KEY] == {"version": put * ONCE}


@pytest.mark.parametrize("read", [False, True])
def test_news_of_an_object_replaces_what_was_read_of_it(read: bool) -> None:
    held = Packed(Clock())
    held[KEY] = {"spec": {"replicas": 1}}
    if read:
        assert held[KEY] == {"spec": {"replicas": 1}}
    held[KEY] = {"spec": {"replicas": 2}}
    assert held[KEY] == {"spec": {"replicas": 2}}
    del held[KEY]
    with pytest.raises(KeyError):
        held[KEY]


def test_news_of_what_is_read_is_not_packed_until_nobody_reads_it() -> None:
    clock, news = Clock(), {"spec": {"replicas": 2}}
    held = Packed(clock)
    held[KEY] = {"spec": {"replicas": 1}}
    assert held[KEY] == {"spec": {"replicas": 1}}
    held[KEY] = news
    assert held[KEY] is news
    for _ in range(3):
        clock.now += READ_LATELY
        held[OTHER] = {"spec": {}}
    assert held[KEY] == news
    assert held[KEY] is not news
