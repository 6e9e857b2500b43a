"""What a terminal is drawn: wrapped between words, in colours; a pipe imports nothing of this."""

import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress import track
from rich.text import Text

from rollout.cli import settings

T = TypeVar("T")
STYLES: Mapping[str, str] = {
    "Healthy": "green",
    "Progressing": "cyan",
    "Paused": "yellow",
    "RollingBack": "magenta",
    "Degraded": "red",
}
GAP = "  "
LEAST = 36
"""Columns that a sentence needs to stand beside others."""
NARROWEST = 12
"""Columns that a line has at least, whatever the screen says of itself."""
USUAL = 80


_BEGIN = re.compile(r".{0,20}  (?=\S)")
"""What stands before the sentence of a line: the cells before the last gap."""


class Hung:
    """A line whose sentence goes on below its own beginning where the screen is too narrow."""

    def __init__(self, text: str, style: str = "") -> None:
        self._text = text
        self._style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The line, wrapped between words."""
        if options.max_width >= len(self._text):
            yield Text(self._text, style=self._style)
            return
        begin = _BEGIN.match(self._text)
        before = begin.group() if begin else ""
        under = " " * (len(before) or len(GAP))
        lines = _wrapped(self._text[len(before) :], options.max_width - len(under))
        yield Text(f"\n{under}".join([before + lines[0], *lines[1:]]), style=self._style)


class Beside:
    """A line, and what may stand fainter behind it, or below where there is no room."""

    def __init__(self, line: Text, faint: str) -> None:
        self._line = line
        self._faint = faint

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One line or two."""
        behind = f"{GAP}{self._faint}".rstrip()
        if len(self._line.plain) + len(behind) <= options.max_width:
            yield Text.assemble(self._line, (behind, "dim"))
            return
        yield self._line
        yield Text(behind, style="dim")


def console(*, errors: bool = False) -> Console:
    """Where words go: wrapped between words on a terminal, whole lines elsewhere."""
    piped = not (sys.stderr if errors else sys.stdout).isatty()
    made = Console(
        stderr=errors,
        no_color=settings.is_plain() or piped,
        width=1000 if piped else None,
        highlight=False,
        soft_wrap=piped,
        markup=False,
    )
    if made.width < 1:  # COLUMNS=0: whoever started us does not know
        made.width = USUAL
    return made


def sentence(text: str, *, errors: bool) -> None:
    """One sentence, as it is; one that is indented goes on below its own beginning."""
    indented = text.startswith(GAP) and "\n" not in text
    console(errors=errors).print(Hung(text) if indented else Text(text))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """``rows`` under ``head``, fitted; the sentence in the last column is never cut."""
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


def facts(rows: Sequence[Sequence[str]]) -> None:
    """Labels and texts, a label once for its texts; what follows a text is faint."""
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


def styled(lines: Iterable[tuple[str, str]]) -> None:
    """Each line in its style."""
    screen = console()
    for text, style in lines:
        screen.print(Hung(text, style))


def progress(work: Sequence[T], doing: str) -> Iterable[T]:
    """``work``, with a bar on stderr."""
    return track(work, doing, console=console(errors=True))


def _style(cell: str, number: int) -> str:
    return "bold" if number == 0 else STYLES.get(cell.strip(), "")


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of whole words; a word longer than a line keeps its end by taking another line."""
    return textwrap.wrap(text, max(width, NARROWEST), break_on_hyphens=False) or [""]
