"""An object is read as it was put, and no reading keeps it in memory for good."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.edges.kube.packed import MOST, READ_LATELY, Json, Packed

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
    first, often = held[keys[0]], held[keys[1]]
    for key in keys[2:]:
        assert held[key] == {"name": key[1]}
        assert held[keys[1]] is often
    assert held[keys[0]] == first
    assert held[keys[0]] is not first


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
