"""docs/upgrade-failures.md says the truth: each failure has a guard, and a scenario."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from rollout.preflight import rollouts
from rollout.upgrade import rules
from tests.upgrade.test_refused import REFUSED, UNASKED

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "upgrade-failures.md"
IDS = [*(f"F{number}" for number in range(1, 37)), *(f"A{number}" for number in range(1, 9))]


def rows() -> dict[str, list[str]]:
    """Id to its cells: what goes wrong, known from, guard, scenario."""
    lines = (line for line in PAGE.read_text().splitlines() if re.match(r"\| [FA]\d+ \|", line))
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {name: rest for name, *rest in cells}


@cache
def scenarios_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_all_of_them_are_there_once() -> None:
    assert list(rows()) == IDS


@pytest.mark.parametrize("name", IDS)
def test_its_scenarios_are_there(name: str) -> None:
    named = re.findall(r"`([^`]+)`", rows()[name][3])
    assert named
    for file, _, test in (each.partition("::") for each in named):
        if test == name:
            assert test in {*REFUSED, *UNASKED}
        else:
            assert test in scenarios_of(file), test


def test_every_scenario_of_a_refusal_is_named() -> None:
    told = {name for name, cells in rows().items() if f"test_refused.py::{name}`" in cells[3]}
    assert told == {*REFUSED, *UNASKED}


def test_every_rule_that_guards_is_one_and_a_refusal_names_its_own() -> None:
    known = {rule.id for rule in rules.RULES} | {rule.id for rule in rollouts.RULES}
    guards = {
        name: set(re.findall(r"[A-Z]{2,3}-\d{3}", cells[2])) for name, cells in rows().items()
    }
    assert set().union(*guards.values()) <= known
    assert {name for name in REFUSED if REFUSED[name].rule not in guards[name]} == set()
