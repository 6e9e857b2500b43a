"""What a command prints: tables for people, the cluster's own objects for machines."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rollout.cli import settings
from rollout.messages import terminal

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


def line(text: str) -> None:
    """One line of an answer."""
    console().print(Text(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """``rows`` under ``head``: fitted to a terminal, or aligned and unbroken for a pipe."""
    rows = list(rows)
    if not sys.stdout.isatty():
        print(terminal.aligned([head, *rows]))
        return
    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in head:
        drawn.add_column(title, overflow="fold", no_wrap=title not in ("BECAUSE", "STEP"))
    for row in rows:
        drawn.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console().print(drawn)


def facts(said: Iterable[tuple[str, str]]) -> None:
    """Labels and texts, one pair a line; a label is said once for its texts."""
    if not sys.stdout.isatty():
        print(terminal.aligned(said))
        return
    drawn = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    before = ""
    for label, text in said:
        phase = text.split(" ")[0]
        drawn.add_row("" if label == before else label, Text(text, style=STYLES.get(phase, "")))
        before = label
    console().print(drawn)


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
    console(errors=True).print(text)
