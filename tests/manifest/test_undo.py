import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.manifest.undo import undone

BEFORE = """\
kind: Rollout
metadata: {name: reviews}
spec:
  revision: v1   # the release
  strategy: {canary: {}}
"""
AFTER = BEFORE.replace("v1", "v2")


def test_the_one_line_goes_back_with_its_comment() -> None:
    assert undone(BEFORE, AFTER, AFTER, "revision: v2") == BEFORE


def test_what_others_changed_since_stays() -> None:
    now = "# a header\n" + AFTER.replace("canary", "dark") + "---\nkind: Rollout\n"
    wanted = "# a header\n" + BEFORE.replace("canary", "dark") + "---\nkind: Rollout\n"
    assert undone(BEFORE, AFTER, now, "revision: v2") == wanted


def test_of_a_commit_that_changed_more_only_the_release_is_taken_back() -> None:
    after = AFTER.replace("reviews", "ratings") + "# the end\n"
    assert undone(BEFORE, after, after, "revision: v2") == after.replace("v2", "v1")


@pytest.mark.parametrize("quoted", ["'v2'", '"v2"', "v2"])
def test_the_line_is_found_in_any_quotes(quoted: str) -> None:
    after = BEFORE.replace("v1", quoted) + "# more\n"
    assert undone(BEFORE, after, after, "revision: v2") == BEFORE + "# more\n"


def test_without_the_line_the_whole_change_to_the_file_is_taken_back() -> None:
    after = BEFORE.replace("canary: {}", "canary: {steps: [{weight: 100}]}") + "# more\n"
    assert undone(BEFORE, after, after) == BEFORE


def test_two_such_lines_are_taken_back_together() -> None:
    before, after = BEFORE + "---\n" + BEFORE, AFTER + "---\n" + AFTER
    assert undone(before, after, after, "revision: v2") == before


def test_what_was_changed_again_is_left_to_people() -> None:
    now = AFTER.replace("v2", "v3")
    assert undone(BEFORE, AFTER, now, "revision: v2") is None


def test_what_is_back_already_is_left_to_people_too() -> None:
    assert undone(BEFORE, AFTER, BEFORE, "revision: v2") is None


def test_lines_that_the_commit_took_out_come_back() -> None:
    before = "a\nb\nc\n"
    assert undone(before, "a\nc\n", "z\na\nc\n") == "z\na\nb\nc\n"
    assert undone(before, "a\nc\n", "a\nx\nc\n") is None


def test_a_file_that_is_too_long_is_left_to_people() -> None:
    assert undone("a\n" * 30_000, "b\n", "b\n") is None


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "revision: v2\n"]), max_size=8)


@given(LINES, LINES)
def test_right_after_the_commit_it_is_the_file_before_it(old: list[str], new: list[str]) -> None:
    before, after = "".join(old), "".join(new)
    assert undone(before, after, after) == before


@given(LINES, LINES, LINES)
def test_no_text_breaks_it(old: list[str], new: list[str], now: list[str]) -> None:
    found = undone("".join(old), "".join(new), "".join(now), "revision: v2")
    assert found is None or isinstance(found, str)
