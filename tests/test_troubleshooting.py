"""Whoever is asked for something by a sentence finds that sentence in docs/troubleshooting.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
TROUBLE = ROOT / "docs" / "troubleshooting.md"


def entries() -> list[re.Pattern[str]]:
    """The sentences of the page, by their beginnings; ``…`` is anything."""
    heads = re.findall(r"^\| (`[^|]+) \|", TROUBLE.read_text(), re.MULTILINE)
    cells = [cell for head in heads for cell in re.findall(r"`([^`]+)`", head)]
    return [re.compile(".+".join(map(re.escape, cell.split("…")))) for cell in cells]


def asking() -> Iterator[str]:
    """Each sentence by which the core asks a person to put something right; names are ``…``."""
    for file in sorted((ROOT / "rollout" / "reconcile").glob("*.py")):
        for call in ast.walk(ast.parse(file.read_text())):
            match call:
                case ast.Call(func=ast.Name(id="Unclear" | "Reason"), args=[said, *_]):
                    yield from spoken(said)


def spoken(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in parts)


def test_every_sentence_that_asks_a_person_for_something_has_its_row() -> None:
    known = entries()
    wanted = [text for text in asking() if re.search(r"[a-z]{3}", text)]
    assert len(wanted) > 15
    assert [text for text in wanted if not any(row.match(text) for row in known)] == []


def test_a_sentence_without_a_row_would_be_found() -> None:
    assert not any(row.match("the moon is full: wait a day") for row in entries())
