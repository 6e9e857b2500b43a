"""The page of every command, from the parser itself."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from rollout.cli import exits
from rollout.cli.main import Commands

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
HEAD = """# Commands

Generated from the parser by `make generate`; `rollout COMMAND --help` says the same.

`--kubeconfig` and `--context` may stand before or behind any command; without them the \
cluster is the one that `kubectl` would ask.
A name is a Rollout's; `upgrade/NAME` is a ControlPlaneUpgrade, `switchover/NAME` a \
ClusterSwitchover.
Colours go with `NO_COLOR` or `TERM=dumb`; in a pipe every line is whole.
"""
PANELS = {
    "Look": "What is",
    "Ask": "What a person may ask",
    "Manifests": "Before a push",
    "Run": "Run",
}


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Exit codes\n", "| code | meaning |", "| --- | --- |"]
    parts += [f"| {line.replace('  ', ' | ', 1)} |" for line in exits.TABLE.split("\n\n")]
    for panel, title in PANELS.items():
        parts.append(f"\n## {title}")
        for name, entry in Commands.entries.items():
            if entry.panel == panel:
                parts += _command(f"rollout {name}", entry.load(name))
    return "\n".join(parts) + "\n"


def _command(path: str, command: Any) -> Iterator[str]:
    if hasattr(command, "commands"):
        for name in command.commands:
            yield from _command(f"{path} {name}", command.commands[name])
        return
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join([path, *map(_usage, arguments)])
    yield f"\n### {path}\n\n    {usage}{' [OPTIONS]' if options else ''}\n"
    yield _text(command.help or "")
    rows = [_row(one) for one in (*arguments, *options) if _shown(one)]
    if rows:
        yield "\n| option | meaning | default |\n| --- | --- | --- |"
        yield from rows


def _usage(argument: Any) -> str:
    name = argument.name.upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _shown(parameter: Any) -> bool:
    return parameter.name not in ("help", "install_completion", "show_completion")


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{parameter.name.upper()}`"
    else:
        name = ", ".join(f"`{flag}`" for flag in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    if isinstance(default, Enum):
        name += f": {', '.join(f'`{word.value}`' for word in type(default))}"
    told = default not in (None, "", False, ()) and not callable(default)
    value = f"`{getattr(default, 'value', default)}`" if told else ""
    return f"| {name} | {_cell(parameter.help or '')} | {value} |"


def _text(words: str) -> str:
    """Help as Markdown: paragraphs without the parser's own marks."""
    parts = (" ".join(part.split()) for part in words.replace("\b", "").split("\n\n"))
    return "\n\n".join(part for part in parts if part)


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")
