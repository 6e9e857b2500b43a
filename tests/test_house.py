"""The house keeps its own rules."""

import re
from pathlib import Path

import pytest

from tests import rooms, states

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "rollout").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
CORE = [
    *(ROOT / "rollout" / "model").glob("*.py"),
    *(ROOT / "rollout" / "strategies").glob("*.py"),
    *(ROOT / "rollout" / "reconcile").glob("*.py"),
    ROOT / "rollout" / "gate.py",
    ROOT / "rollout" / "hook.py",
    ROOT / "rollout" / "confirm.py",
]
PLAIN = {"action.py", "observation.py"}
"""Values without a rule of their own."""


def test_the_page_of_states_is_drawn_from_the_tables() -> None:
    assert states.PAGE.read_text() == states.page(), "run python -m tests.states"


def test_the_page_of_rooms_names_every_room() -> None:
    assert rooms.PAGE.read_text() == rooms.page(), "run `make generate`"


def test_what_the_page_of_rooms_names_is_there() -> None:
    named = re.findall(r"`([a-z_/]+(?:/|\.py))`", rooms.PAGE.read_text())
    places = (ROOT, ROOT / "rollout")
    assert [one for one in named if not any((place / one).exists() for place in places)] == []


@pytest.mark.parametrize("path", sorted(CORE), ids=lambda p: str(p.relative_to(ROOT)))
def test_each_file_of_the_core_has_its_test_file(path: Path) -> None:
    if path.name in PLAIN or not re.search(r"^def |^    def ", path.read_text(), re.MULTILINE):
        return
    room = path.parent.relative_to(ROOT / "rollout")
    name = path.parent.name if path.name == "__init__.py" else path.stem
    assert (ROOT / "tests" / room / f"test_{name}.py").exists()


def test_nobody_mocks() -> None:
    mock = re.compile(r"^\s*(from|import) (unittest|mock)", re.MULTILINE)
    assert [p for p in (*SOURCES, *TESTS) if mock.search(p.read_text())] == []


def test_that_weights_sum_to_100_is_said_in_one_place_only() -> None:
    rule = re.compile(r"(stable \+ \S*canary|canary \+ \S*stable)\s*[!=]=\s*100")
    rooms = [p for p in SOURCES if "lab" not in p.relative_to(ROOT).parts]
    assert [p.name for p in rooms if rule.search(p.read_text())] == ["traffic.py"]
