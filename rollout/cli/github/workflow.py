"""What a GitHub workflow reads from a step: commands in its output, and the files that it names.

Whatever comes from a manifest, a branch or a cluster is data here: it can neither begin a command
nor end the one that it stands in.
Sources: docs.github.com, "Workflow commands for GitHub Actions"; actions/toolkit,
packages/core/src/command.ts (which characters are escaped).
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SUMMARY_LIMIT = 1_000_000  # bytes; GitHub drops a step's summary of more than 1 MiB whole


@dataclass(frozen=True, slots=True)
class Annotation:
    """A message beside a line of a file; ``line`` 0: beside the file, ``file`` empty: the run."""

    message: str
    file: str = ""
    line: int = 0
    title: str = ""
    level: str = "error"

    def command(self) -> str:
        """The workflow command, one line."""
        given = {"file": self.file, "line": str(self.line or ""), "title": self.title}
        properties = ",".join(f"{key}={_property(value)}" for key, value in given.items() if value)
        return f"::{self.level}{' ' if properties else ''}{properties}::{_data(self.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


@contextmanager
def group(title: str) -> Iterator[None]:
    """Lines printed inside fold under ``title``, and none of them is taken for a command."""
    token = secrets.token_hex(16)
    print(f"::group::{_data(title)}", flush=True)
    print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", flush=True)
        print("::endgroup::", flush=True)


@dataclass(frozen=True, slots=True)
class Files:
    """The files by which a step speaks; None where the runner named none (outside of GitHub)."""

    output: Path | None
    summary: Path | None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Files":
        named = (environment.get(name, "") for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"))
        output, summary = (Path(name) if name else None for name in named)
        return cls(output, summary)

    def set_outputs(self, values: Mapping[str, str]) -> None:
        """The step's outputs; a value of any lines ends where its random mark stands."""
        if self.output is None:
            return
        with self.output.open("a", encoding="utf-8") as file:
            for name, value in values.items():
                mark = f"rollout_{secrets.token_hex(16)}"
                file.write(f"{name}<<{mark}\n{value}\n{mark}\n")

    def add_summary(self, markdown: str) -> None:
        """``markdown`` on the run's page, cut where GitHub would drop all of it."""
        if self.summary is None:
            return
        text = cut(markdown, SUMMARY_LIMIT)
        with self.summary.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def cut(markdown: str, limit: int) -> str:
    """``markdown`` in at most ``limit`` bytes, whole lines, and said where some are missing."""
    if len(markdown.encode()) <= limit:
        return markdown
    note = "\n\n_The rest is too long to be shown here; run `rollout plan` to see it._"
    kept = markdown.encode()[: limit - len(note.encode()) - 16].decode(errors="ignore")
    lines = kept.rpartition("\n")[0]
    fence = "\n```" if _open_fence(lines) else ""
    return f"{lines}{fence}{note}"


def _open_fence(markdown: str) -> bool:
    return sum(line.startswith("```") for line in markdown.splitlines()) % 2 == 1
