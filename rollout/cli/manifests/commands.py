"""What the commands of this room take that need the nouns; their work is imported when called."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rollout.cli import options
from rollout.cli.output import Format, Output
from rollout.cli.settings import is_there
from rollout.errors import GIVEN


def _there(paths: list[Path]) -> list[Path]:
    """The paths, all of which are there; typer's own check knows no ``-`` as a Path."""
    for path in paths:
        if str(path) != "-" and not is_there(path):
            raise typer.BadParameter(f"path {str(path)[:GIVEN]!r} does not exist.")
    return paths


def in_cluster(path: Path) -> bool:
    """Whether it names an upgrade of the cluster, ``upgrade/mesh``, and no file."""
    return path.parts[:1] == ("upgrade",) and len(path.parts) == 2 and not is_there(path)


def _there_or_in_cluster(paths: list[Path]) -> list[Path]:
    _there([path for path in paths if not in_cluster(path)])
    return paths


Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Files, or folders of them; - is what comes in by a pipe.",
        callback=_there,
        show_default=False,
    ),
]
Plannable = Annotated[
    list[Path],
    typer.Argument(
        help="Files, or folders of them; - is what comes in by a pipe; or upgrade/NAME.",
        callback=_there_or_in_cluster,
        show_default=False,
    ),
]


class PlanFormat(StrEnum):
    """How a plan is told."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"
    YAML = "yaml"


def validate(
    paths: Paths,
    form: Output = Format.TABLE,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")] = False,
) -> None:
    """Check manifests: every mistake with its file and line, and what is wanted instead.

    Exit code 0 when all are good, 2 when any is not, or when there is only another project's
    kind of the same name.
    Other people's kinds are passed over, and the routes among them are looked at: a step that
    they leave without effect is a mistake.
    In a pipe: kustomize build . | rollout validate -
    """
    from rollout.cli.manifests import validate as work  # noqa: PLC0415

    work.validate(paths, form, quiet=quiet)


def plan(
    context: typer.Context,
    paths: Plannable,
    live: Annotated[
        bool, typer.Option("--cluster", help="Against the cluster, not only these files.")
    ] = False,
    brief: Annotated[bool, typer.Option("--brief", help="The timeline, without diffs.")] = False,
    prometheus: Annotated[
        str, options.setting("prometheus", "Its URL, for a forecast of each step; with --cluster.")
    ] = "",
    form: Annotated[PlanFormat, typer.Option("--output", "-o")] = PlanFormat.TABLE,
) -> None:
    """Show every patch that a push of these manifests would lead to, step by step.

    The journey is rehearsed by the controller's own core, on copies.
    VirtualServices, DestinationRules, Services and Deployments are taken from the files,
    and with --cluster from the cluster.
    Of a ControlPlaneUpgrade it shows the waves: what each restarts, and what is in its way.
    """
    from rollout.cli.manifests import plan as work  # noqa: PLC0415

    given = options.chosen(context)
    work.plan(given, paths, prometheus, form, live=live, brief=brief)


def preflight(
    context: typer.Context,
    name: str = typer.Argument("", help="One Rollout, or upgrade/NAME; default: all Rollouts."),
    namespace: options.Namespace = "",
    everywhere: options.Everywhere = False,
    form: Output = Format.TABLE,
) -> None:
    """Say what stands in a rollout's way: rules over the mesh's objects and the pods.

    Exit code 1 when anything would block the journey's start.
    """
    from rollout.cli.manifests import preflight as work  # noqa: PLC0415

    work.preflight(options.chosen(context), name, namespace, form, everywhere=everywhere)


def convert(
    paths: Paths,
    form: Annotated[
        Format, typer.Option("--output", "-o", help="yaml and a report, or json of both.")
    ] = Format.YAML,
    strict: Annotated[bool, typer.Option(help="Exit code 1 where a field is lost.")] = False,
) -> None:
    """Turn Argo Rollouts' and Flagger's objects into ours, and say what became of each field.

    Manifests go to standard output, the report to standard error: converted, changed (how), lost
    (why, and what to do), what must be mended by hand, and the hand-over in order.
    Give the Deployments, Services and MetricTemplates that they name, too.
    Exit code 2 where nothing of either is found, or a file cannot be read.
    """
    from rollout.cli.manifests import convert as work  # noqa: PLC0415

    work.convert(paths, form, strict=strict)
