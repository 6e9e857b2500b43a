"""``audit``: whether a log is as it was written, and what it tells."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from rollout.audit import chain, verify
from rollout.audit.verify import File, Verdict
from rollout.cli import clock, lazy, output
from rollout.cli.exits import Exit
from rollout.cli.output import Format, Output
from rollout.edges import auditlog
from rollout.errors import RefusedError, why
from rollout.model import units
from rollout.model.audit import Act, Proof
from rollout.model.units import counted

HEAD = ("TIME", "OBJECT", "ACT", "WHO", "BECAUSE")
_ACTS = {*Act}
_SAID = ("id", "at", "kind", "object", "proof", "because")

app = lazy.plain(help="Check and read the audit log of `rollout run --audit`.")

Files = Annotated[
    list[Path], typer.Argument(help="All files of the log, in any order; .gz, too; - is stdin.")
]


@app.command("verify")
def verify_(
    files: Files,
    head: Annotated[
        str, typer.Option(help="SEQ:HASH that a verify before has printed; it must be in there.")
    ] = "",
    restarts: Annotated[
        bool, typer.Option(help="The log was stdout: each process began a chain of its own.")
    ] = False,
) -> None:
    """Say whether every line is as it was written, and name the first that is not.

    Exit code 0 only if all are whole, none is gone and all stand in their order.
    """
    found = [_file(path) for path in files]
    verdict = verify.verified(found, restarts=restarts)
    trouble = str(verdict.broken) if verdict.broken else _without(found, head)
    if trouble:
        print(trouble)
        raise typer.Exit(Exit.FAILED)
    print(_whole(verdict))


@app.command()
def show(
    files: Files,
    rollout: Annotated[
        str, typer.Option("--rollout", "-r", help="Only of NAME or NAMESPACE/NAME.")
    ] = "",
    actor: Annotated[
        str, typer.Option(help="Only by this one: slack:U0…, kubernetes, controller.")
    ] = "",
    since: Annotated[str, typer.Option(help="Only from then on: 2h, or 2026-01-31T12:00Z.")] = "",
    until: Annotated[str, typer.Option(help="Only before then.")] = "",
    form: Output = Format.TABLE,
) -> None:
    """Show who did what, oldest first; it says so if the log is not whole."""
    found = [_file(path) for path in files]
    now = clock.now()
    wanted = _Wanted(rollout, actor, _moment(since, now), _moment(until, now))
    bodies = [body for body in _bodies(found) if wanted.has(body)]
    if form is Format.TABLE:
        output.table(HEAD, map(_row, bodies))
    else:
        output.machine(form, bodies, (str(body["id"]) for body in bodies))
    if broken := verify.verified(found, restarts=True).broken:
        output.say(f"this log is not whole: {broken}")


def _file(path: Path) -> File:
    if str(path) == "-":
        return File("stdin", typer.get_binary_stream("stdin").readlines())
    try:
        return File(str(path), list(auditlog.lines(path)))
    except (OSError, EOFError) as error:
        raise RefusedError(f"{path}: {why(error)}; name a file of the audit log") from error


def _without(files: list[File], head: str) -> str:
    """That the line ``head`` is not there, in words; empty: it is, or none is named."""
    if not head:
        return ""
    seq, _, digest = head.partition(":")
    bodies = (chain.opened(line) for file in files for line in file.lines)
    if any(body and (str(body["seq"]), body["hash"]) == (seq, digest) for body in bodies):
        return ""
    return f"number {seq} with that hash is not there: the log was cut, or written anew"


def _whole(verdict: Verdict) -> str:
    if not verdict.lines:
        return "the log is empty"
    before = f"; numbers 0 to {verdict.first - 1} are in earlier files" if verdict.first else ""
    lines, head = counted(verdict.lines, "line"), verdict.head
    verb = "is" if verdict.lines == 1 else "are"
    return f"{lines} {verb} whole{before}\nhead {head.seq}:{head.hash}"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which records are asked for; empty and None: all."""

    rollout: str
    actor: str
    since: datetime | None
    until: datetime | None

    def has(self, body: Mapping[str, Any]) -> bool:
        name, key = self.rollout, str(body["object"])
        at = datetime.fromisoformat(str(body["at"]))
        return (
            (not name or name in (key, key.partition("/")[2]))
            and (not self.actor or self.actor in (body.get("who"), body["proof"]))
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )


def _bodies(files: list[File]) -> Iterator[Mapping[str, Any]]:
    """The records, without what the log says of itself; of a line that was edited, nothing."""
    for file in sorted(files, key=lambda one: one.begins):
        for line in file.lines:
            body = chain.opened(line)
            if body and body.get("act") in _ACTS and _is_record(body):
                yield body


def _is_record(body: Mapping[str, Any]) -> bool:
    """Whether it says what a record says; a line that somebody else has written need not."""
    if not all(isinstance(body.get(name), str) for name in _SAID):
        return False
    try:
        return datetime.fromisoformat(body["at"]).tzinfo is not None
    except ValueError:
        return False


def _row(body: Mapping[str, Any]) -> tuple[str, ...]:
    at = datetime.fromisoformat(str(body["at"])).astimezone(UTC)
    kind = "" if body["kind"] == "Rollout" else f"{body['kind'].lower()} "
    because = str(body["because"])
    return (
        at.strftime("%Y-%m-%d %H:%M:%S"),
        f"{kind}{body['object']}",
        str(body["act"]),
        _who(body),
        json.dumps(because)[1:-1] if not because.isprintable() else because,
    )


def _who(body: Mapping[str, Any]) -> str:
    """Whoever was proved; what nobody vouches for is in brackets, and says so."""
    who = str(body.get("who") or body["proof"])
    claimed = body.get("claimed")
    if not claimed:
        return who
    said = (
        f"{claimed}, by a signed commit"
        if body["proof"] == Proof.SIGNATURE
        else f"{claimed}, unverified"
    )
    return f"{who} ({said})"


def _moment(text: str, now: datetime) -> datetime | None:
    """``2h`` ago, or a time; empty: None. Errors: ``RefusedError``."""
    if not text:
        return None
    try:
        if re.fullmatch(r"[0-9]+[smhd]", text):
            return now - units.duration(text)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"{text!r} is no time; 2h or 2026-01-31T12:00Z is wanted") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
