"""What was worked out once is found again by the very value, and never by one that is like it."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from rollout.memo import Memo, changed, forget, remembered


@dataclass(frozen=True)
class Point:
    x: int = 0
    y: int = 0


@dataclass(frozen=True)
class Named:
    name: str
    seen_as: str = field(default="", compare=False)


@dataclass(frozen=True)
class Holding:
    held: Named


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 4))
def test_every_answer_is_that_of_its_own_value(asked: list[int], most: int) -> None:
    values = [{"n": number} for number in range(6)]
    memo: Memo[int] = Memo(most)
    for number in asked:
        value = values[number]
        assert memo.of((value,), "", lambda value=value: value["n"]) == number  # type: ignore[misc]


def test_the_same_value_is_worked_out_once_and_an_equal_one_anew() -> None:
    worked: list[tuple[dict[str, int], int]] = []

    @remembered
    def total(value: dict[str, int], more: int = 0) -> int:
        worked.append((value, more))
        return value["n"] + more

    value = {"n": 1}
    assert [total(value), total(value), total(value, 2), total(value, more=2)] == [1, 1, 3, 3]
    assert total({"n": 1}) == 1
    assert worked == [({"n": 1}, 0), ({"n": 1}, 2), ({"n": 1}, 2), ({"n": 1}, 0)]


def test_what_nobody_asked_for_of_late_is_forgotten_and_what_was_asked_for_is_kept() -> None:
    memo: Memo[int] = Memo()
    kept, idle = [1], [2]
    answers = iter(range(10))

    def asked(value: list[int]) -> int:
        return memo.of((value,), "", lambda: next(answers))

    assert (asked(kept), asked(idle)) == (0, 1)
    forget()
    assert asked(kept) == 0
    forget()
    assert (asked(kept), asked(idle)) == (0, 2)


def test_no_more_than_twice_the_most_is_ever_held() -> None:
    memo: Memo[int] = Memo(most=2)
    values = [[number] for number in range(6)]
    answers = iter(range(20))
    for value in (*values, values[5], values[2], values[0]):
        memo.of((value,), "", lambda: next(answers))
    assert next(answers) == 7


@given(st.integers(0, 2), st.integers(0, 2))
def test_a_value_that_is_so_already_is_itself(x: int, y: int) -> None:
    point = Point(1, 1)
    made = changed(point, x=x, y=y)
    assert made == Point(x, y)
    assert (made is point) == (made == point)


def test_what_is_not_compared_is_changed_all_the_same() -> None:
    before, learned = Holding(Named("v2")), Named("v2", seen_as="shop:v2")
    made = changed(before, held=learned)
    assert made.held.seen_as == "shop:v2"
    assert changed(made, held=Named("v2", seen_as="shop:v2")) is made
