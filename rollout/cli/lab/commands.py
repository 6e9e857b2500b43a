"""What each command of the lab takes; the lab is imported when one is called."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from rollout.cli import lazy

app = lazy.plain(help="A cluster on this machine: real Envoy, Prometheus and git.")


@app.command()
def up(
    controller: Annotated[
        bool, typer.Option(help="Start a controller, too, or leave that to you.")
    ] = True,
    shop: Annotated[
        bool, typer.Option(help="Put the demo's shop into it, or leave it empty.")
    ] = True,
    rate: Annotated[int, typer.Option(help="The shop's visitors: requests a second.")] = 50,
    data: Annotated[
        Path | None, typer.Option(help="Keep the cluster's objects in this file.")
    ] = None,
    open_it: Annotated[
        bool, typer.Option("--open", help="Open the controller's page in your browser.")
    ] = False,
) -> None:
    """Start the lab and leave it running until Ctrl-C."""
    from rollout.cli.lab import up as work  # noqa: PLC0415

    wanted = work.LabGoal(controller, rate if shop else 0, shop, data, controller and open_it)
    asyncio.run(work.up(wanted))


@app.command()
def demo(
    rate: Annotated[int, typer.Option(help="Requests a second.", min=20, max=1000)] = 150,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Of the mesh itself: Istio's control plane.")
    ] = False,
    people: Annotated[
        bool, typer.Option("--people", help="The way through people: pull request to audit log.")
    ] = False,
    switchover: Annotated[
        bool, typer.Option("--switchover", help="Instead: users move between two clusters by DNS.")
    ] = False,
) -> None:
    """Push a good release and a bad one, and show what happens to real requests.

    Exit code 0 only if the good one reached everyone and the bad one was taken back
    before it ever had more than its step's share. With --upgrade: only if the good one
    cost no request, and the bad one was taken back with all as it was.
    With --people: a pull request is checked by the Action's own steps, a signed commit is pushed
    over https, a webhook tells of it, Slack asks, a click promotes, and the commit's status is
    green; exit code 0 only if all of it happened, and once.
    """
    from rollout.cli.lab import switching, up  # noqa: PLC0415

    if switchover:
        raise typer.Exit(asyncio.run(switching.demo(rate)))
    played = up.demo_of_people(rate) if people else up.demo(rate, upgrade=upgrade)
    raise typer.Exit(asyncio.run(played))
