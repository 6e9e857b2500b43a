"""Whoever is asked for something by a sentence finds that sentence in docs/troubleshooting.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from rollout.analysis import words

ROOT = Path(__file__).parent.parent
TROUBLE = ROOT / "docs" / "troubleshooting.md"


def entries() -> list[re.Pattern[str]]:
    """The sentences of the page, by their beginnings; ``…`` is anything."""
    heads = re.findall(r"^\| (`[^|]+) \|", TROUBLE.read_text(), re.MULTILINE)
    cells = [cell for head in heads for cell in re.findall(r"`([^`]+)`", head)]
    return [re.compile(".+".join(map(re.escape, cell.split("…")))) for cell in cells]


ROOMS = ("reconcile", "upgrade", "gate.py", "approvals.py", "hook.py", "analysis/judge.py")
"""Where is decided what waits, stands still or is refused."""
WHY = {"Unclear": 0, "Reason": 0, "Lack": 0, "_refused": 2, "pause": 2, "paused": 2, "_Found": 2}
"""Each call that says why to a person, and which of its arguments says it."""


def files() -> Iterator[Path]:
    for room in ROOMS:
        path = ROOT / "rollout" / room
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]
    yield ROOT / "rollout" / "controller" / "sources" / "apply.py"


def asking() -> Iterator[str]:
    """Each sentence by which a person is told what to put right, or why not; names are ``…``."""
    for file in files():
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                    before = "…: " if name == "_Found" else ""  # the metric's name
                    why = spoken(args[WHY[name]]) if len(args) > WHY.get(name, 99) else ()
                    yield from (f"{before}{text}" for text in why)
                case ast.FunctionDef(name="_hold", body=body):
                    returned = [one for line in body for one in ast.walk(line)]
                    values = [one.value for one in returned if isinstance(one, ast.Return)]
                    yield from (f"commit … {t}" for v in values if v for t in spoken(v) if t)


def spoken(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from (*spoken(one), *spoken(other))


def test_every_sentence_that_asks_a_person_for_something_has_its_row() -> None:
    known = entries()
    wanted = [text for text in asking() if re.search(r"[a-z]{3}", text)]
    assert len(wanted) > 80
    assert [text for text in wanted if not any(row.match(text) for row in known)] == []


def test_a_preview_without_traffic_has_its_row() -> None:
    assert any(row.match(f"errors: {words.QUIET}") for row in entries())


def test_a_sentence_without_a_row_would_be_found() -> None:
    assert not any(row.match("the moon is full: wait a day") for row in entries())
