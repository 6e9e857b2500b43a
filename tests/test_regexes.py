"""Every pattern that meets others' text: no text makes it try for ever (SEC-16).

Patterns that others write are matched by ``rollout.re2`` alone, in linear time.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rollout
from rollout import re2
from tests import backtracking

ROOT = Path(rollout.__file__).parent
FUNCTIONS = frozenset(
    {"compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer"}
)
SEEK = FUNCTIONS - {"compile", "match", "fullmatch"}
"""Those that try from each place of a text on."""
MADE = {
    "convert/analyses.py": "an argument's name, escaped; `rollout convert` alone",
    "convert/flaggermetrics.py": "names of a Canary, escaped; `rollout convert` alone",
    "edges/git/reader/signature.py": "two fixed words",
    "manifest/envelope.py": "names of constants above it",
    "cli/forms.py": "constants above it",
    "convert/conditions.py": "a constant above it",
}
"""Files with patterns that are put together, and of what."""


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(ROOT.rglob("*.py")):
        name = str(file.relative_to(ROOT))
        if name.startswith("lab/"):
            continue  # a world of its own, on a developer's machine
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(node, ast.Call) and isinstance(called, ast.Attribute):
                of = called.value
                if isinstance(of, ast.Name) and of.id == "re" and called.attr in FUNCTIONS:
                    yield name, node


def _compiled() -> dict[str, re.Pattern[str]]:
    """Those of our modules, and those that stand in a call."""
    found: dict[str, re.Pattern[str]] = {}
    for module in pkgutil.walk_packages([str(ROOT)], "rollout."):
        if module.name.startswith(("rollout.lab", "rollout.__main__", "rollout.cli.lab")):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                found[value.pattern] = value
    for _, call in _calls():
        first = call.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            found.setdefault(first.value, re.compile(first.value))
    return found


def _sought() -> set[str]:
    """The patterns that are looked for from each place of a text on."""
    found = set()
    for file in sorted(ROOT.rglob("*.py")):
        if file.name == "__main__.py" or file.relative_to(ROOT).parts[0] == "lab":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        called = [
            node.func.value.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.attr in SEEK
        ]
        module = importlib.import_module(".".join(["rollout", *_path(file)]))
        named = [getattr(module, name, None) for name in called]
        found |= {one.pattern for one in named if isinstance(one, re.Pattern)}
    for _, call in _calls():
        first, function = call.args[0], call.func
        if isinstance(first, ast.Constant) and isinstance(function, ast.Attribute):
            found |= {str(first.value)} if function.attr in SEEK else set()
    return found & set(PATTERNS)


def _path(file: Path) -> list[str]:
    return [part for part in file.relative_to(ROOT).with_suffix("").parts if part != "__init__"]


PATTERNS = _compiled()
SOUGHT = _sought()


def test_there_are_patterns_and_those_put_together_are_known() -> None:
    assert len(PATTERNS) > 60
    made = {name for name, call in _calls() if not isinstance(call.args[0], ast.Constant)}
    assert made == set(MADE)


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_no_text_costs_a_pattern_of_ours_more_than_its_length(pattern: str) -> None:
    """SEC-16: twice the text is twice the steps, or nearly."""
    for count in (backtracking.steps, backtracking.seeking):
        if count is backtracking.steps or pattern in SOUGHT:
            once, twice = (_work(PATTERNS[pattern], length, count) for length in (24, 48))
            assert twice <= 2.7 * once


Count = Callable[[re.Pattern[str], str], int]


def _work(pattern: re.Pattern[str], length: int, count: Count = backtracking.steps) -> int:
    texts = backtracking.attacks(pattern, length)
    return max((count(pattern, text) for text in texts), default=1)


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|a)*$", r"(a|aa)+$", r"(.?){60}x", r"(a*)*b"])
def test_the_count_finds_what_tries_for_ever(pattern: str) -> None:
    with pytest.raises(backtracking.TooManyError):
        _work(re.compile(pattern), 24)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("(a+)+", "a" * 60_000 + "b", False),
        ("(a|a)*", "a" * 60_000, True),
        ("/api/.*", "/api/x", True),
        ("a", "ab", False),
        ("a|ab", "ab", True),
        ("^a$", "a\n", False),
        (".*", "a\nb", False),
    ],
)
def test_a_pattern_of_others_is_matched_in_linear_time(
    pattern: str, text: str, matches: bool
) -> None:
    """SEC-16."""
    assert re2.matches(pattern, text) is matches


def test_a_pattern_may_be_found_within_and_without_regard_to_case() -> None:
    assert re2.matches("B", "abc", fold=True, within=True)
    assert not re2.matches("B", "abc", within=True)


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)", r"(a)\1", "(", "*", "a)|(b", "a" * 1025, "a" * (1 << 20), r"(\w{50}){50}", "(" * 500],
)
def test_what_re2_does_not_take_is_not_tried(pattern: str) -> None:
    """SEC-16: a pattern of 1 MiB, too."""
    assert not re2.is_readable(pattern)
    with pytest.raises(re2.UnreadableError):
        re2.matches(pattern, "a")


def test_a_text_longer_than_any_header_is_not_tried() -> None:
    with pytest.raises(re2.UnreadableError):
        re2.matches("a*", "a" * (re2.MOST_TEXT + 1))
