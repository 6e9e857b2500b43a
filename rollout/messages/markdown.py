"""Words for a pull request or a job summary, as Markdown; nothing is sent from here."""

import re
from collections.abc import Iterable, Iterator

from rollout.messages import planned as words
from rollout.messages.planned import Planned


def plan(planned: Planned) -> str:
    """The plan: a timeline as a table, and the exact patches to fold out."""
    return "\n".join(_plan(planned))


def _plan(planned: Planned) -> Iterator[str]:
    sides = " → ".join(f"`{code(name)}`" for name in planned.sides)
    title = f"{cell(planned.rollout.key)}: {sides}"
    yield from (f"### {title}, {planned.strategy}", "")
    for note in planned.notes:
        yield from (f"> ⚠️ {cell(note)}", "")
    yield from ("| from | canary | what | gate |", "| ---: | ---: | --- | --- |")
    for moment in planned.moments:
        gate = words.gate(moment.step) if moment.step else ""
        gate = f"{gate}; {moment.forecast}" if moment.forecast else gate
        at = words.span(moment.at)
        yield f"| {at} | {moment.weight}% | {cell(moment.because)} | {cell(gate)} |"
    yield from ("", f"{cell(planned.ends)}.", "")
    yield from _patches(planned)


def _patches(planned: Planned) -> Iterator[str]:
    for moment in planned.moments:
        for change in moment.changes:
            summary = f"{words.span(moment.at)}: {cell(change.object)}"
            lines = list(words.diff(change))
            ticks = fence(lines)
            yield from (f"<details><summary>{summary}</summary>", "", f"{ticks}diff")
            yield from lines
            yield from (ticks, "", "</details>", "")


def fenced(lines: Iterable[str]) -> str:
    """Lines as they stand on a terminal, in a block of their own."""
    kept = list(lines)
    ticks = fence(kept)
    return "\n".join((f"{ticks}text", *kept, ticks))


def fence(lines: Iterable[str]) -> str:
    """More backticks than any run in ``lines``, so that none of them ends the block."""
    runs = [len(run) for line in lines for run in re.findall("`+", line)]
    return "`" * max(3, max(runs, default=0) + 1)


def code(text: str) -> str:
    """``text`` between two backticks."""
    return " ".join(text.replace("`", "'").split())


def cell(text: str) -> str:
    """``text`` that can neither end what it stands in, nor be a link, a picture, or a mention."""
    escaped = re.sub(r"([\\|`*_\[\]!#~])", r"\\\1", text)
    return (
        escaped.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace("@", "@&#8203;")
        .replace("\n", " ")
    )
