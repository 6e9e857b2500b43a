"""``convert``: Argo Rollouts' and Flagger's objects as ours, with what became of each field."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from rollout import yamltext
from rollout.cli import output
from rollout.cli.exits import Exit
from rollout.cli.manifests import files
from rollout.cli.output import Format
from rollout.convert.documents import converted
from rollout.convert.fields import Fate
from rollout.convert.result import Conversion
from rollout.errors import ManifestError
from rollout.manifest import load, scan


def convert(paths: Iterable[Path], form: Format, *, strict: bool) -> None:
    """Print manifests and report; ``strict``: exit code 1 where a field is lost."""
    objs = [obj for name, data in files.texts(paths) for obj in _objects(name, data)]
    made = converted(objs)
    if not made.notes:
        output.say("nothing of Argo Rollouts or Flagger found")
        raise typer.Exit(Exit.INPUT)
    text = yamltext.documents(made.objects)
    mistakes = load.text("converted.yaml", text.encode()).errors if made.objects else ()
    if form is Format.JSON:
        output.machine(form, _plain(made, mistakes), [])
    else:
        print(text, end="")
        for line in _report(made, mistakes):
            output.say(line)
    if strict and (made.count(Fate.LOST) or mistakes):
        raise typer.Exit(Exit.FAILED)


def _objects(name: str, data: bytes) -> Iterator[Mapping[str, Any]]:
    """Every object of a file, those of a List, too. Errors: ``ManifestError`` for no YAML."""
    for document in scan.documents(name, data):
        for obj in files.items(document.value):
            if isinstance(obj, dict):
                yield obj


def _report(made: Conversion, mistakes: tuple[ManifestError, ...]) -> Iterator[str]:
    before = ""
    for note in made.notes:
        if note.source != before:
            yield f"{note.source}:"
            before = note.source
        yield f"  {note.fate.value:<9}  {note.path}: {note.how}"
    counts = ", ".join(f"{made.count(fate)} {fate.value}" for fate in Fate)
    yield f"fields: {counts}"
    if mistakes:
        yield "to be mended by hand before it is applied:"
        yield from (f"  {error}" for error in mistakes)
    if made.handover:
        yield "hand-over:"
        yield from (f"  {number}. {step}" for number, step in enumerate(made.handover, 1))


def _plain(made: Conversion, mistakes: tuple[ManifestError, ...]) -> dict[str, Any]:
    return {
        "objects": [dict(obj) for obj in made.objects],
        "fields": [asdict(note) for note in made.notes],
        "mistakes": [str(error) for error in mistakes],
        "handover": list(made.handover),
    }
