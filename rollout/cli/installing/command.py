"""``install``: all that runs the controller, printed or compared with what a cluster has."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout import yamltext
from rollout.cli import forms, options, output
from rollout.cli.exits import Exit
from rollout.cli.installing.workload import IMAGE, Installation
from rollout.cli.manifests import crds, rbac
from rollout.controller.rights import MOST_SHARDS
from rollout.errors import RefusedError

if TYPE_CHECKING:
    from rollout.cli.installing.compare import Comparison

Json = dict[str, Any]


def install(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    namespace: Annotated[
        str,
        typer.Option(
            *("--namespace", "-n"),
            help="Act in this one only; default: in all.",
            callback=forms.name,
        ),
    ] = "",
    own: options.Own = rbac.OWN,
    replicas: Annotated[int, typer.Option(help="One leads, the others wait.", min=1)] = 2,
    image: Annotated[
        str, typer.Option(help="The controller's image.", callback=forms.image)
    ] = IMAGE,
    prometheus: Annotated[str, typer.Option(help="Prometheus' URL.", callback=forms.url)] = "",
    istiod: Annotated[
        str,
        typer.Option(help="istiod's /debug/syncz URLs, with commas.", callback=forms.urls),
    ] = "",
    policy: Annotated[
        Path | None, typer.Option(help="File: what manifests may ask of the controller.")
    ] = None,
    audit: Annotated[
        str,
        typer.Option(
            help="PersistentVolumeClaim of the audit log; -: on stdout.", callback=forms.claim
        ),
    ] = "",
    shards: Annotated[
        int, typer.Option(help="Leases that share the namespaces.", min=1, max=MOST_SHARDS)
    ] = 1,
    diff: Annotated[
        bool, typer.Option("--diff", help="Compare with the cluster; exit code 1: it differs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print only, which is the default.")
    ] = False,
) -> None:
    """Print all that runs the controller in a cluster, or compare it with what is there.

    Nothing is ever written: rollout install | kubectl apply --server-side -f -
    """
    if diff and dry_run:
        raise RefusedError("--diff and --dry-run: one of the two is wanted")
    made = Installation(
        own, namespace, replicas, image, prometheus, istiod, _read(policy), audit, shards
    )
    if not diff:
        print(crds.text(), "---\n", yamltext.documents(made.manifests()), sep="", end="")
        return
    _tell(asyncio.run(_compared(context, [*crds.definitions(), *made.manifests()])))


def _tell(found: "list[Comparison]") -> None:
    from rollout.cli.installing import compare  # noqa: PLC0415 - its client, with --diff alone

    for each in found:
        print(each.text(), end="")
    output.say(compare.summary(found))
    if any(each.differs for each in found):
        raise typer.Exit(Exit.FAILED)


async def _compared(context: typer.Context, objs: list[Json]) -> "list[Comparison]":
    from rollout.cli import cluster  # noqa: PLC0415 - its client, with --diff alone
    from rollout.cli.installing import compare  # noqa: PLC0415

    async with cluster.connected(options.chosen(context)) as connection:
        return [await compare.with_cluster(connection.objects, obj) for obj in objs]


def _read(path: Path | None) -> str:
    """The policy's text, once it is known to be one."""
    if path is None:
        return ""
    from rollout.cli import policy as policies  # noqa: PLC0415 - manifests' reader, seldom needed

    policies.read(str(path))
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{path}: cannot be read; --policy must name a readable file") from error
