"""Words for a pull request or a job summary, as Markdown; nothing is sent from here."""

from collections.abc import Iterator

from rollout.messages import planned as words
from rollout.messages.planned import Planned


def plan(planned: Planned) -> str:
    """The plan: a timeline as a table, and the exact patches to fold out."""
    return "\n".join(_plan(planned))


def _plan(planned: Planned) -> Iterator[str]:
    title = f"{planned.rollout.key}: `{planned.stable}` → `{planned.canary}`"
    yield from (f"### {title}, {planned.strategy}", "")
    for note in planned.notes:
        yield from (f"> ⚠️ {_cell(note)}", "")
    yield from ("| from | canary | what | gate |", "| ---: | ---: | --- | --- |")
    for moment in planned.moments:
        gate = words.gate(moment.step) if moment.step else ""
        gate = f"{gate}; {moment.forecast}" if moment.forecast else gate
        at = words.span(moment.at)
        yield f"| {at} | {moment.weight}% | {_cell(moment.because)} | {_cell(gate)} |"
    yield from ("", f"{_cell(planned.ends)}.", "")
    yield from _patches(planned)


def _patches(planned: Planned) -> Iterator[str]:
    for moment in planned.moments:
        for change in moment.changes:
            summary = f"{words.span(moment.at)}: {change.object}"
            yield from (f"<details><summary>{summary}</summary>", "", "```diff")
            yield from words.diff(change)
            yield from ("```", "", "</details>", "")


def _cell(text: str) -> str:
    """``text`` where neither a pipe nor a tag can end what it stands in."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
