"""A group of commands of which only the one that is called is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what the list of commands shows of it, and where it is.

    ``source``: ``module:attribute``, a function, a ``Typer`` or, with ``argument``, a factory.
    """

    panel: str
    help: str
    source: str
    argument: str = ""

    def load(self, name: str) -> Any:
        """The command itself, with its module imported now."""
        module, _, attribute = self.source.partition(":")
        target = getattr(import_module(module), attribute)
        if self.argument:
            target = target(self.argument)
        if isinstance(target, typer.Typer):
            group = typer.main.get_command(target)
            group.name = name
            return group
        alone = plain(no_args_is_help=False)
        alone.command(name)(target)
        return typer.main.get_command(alone)


class PanelGroup(TyperGroup):
    """Lists its commands by panel, each with all that its first paragraph says."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            panel = getattr(command, "rich_help_panel", None) or "Commands"
            told = (command.help or "").partition("\n\n")[0]
            panels.setdefault(panel, []).append((name, " ".join(told.split())))
        wide = max((len(name) for rows in panels.values() for name, _ in rows), default=0)
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl([(f"{name:<{wide}}", told) for name, told in rows])


def plain(**given: Any) -> typer.Typer:
    """A ``Typer`` whose help is plain text, as kubectl's: nothing that draws is imported for it."""
    named: dict[str, Any] = {
        "cls": PanelGroup,
        "add_completion": False,
        "no_args_is_help": True,
        **given,
    }
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, **named)


class LazyGroup(PanelGroup):
    """Lists its commands from ``entries``; imports one when it is called or completed.

    ``anywhere``: options of the group, each with a value, that are understood behind the
    command, too, as kubectl's global flags are.
    """

    entries: ClassVar[Mapping[str, Command]] = {}
    anywhere: ClassVar[Sequence[str]] = ()

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for name, entry in self.entries.items():
            self.commands[name] = TyperCommand(name, help=entry.help, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if command is None or name is None:
            return name, command, rest
        return name, self.entries[name].load(name), rest

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, hoisted(args, self.anywhere))


def hoisted(args: Sequence[str], names: Sequence[str]) -> list[str]:
    """``args`` with the options ``names`` and their values first, wherever they stood.

    What follows ``--`` stays where it is.
    """
    first: list[str] = []
    rest: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            return [*first, *rest, word, *words]
        if word in names:
            first += [word, *([value] if (value := next(words, None)) is not None else [])]
        else:
            (first if word.partition("=")[0] in names else rest).append(word)
    return [*first, *rest]
