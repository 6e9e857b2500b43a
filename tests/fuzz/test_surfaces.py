"""The eight doors in short: a few hundred drawn inputs each, and everything that was once found.

``make fuzz MINUTES=n`` is the long form (docs/hostile-input.md).
"""

from pathlib import Path

import pytest

from tests.fuzz import surfaces
from tests.fuzz.drawn import drawn
from tests.fuzz.surfaces import CORPUS, Finding, Surface, tried, work

DRAWN = 120
MOST_CALLS = 400_000
"""Calls of functions that an input of at most 400 bytes may cost; a usual one costs some 5,000."""
ONCE_FOUND = sorted(file for file in CORPUS.rglob("*") if file.is_file())


@pytest.mark.parametrize("surface", list(Surface))
def test_whatever_is_drawn_is_taken_or_refused_in_one_sentence(surface: Surface) -> None:
    found: list[Finding] = []

    def read(data: bytes) -> None:
        finding = tried(surface, data)
        found.extend([finding] if finding else [])

    drawn(DRAWN, read)
    assert not found, found[0].story


@pytest.mark.parametrize("file", ONCE_FOUND, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_what_was_once_a_finding_is_none_any_more(file: Path) -> None:
    finding = tried(Surface(file.parent.name), file.read_bytes())
    assert finding is None, finding.story


@pytest.mark.parametrize("surface", list(Surface))
def test_no_input_costs_more_work_than_is_allowed(surface: Surface) -> None:
    for seed in range(8):
        data = bytes((seed * 37 + place * (seed + 3)) % 256 for place in range(400))
        assert work(surface, data) < MOST_CALLS


@pytest.mark.parametrize("surface", list(Surface))
def test_each_door_was_found_to_be_watched(surface: Surface) -> None:
    """What raises at a door, raises here: the oracle is not asleep."""

    def broken(_: bytes) -> None:
        raise IndexError("string index out of range")

    before, surfaces.READ[surface] = surfaces.READ[surface], broken
    try:
        finding = tried(surface, b"x")
    finally:
        surfaces.READ[surface] = before
    assert finding is not None
    assert finding.where.startswith("IndexError")
