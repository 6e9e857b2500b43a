"""The options that many commands share, said once."""

from typing import Annotated, Any

import typer

from rollout.cli import forms
from rollout.cli.settings import NAMES, Settings

Namespace = Annotated[
    str, typer.Option("--namespace", "-n", help="Namespace; default: the context's.")
]
Own = Annotated[str, typer.Option(help="Where the controller's pods run.", callback=forms.name)]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="In all namespaces.")]
Name = Annotated[
    str,
    typer.Argument(help="A Rollout's name, upgrade/NAME or switchover/NAME.", show_default=False),
]
RolloutName = Annotated[str, typer.Argument(help="The Rollout's name.", show_default=False)]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Do not wait until the controller has acted on it.")
]
Why = Annotated[
    str, typer.Option("--reason", help="Why, in a few words; history and events show it.")
]


def _readable(text: str) -> str:
    """The text of a duration; what is none is the caller's mistake, and never a traceback."""
    from rollout.model import units  # noqa: PLC0415 - a third of a second that --help need not wait

    try:
        units.duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return text


Timeout = Annotated[
    str, typer.Option(help="Wait at most this long: 90s, 5m, 2h.", callback=_readable)
]


_FORMS = {"prometheus": forms.url, "istiod": forms.urls}
"""What the text of a setting is held against."""


def setting(name: str, means: str, *flags: str, limits: tuple[int, int] | None = None) -> Any:
    """The option of one setting; its environment variable says it, too. ``limits``: of a number."""
    least, most = limits or (None, None)
    return typer.Option(
        *flags,
        envvar=NAMES[name],
        show_envvar=False,
        help=means,
        min=least,
        max=most,
        callback=_FORMS.get(name),
    )


def chosen(context: typer.Context) -> Settings:
    """What the options before the command said of the cluster."""
    found = context.obj
    return found if isinstance(found, Settings) else Settings()
