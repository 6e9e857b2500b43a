from hypothesis import given
from hypothesis import strategies as st

from rollout.edges.forge import cut


def test_what_fits_stays_as_it_is() -> None:
    assert cut.line("analysis failed at 5%", 140) == "analysis failed at 5%"


def test_what_is_too_long_keeps_its_beginning_and_its_end() -> None:
    text = "reviews: " + "x" * 300 + " (bar 100) -> rollback"
    found = cut.line(text, 140)
    assert len(found) == 140
    assert found.startswith("reviews: xxx")
    assert found.endswith("(bar 100) -> rollback")


@given(st.text(), st.integers(10, 300))
def test_it_is_one_line_within_its_limit(text: str, most: int) -> None:
    found = cut.line(text, most)
    assert len(found) <= most
    assert found.isprintable()
