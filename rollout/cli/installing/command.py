"""``install``: all that runs the controller, printed or compared with what a cluster has.

And what ``uninstall`` takes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout import yamltext
from rollout.cli import forms, options, output
from rollout.cli import policy as policies
from rollout.cli.exits import Exit
from rollout.cli.installing import checks, mounts, needs
from rollout.cli.installing.mounts import SecretEntry, Secrets
from rollout.cli.installing.workload import IMAGE, Installation
from rollout.cli.manifests import crds, rbac
from rollout.controller.rights import MOST_SHARDS
from rollout.errors import RefusedError

if TYPE_CHECKING:
    from rollout.cli.installing.compare import Comparison

Json = dict[str, Any]


def _option(means: str, form: Callable[[str], str] | None, panel: str) -> Any:
    return typer.Option(help=means, callback=form, rich_help_panel=panel)


_SETTINGS, _SECRETS, _RIGHTS = "Settings of the controller", "Secrets", "Rights"


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
    prometheus: Annotated[str, _option("Prometheus' URL.", forms.url, _SETTINGS)] = "",
    tenant: Annotated[
        str, _option("X-Scope-OrgID, for Mimir, Cortex and Loki.", None, _SETTINGS)
    ] = "",
    istiod: Annotated[
        str, _option("istiod's /debug/syncz URLs, with commas.", forms.urls, _SETTINGS)
    ] = "",
    page: Annotated[
        str, _option("HOST:PORT of the page, such as 0.0.0.0:8081.", forms.address, _SETTINGS)
    ] = "",
    policy: Annotated[
        Path | None,
        typer.Option(
            help="File: what manifests may ask of the controller.", rich_help_panel=_SETTINGS
        ),
    ] = None,
    audit: Annotated[
        str,
        _option("PersistentVolumeClaim of the audit log; -: on stdout.", forms.claim, _SETTINGS),
    ] = "",
    shards: Annotated[
        int,
        typer.Option(
            help="Leases that share the namespaces.",
            min=1,
            max=MOST_SHARDS,
            rich_help_panel=_SETTINGS,
        ),
    ] = 1,
    log_level: Annotated[str, _option("debug, info, warning.", forms.level, _SETTINGS)] = "info",
    prometheus_token: Annotated[
        str, _option("NAME[/ENTRY] of Prometheus' bearer token.", forms.entry, _SECRETS)
    ] = "",
    prometheus_ca: Annotated[
        str, _option("NAME[/ENTRY] of Prometheus' CA.", forms.entry, _SECRETS)
    ] = "",
    slack_secret: Annotated[
        str, _option("The policy's slack names its files.", forms.name, _SECRETS)
    ] = mounts.SLACK_SECRET,
    push_secret: Annotated[
        str, _option("The policy's push names its file.", forms.name, _SECRETS)
    ] = "",
    oidc_secret: Annotated[
        str, _option("The policy's page.oidc names its files.", forms.name, _SECRETS)
    ] = "",
    grant: Annotated[
        list[str] | None,
        typer.Option(help="Also this right: manifests, upgrades.", rich_help_panel=_RIGHTS),
    ] = None,
    withhold: Annotated[
        list[str] | None,
        typer.Option(help="Not this one, such as secrets.", rich_help_panel=_RIGHTS),
    ] = None,
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
        own=own,
        only=namespace,
        replicas=replicas,
        image=image,
        prometheus=prometheus,
        tenant=tenant,
        istiod=istiod,
        page=page,
        policy=_text(policy),
        audit=audit,
        shards=shards,
        log_level=log_level,
        secrets=Secrets(
            slack_secret,
            push_secret,
            oidc_secret,
            SecretEntry.read(prometheus_token, mounts.TOKEN.key),
            SecretEntry.read(prometheus_ca, mounts.CA.key),
        ),
        needs=needs.chosen(grant or (), withhold or ()),
    )
    checks.check(made, policies.read("" if policy is None else str(policy)))
    if not diff:
        print(crds.text(), "---\n", yamltext.documents(made.manifests()), sep="", end="")
        return
    import asyncio  # noqa: PLC0415 - with --diff alone

    _tell(asyncio.run(_compared(context, [*crds.definitions(), *made.manifests()])))


def uninstall(
    context: typer.Context,
    own: Annotated[str, typer.Option(help="Where the controller's pods ran.")] = rbac.OWN,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say only what would be let go.")
    ] = False,
) -> None:
    """Let go of every object of ours, so that the controller can go; traffic stays.

    Traffic stays where it is, also in the middle of a journey; no route and no pod is touched.
    The controller must have ended: it would hold its objects again.
    """
    from rollout.cli.installing import leave  # noqa: PLC0415

    leave.uninstall(options.chosen(context), own, dry_run=dry_run)


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


def _text(path: Path | None) -> str:
    """The policy as it is written."""
    if path is None:
        return ""
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{path}: cannot be read; --policy must name a readable file") from error
