"""Each finding of docs/first-hour.md is held by tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = re.findall(r"^\| (N\d+): .* \| (.*) \|$", (ROOT / "docs/first-hour.md").read_text(), re.M)


def test_every_finding_has_a_row() -> None:
    assert [number for number, _ in ROWS] == [f"N{n}" for n in range(1, 16)]


@pytest.mark.parametrize(("number", "held"), ROWS)
def test_what_holds_a_finding_is_there(number: str, held: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", held)
    assert named, number
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text())
        assert name in {node.name for node in tree.body if hasattr(node, "name")}, f"{file}::{name}"
