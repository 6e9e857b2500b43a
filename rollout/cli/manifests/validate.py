"""``validate``: every mistake of every manifest, as ``file:line: found; wanted``."""

from collections.abc import Iterable
from pathlib import Path

import typer

from rollout.cli import output
from rollout.cli.exits import Exit
from rollout.cli.manifests import files
from rollout.cli.manifests.files import Given
from rollout.cli.output import Format
from rollout.errors import ManifestError
from rollout.manifest.envelope import API_VERSION
from rollout.manifest.load import Manifest
from rollout.model.units import counted


def validate(paths: Iterable[Path], form: Format, *, quiet: bool) -> None:
    """Tell of every mistake; exit code 2 where there is one. ``quiet``: of nothing else."""
    given = files.read(paths)
    errors = [*given.errors, *_beside(given)]
    wrong = {(error.file, error.line) for error in errors}
    good = [m for m in given.manifests if not any(_holds(m, file, at) for file, at in wrong)]
    if form in (Format.JSON, Format.YAML):
        output.machine(form, _plain(good, errors), [])
    else:
        _say(form, given, good, errors, quiet=quiet)
    mistaken = bool(given.doubtful) and not good
    if errors or mistaken:
        raise typer.Exit(Exit.INPUT)


def _holds(manifest: Manifest, file: str, line: int) -> bool:
    return manifest.file == file and line in (manifest.line, *manifest.lines.values())


def _beside(given: Given) -> list[ManifestError]:
    """What the objects beside say; the core is imported only where there are any to ask."""
    rollouts = any(manifest.kind == "Rollout" for manifest in given.manifests)
    if not rollouts or not given.objs or given.odd:
        return []
    from rollout.cli.manifests import beside  # noqa: PLC0415 - half a second that most need not

    return list(beside.mistakes(given.manifests, given.objs))


def _say(
    form: Format, given: Given, good: list[Manifest], errors: list[ManifestError], *, quiet: bool
) -> None:
    for error in errors:
        output.line(str(error))
    for note in given.doubtful:
        output.say(note)
    if form is Format.NAME:
        print("\n".join(f"{m.kind.lower()}.rollout.dev/{m.name}" for m in good))
        return
    if quiet:
        return
    for manifest in good:
        print(f"{manifest.file}:{manifest.line}: {manifest.kind} {manifest.name} is good")
    output.say(_summary(len(good), len(errors)))


def _summary(good: int, errors: int) -> str:
    if not good and not errors:
        return f"nothing of ours found; manifests of apiVersion {API_VERSION} are wanted"
    mistakes = counted(errors, "mistake") if errors else "no mistakes"
    return f"{counted(good, 'manifest')} good, {mistakes}"


def _plain(good: list[Manifest], errors: list[ManifestError]) -> dict[str, object]:
    return {
        "errors": [
            {"file": e.file, "line": e.line, "found": e.found, "wanted": e.wanted} for e in errors
        ],
        "manifests": [
            {"kind": m.kind, "name": m.name, "namespace": m.namespace, "file": m.file}
            | {"line": m.line}
            for m in good
        ],
    }
