"""``validate``: every mistake of every manifest, as ``file:line: found; wanted``."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from rollout.cli import output
from rollout.cli.exits import Exit
from rollout.cli.output import Format, Output
from rollout.errors import ManifestError
from rollout.manifest import load
from rollout.manifest.load import Loaded, Manifest

Paths = Annotated[
    list[Path], typer.Argument(help="Files, or folders of them.", exists=True, show_default=False)
]
_ENDINGS = {".yaml", ".yml", ".json"}


def validate(
    paths: Paths,
    form: Output = Format.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")] = False,
) -> None:
    """Check manifests: every mistake with its file and line, and what is wanted instead.

    Exit code 0 when all are good, 2 when any is not.
    Other people's kinds are passed over.
    """
    found = [load.text(str(path), path.read_bytes()) for path in files(paths)]
    errors = [error for one in found for error in one.errors]
    good = [manifest for one in found for manifest in one.manifests]
    if form in (Format.JSON, Format.YAML):
        output.machine(form, _plain(good, errors), [])
    else:
        _say(form, found, quiet=quiet)
    if errors:
        raise typer.Exit(Exit.INPUT)


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every manifest file at or below ``paths``, sorted within each; a file named is taken as is.

    Hidden folders are passed over.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        below = (each for each in path.rglob("*") if each.suffix in _ENDINGS and each.is_file())
        for each in sorted(below):
            if not any(part.startswith(".") for part in each.relative_to(path).parts):
                yield each


def _say(form: Format, found: list[Loaded], *, quiet: bool) -> None:
    errors = [error for one in found for error in one.errors]
    good = [manifest for one in found for manifest in one.manifests]
    for error in errors:
        print(error)
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
        return "nothing of ours found; manifests of apiVersion rollout.dev/v1alpha1 are wanted"
    mistakes = f"{errors} mistake{'s' if errors != 1 else ''}" if errors else "no mistakes"
    return f"{good} manifest{'s' if good != 1 else ''} good, {mistakes}"


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
