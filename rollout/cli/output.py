"""What a command prints: tables for people, the cluster's own objects for machines."""

import json
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.text import Text

from rollout.cli import settings
from rollout.messages import terminal
from rollout.model.status import visible

STYLES: Mapping[str, str] = {
    "Healthy": "green",
    "Progressing": "cyan",
    "Paused": "yellow",
    "RollingBack": "magenta",
    "Degraded": "red",
}


class Format(StrEnum):
    """How a command answers."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


Output = Annotated[Format, typer.Option("--output", "-o", help="How to answer.")]


def console(*, errors: bool = False) -> Console:
    """Where words go: wrapped between words on a terminal, whole lines elsewhere."""
    stream = sys.stderr if errors else sys.stdout
    piped = not stream.isatty()
    return Console(
        stderr=errors,
        no_color=settings.is_plain() or piped,
        width=1000 if piped else None,
        highlight=False,
        soft_wrap=piped,
        markup=False,
    )


def redraws() -> bool:
    """Whether a picture can be drawn anew in its place; else each change is a line."""
    return sys.stdout.isatty() and not settings.is_dumb()


def line(text: str) -> None:
    """One line of an answer."""
    console().print(Text(plain(text)))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """``rows`` under ``head``: fitted to a terminal, or aligned and unbroken for a pipe.

    The last column is a sentence. Where a terminal has no room for it beside the others, it stands
    on lines of its own: no word is broken, and nothing is left out.
    """
    rows = [tuple(map(plain, row)) for row in rows]
    if not sys.stdout.isatty():
        print(terminal.aligned([head, *rows]))
        return
    screen = console()
    widths = [
        max(map(len, column)) for column in zip(head[:-1], *(r[:-1] for r in rows), strict=True)
    ]
    room = screen.width - sum(widths) - len(GAP) * len(widths)
    for number, row in enumerate([head, *rows]):
        cells = [f"{cell:<{width}}{GAP}" for cell, width in zip(row, widths, strict=False)]
        line = Text.assemble(*((cell, _style(cell, number)) for cell in cells))
        if room >= LEAST or len(row[-1]) <= room:
            beside = _wrapped(row[-1], max(room, 1))
            line.append(beside[0], style="bold" if number == 0 else "")
            screen.print(line)
            for rest in beside[1:]:
                screen.print(Text(" " * (screen.width - room) + rest))
        else:
            line.rstrip()
            screen.print(line)
            for rest in _wrapped(row[-1], screen.width - len(GAP)) if number else ():
                screen.print(Text(GAP + rest))


GAP = "  "
LEAST = 36
"""Columns that a sentence needs to stand beside others."""


def _style(cell: str, number: int) -> str:
    return "bold" if number == 0 else STYLES.get(cell.strip(), "")


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of whole words; a word longer than a line keeps its end by taking another line."""
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def facts(said: Iterable[Sequence[str]]) -> None:
    """Labels and texts, one pair a line, and what may stand fainter behind a text.

    A label is said once for its texts.
    """
    rows = [tuple(map(plain, row[:3])) for row in said]
    if not sys.stdout.isatty():
        print(terminal.aligned((row[0], "  ".join(filter(None, row[1:]))) for row in rows))
        return
    screen = console()
    wide = max((len(row[0]) for row in rows), default=0)
    before = ""
    for label, text, *faint in rows:
        shown = "" if label == before else label
        lines = _wrapped(text, screen.width - wide - len(GAP))
        whole = Text.assemble((f"{shown:<{wide}}{GAP}", "bold"))
        phase = STYLES.get(text.split(" ")[0], "")
        whole.append(f"\n{' ' * wide}{GAP}".join(lines), style=phase)
        for part in filter(None, faint):
            fits = len(lines[-1]) + len(part) + wide + 2 * len(GAP) <= screen.width
            whole.append(GAP if fits else f"\n{' ' * wide}{GAP}")
            whole.append(part, style="dim")
        screen.print(whole)
        before = label


def machine(form: Format, value: Any, names: Iterable[str]) -> None:
    """``value`` as JSON or YAML, or only ``names``, one a line."""
    match form:
        case Format.JSON:
            print(json.dumps(value, indent=2))
        case Format.YAML:
            print(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), end="")
        case Format.NAME | Format.TABLE:
            print("\n".join(names))


def items(objs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``objs`` as kubectl lists several."""
    return {"apiVersion": "v1", "kind": "List", "items": [dict(obj) for obj in objs]}


def name_of(obj: Mapping[str, Any]) -> str:
    """``rollout.rollout.dev/reviews``, as ``kubectl -o name`` has it."""
    return f"rollout.rollout.dev/{obj['metadata']['name']}"


def say(text: str) -> None:
    """One line to people who read along; never part of an answer to a machine."""
    console(errors=True).print(plain(text))


def plain(text: str) -> str:
    """``text``, part of which others may have written, without what would steer the terminal."""
    return "\n".join(map(visible, text.split("\n")))
