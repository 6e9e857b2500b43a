"""What the commands without a room of their own take; their work is imported when one is called."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from rollout.cli import options
from rollout.cli.settings import CACHE, TENANT, Settings
from rollout.controller.rights import MOST_SHARDS


def dashboard(
    context: typer.Context,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Only this one; default: all.")
    ] = "",
    port: Annotated[int, typer.Option(help="Of this machine; 0: a free one.", min=0)] = 0,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in your browser.")] = False,
) -> None:
    """Show every rollout live in a browser, until Ctrl-C.

    It sees and asks what your kubeconfig lets you; nobody without the printed address gets in.
    """
    from rollout.cli import dashboard as work  # noqa: PLC0415

    given = options.chosen(context)
    work.dashboard(Settings(given.kubeconfig, given.context, namespace), port, open_it=open_it)


def run(  # noqa: PLR0913, PLR0917 - one parameter a setting, and settings are limited to thirteen
    context: typer.Context,
    namespace: Annotated[
        str, options.setting("namespace", "Only this one; default: all.", "--namespace", "-n")
    ] = "",
    prometheus: Annotated[str, options.setting("prometheus", "Prometheus' URL.")] = "",
    prometheus_token: Annotated[
        str, options.setting("prometheus_token", "File with its bearer token.")
    ] = "",
    prometheus_ca: Annotated[str, options.setting("prometheus_ca", "File with its CA.")] = "",
    tenant: Annotated[str, options.setting("tenant", f"{TENANT}.")] = "",
    istiod: Annotated[
        str, options.setting("istiod", "istiod's /debug/syncz URLs; {address}: of each one.")
    ] = "",
    cache: Annotated[
        Path,
        options.setting("cache", "Folder of the bare git clones; unix:SOCKET: of git-reader."),
    ] = CACHE,
    listen: Annotated[str, options.setting("listen", "host:port of /metrics and /healthz.")] = "",
    page: Annotated[
        str, options.setting("page", "host:port of the page for browsers; default: none.")
    ] = "",
    policy: Annotated[str, options.setting("policy", "File: what manifests may ask of us.")] = "",
    audit: Annotated[str, options.setting("audit", "File of the audit log; -: stdout.")] = "",
    shards: Annotated[
        int,
        options.setting("shards", "Leases that share the namespaces.", limits=(1, MOST_SHARDS)),
    ] = 1,
    log_level: Annotated[str, options.setting("log_level", "debug, info, warning.")] = "info",
) -> None:
    """Run the controller until SIGTERM or Ctrl-C.

    In a cluster it acts as its service account, elsewhere with your kubeconfig.
    Each option has an environment variable: --prometheus-ca is ROLLOUT_PROMETHEUS_CA.
    """
    from rollout.cli import run as work  # noqa: PLC0415

    given = replace(
        options.chosen(context),
        namespace=namespace,
        prometheus=prometheus,
        prometheus_token=prometheus_token,
        prometheus_ca=prometheus_ca,
        tenant=tenant,
        istiod=istiod,
        cache=cache.expanduser(),
        listen=listen,
        page=page,
        policy=policy,
        audit=audit,
        shards=shards,
        log_level=log_level,
    )
    work.run(given)


def git_reader(
    socket: Annotated[Path, typer.Option(help="The controller's --cache is unix: and this.")],
    cache: Annotated[Path, typer.Option(help="Folder of the bare git clones.")],
) -> None:
    """Read git for a controller in another container of the pod, until SIGTERM.

    It needs no token, no Secret and no right: what a source needs comes with each question.
    """
    from rollout.cli import reader as work  # noqa: PLC0415

    work.read(socket, cache)
