"""The table of docs/security.md is what the tests say: each id stands in the files it names."""

import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "security.md"
ID = re.compile(
    r"(?<![a-z0-9])(SEC[-_ ][0-9]{2}|P[-_]GIT[-_][0-9]{2}|P[-_](?:SLK|GH))(?![a-z0-9])",
    re.IGNORECASE,
)
ROW = re.compile(r"^\| ((?:SEC|P)-[A-Z0-9-]+) \| [^|]+ \| ([^|]+) \|$")


def written() -> dict[str, set[str]]:
    """By id, the test files that the page names."""
    rows = (ROW.match(line) for line in PAGE.read_text().splitlines())
    return {row[1]: set(re.findall(r"`([^`]+)`", row[2])) for row in rows if row}


def named() -> dict[str, set[str]]:
    """By id, the test files that name it."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in TESTS.rglob("test_*.py"):
        for one in ID.findall(file.read_text()) if file != Path(__file__) else ():
            found[re.sub("[_ ]", "-", one).upper()].add(str(file.relative_to(TESTS)))
    return found


def test_each_id_of_the_page_is_named_by_its_tests_and_each_test_by_the_page() -> None:
    known = named()
    assert written() == {name: known.get(name, set()) for name in {*written(), *known}}
