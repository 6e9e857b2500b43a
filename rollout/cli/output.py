"""What a command prints: tables for people, the cluster's own objects for machines."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from rollout.cli import settings
from rollout.errors import visible

T = TypeVar("T")


class Format(StrEnum):
    """How a command answers."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


Output = Annotated[Format, typer.Option("--output", "-o", help="How to answer.")]


def redraws() -> bool:
    """Whether a picture can be drawn anew in its place; else each change is a line."""
    return sys.stdout.isatty() and not settings.is_dumb()


def line(text: str) -> None:
    """One line of an answer."""
    _print(plain(text), errors=False)


def _print(text: str, *, errors: bool) -> None:
    stream = sys.stderr if errors else sys.stdout
    if not stream.isatty():
        print(text, file=stream)
        return
    from rollout.cli import drawn  # noqa: PLC0415 - a pipe needs nothing that draws

    drawn.sentence(text, errors=errors)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """``rows`` under ``head``: fitted to a terminal, or aligned and unbroken for a pipe.

    The last column is a sentence. Where a terminal has no room for it beside the others, it stands
    on lines of its own: no word is broken, and nothing is left out.
    """
    rows = [tuple(map(plain, row)) for row in rows]
    if not sys.stdout.isatty():
        _aligned([head, *rows])
        return
    from rollout.cli import drawn  # noqa: PLC0415 - a pipe needs nothing that draws

    drawn.table(head, rows)


def _aligned(rows: Iterable[Sequence[str]]) -> None:
    from rollout.messages import terminal  # noqa: PLC0415 - --help prints nothing of ours

    print(terminal.aligned(rows))


def facts(said: Iterable[Sequence[str]]) -> None:
    """Labels and texts, one pair a line, and what may stand fainter behind a text.

    A label is said once for its texts.
    """
    rows = [tuple(map(plain, row[:3])) for row in said]
    if not sys.stdout.isatty():
        _aligned((row[0], "  ".join(filter(None, row[1:]))) for row in rows)
        return
    from rollout.cli import drawn  # noqa: PLC0415 - a pipe needs nothing that draws

    drawn.facts(rows)


def styled(lines: Iterable[tuple[str, str]]) -> None:
    """Each line as it is, with the style that a terminal has for it."""
    if not sys.stdout.isatty():
        print("\n".join(text for text, _ in lines))
        return
    from rollout.cli import drawn  # noqa: PLC0415 - a pipe needs nothing that draws

    drawn.styled(lines)


def progress(work: Sequence[T], doing: str) -> Iterable[T]:
    """``work``, while whoever reads along on a terminal sees how much of it is left."""
    if not sys.stderr.isatty():
        return work
    from rollout.cli import drawn  # noqa: PLC0415 - a pipe needs nothing that draws

    return drawn.progress(work, doing)


def machine(form: Format, value: Any, names: Iterable[str]) -> None:
    """``value`` as JSON or YAML, or only ``names``, one a line."""
    match form:
        case Format.JSON:
            print(json.dumps(value, indent=2))
        case Format.YAML:
            from rollout import yamltext  # noqa: PLC0415 - seldom asked for

            print(yamltext.document(value), end="")
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
    _print(plain(text), errors=True)


def plain(text: str) -> str:
    """``text``, part of which others may have written, without what would steer the terminal."""
    return "\n".join(map(visible, text.split("\n")))
