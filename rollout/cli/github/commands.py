"""``github validate``, ``plan`` and ``wait``: what ``action.yml`` runs, told to the workflow.

Each reads its inputs from ``INPUT_*`` of the environment, where no shell has looked at them, and
runs the ordinary commands as child processes: their output is the same for everybody.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from rollout.cli import exits, lazy, settings
from rollout.cli.exits import Exit
from rollout.cli.github.workflow import Annotation, Files, cut, group
from rollout.errors import RefusedError, RolloutError
from rollout.model import units
from rollout.model.units import counted

app = lazy.plain(help="What the GitHub Action runs; inputs come as INPUT_*.")

AT_ONCE = 16  # rollouts followed by children of their own
LONGEST_LINE = 1 << 20  # bytes of what one of our commands says

MARK = "<!-- rollout-plan: {key} -->"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of ``action.yml`` and what the runner says of the event."""

    environment: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        key = f"INPUT_{name.replace('-', '_').upper()}"
        return self.environment.get(key, "").strip() or default

    def lines(self, name: str) -> list[str]:
        """One value a line; commas end one, too."""
        return [part for part in self.text(name).replace(",", "\n").split() if part]

    def paths(self) -> list[str]:
        """Files and folders of the checkout.

        Errors: ``RefusedError`` for one that leads out of it, or is not there.
        """
        given = [line.strip() for line in self.text("paths", ".").splitlines() if line.strip()]
        root = Path(self.environment.get("GITHUB_WORKSPACE", ".")).resolve()
        for path in given:
            place = (root / path).resolve()
            if not place.is_relative_to(root):
                raise RefusedError(f"paths: {path!r} leads out of the checkout")
            if not settings.is_there(place):
                raise RefusedError(f"paths: {path!r} is not in the checkout; was it renamed?")
        return given

    def pull_request(self) -> int | None:
        """The number of the pull request that this run is about, if it is about one."""
        name = self.environment.get("GITHUB_EVENT_PATH", "")
        if not name:
            return None
        try:
            event = json.loads(Path(name).read_text(encoding="utf-8"))
            number = event.get("pull_request", {}).get("number")
        except (OSError, ValueError, AttributeError, RecursionError):
            return None
        return number if isinstance(number, int) else None


@app.command()
def validate() -> None:
    """Annotate every mistake at its file and line; exit code 2 when there is one."""
    _run(_validate)


@app.command()
def plan() -> None:
    """Show the plan as the run's summary, and as one comment on the pull request."""
    _run(_plan)


@app.command()
def wait() -> None:
    """Follow the rollouts of a commit; the exit code is the outcome."""
    _run(_wait)


def _run(command: Callable[[Inputs, Files], Coroutine[Any, Any, int]]) -> None:
    environment = settings.inherited()
    try:
        code = asyncio.run(command(Inputs(environment), Files.of(environment)))
    except RolloutError as error:
        print(Annotation(str(error), title="rollout").command())
        raise typer.Exit(exits.of(error)) from None  # said once, where no line of it is obeyed
    if code:
        raise typer.Exit(code)


async def _validate(inputs: Inputs, files: Files) -> int:
    code, text, complaint = await _rollout("validate", "-o", "json", "--", *inputs.paths())
    try:
        told = json.loads(text)
    except ValueError:
        print(Annotation(complaint or text, title="rollout validate").command())
        return code or Exit.INPUT
    for error in told["errors"]:
        message = "; ".join(part for part in (error["found"], error["wanted"]) if part)
        place = Annotation(message, error["file"], error["line"], "rollout validate")
        print(place.command())
    files.set_outputs({"mistakes": str(len(told["errors"]))})
    good, wrong = len(told["manifests"]), len(told["errors"])
    print(f"{counted(good, 'manifest')} good, {counted(wrong, 'mistake')}")
    return code


async def _plan(inputs: Inputs, files: Files) -> int:
    words = ["-o", "markdown"]
    if inputs.text("cluster") == "true":
        words.append("--cluster")
    if address := inputs.text("prometheus"):
        words += [f"--prometheus={address}"]
    code, text, complaint = await _rollout("plan", *words, "--", *inputs.paths())
    for line in complaint.splitlines():
        level = "error" if code == Exit.INPUT else "warning"
        print(Annotation(line, title="rollout plan", level=level).command())
    if not text.strip():
        return code
    files.add_summary(text)
    with group("rollout plan"):
        print(text)
    await _comment(inputs, text)
    return code


async def _comment(inputs: Inputs, text: str) -> None:
    """The sticky comment; a token that may not write (a fork's) costs the comment and no more."""
    number, token = inputs.pull_request(), inputs.text("token")
    if number is None or not token or inputs.text("comment", "true") != "true":
        return
    from rollout.edges.forge import github  # noqa: PLC0415 - its client, for a comment alone

    repository = inputs.environment.get("GITHUB_REPOSITORY", "")
    address = inputs.environment.get("GITHUB_API_URL", "") or github.API
    mark = MARK.format(key=inputs.text("comment-key", "default").replace("--", "-"))
    body = cut(text, github.LIMIT - len(mark) - 16)
    try:
        async with github.GitHub(token, address) as client:
            print(await client.put_comment(repository, number, mark, body))
    except RolloutError as error:
        message = f"the plan is in the summary only: {error}"
        print(Annotation(message, title="rollout plan", level="warning").command())


@dataclass(frozen=True, slots=True)
class _Ended:
    """How one rollout ended."""

    key: str
    code: int
    phase: str
    revision: str
    because: str

    @property
    def plain(self) -> dict[str, str | int]:
        return {
            "rollout": self.key,
            "code": self.code,
            "phase": self.phase,
            "revision": self.revision,
            "because": self.because,
        }


async def _wait(inputs: Inputs, files: Files) -> int:
    keys = inputs.lines("rollouts") or await _named(inputs)
    if not keys:
        raise RefusedError("rollouts: none is named and none is in paths; namespace/name is wanted")
    commit = inputs.text("commit") or inputs.environment.get("GITHUB_SHA", "")
    words = [f"--commit={commit}"] if commit else []
    slots, until = asyncio.Semaphore(AT_ONCE), _now() + _patience(inputs)
    ended = []
    async with asyncio.TaskGroup() as tasks:
        followed = [_Followed(key) for key in dict.fromkeys(keys)]
        running = [tasks.create_task(one.run(slots, words, until)) for one in followed]
        for one, task in zip(followed, running, strict=True):
            with group(one.key):
                async for line in one.told():
                    print(line, flush=True)
            ended.append(await task)
    worst = next((each for each in ended if each.code), ended[-1])
    files.set_outputs(
        {
            "phase": worst.phase,
            "revision": worst.revision,
            "because": worst.because,
            "rollouts": json.dumps([each.plain for each in ended]),
        }
    )
    for each in ended:
        level = "error" if each.code else "notice"
        message = f"{each.phase}: {each.because}"
        print(Annotation(message, title=f"rollout {each.key}", level=level).command())
    return worst.code


@dataclass(slots=True)
class _Followed:
    """One rollout that is waited for by a child; ``lines``: what that said, None at its end."""

    key: str
    lines: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)

    async def run(self, slots: asyncio.Semaphore, words: list[str], until: float) -> _Ended:
        """How it ended. ``until``: when the time is up, also for one that had to wait its turn."""
        try:
            async with slots:
                left = max(1, round(until - _now()))
                given = (*words, f"--timeout={left}s", *_target(self.key))
                child = await _started("wait", *given, beside=asyncio.subprocess.STDOUT)
                said = ""
                async for line in _lines(child):
                    said = line.strip() or said
                    self.lines.put_nowait(line)
                return await _end(self.key, await child.wait(), said)
        finally:
            self.lines.put_nowait(None)

    async def told(self) -> AsyncIterator[str]:
        while (line := await self.lines.get()) is not None:
            yield line


def _patience(inputs: Inputs) -> float:
    """Seconds. Errors: ``RefusedError`` for an input that is no duration."""
    try:
        return units.duration(inputs.text("timeout", "30m")).total_seconds()
    except ValueError as error:
        raise RefusedError(f"timeout: {error}") from error


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _named(inputs: Inputs) -> list[str]:
    """The Rollouts of the checkout's manifests, as ``namespace/name``."""
    _, text, __ = await _rollout("validate", "-o", "json", "--", *inputs.paths())
    try:
        manifests = json.loads(text)["manifests"]
    except ValueError:
        return []
    return [
        f"{each['namespace']}/{each['name']}" if each["namespace"] else each["name"]
        for each in manifests
        if each["kind"] == "Rollout"
    ]


def _target(key: str) -> list[str]:
    namespace, _, name = key.rpartition("/")
    return [*(["--namespace", namespace] if namespace else []), "--", name]


async def _end(key: str, code: int, said: str) -> _Ended:
    """What the cluster says of it now that the wait is over; ``said``: the wait's last line.

    Where the wait itself could not go on, that line is the reason, and not where the rollout is.
    """
    _, text, complaint = await _rollout("status", "-o", "json", *_target(key))
    try:
        status = json.loads(text).get("status") or {}
    except (ValueError, AttributeError):
        return _Ended(key, code, "Unknown", "", complaint.strip() or "not found")
    sides = (
        (status.get("attempt") or {}).get("canary") or status.get("canary"),
        status.get("stable"),
    )
    revision = next((str(side["name"]) for side in sides if side), "")
    because = said if code in _NO_OUTCOME else str(status.get("because", ""))
    return _Ended(key, code, str(status.get("phase", "")), revision, because)


_NO_OUTCOME = (Exit.INPUT, Exit.OUTSIDE)


async def _started(*words: str, beside: int) -> asyncio.subprocess.Process:
    """One of our commands as a child that does not know the token; ``beside``: its stderr."""
    environment = {k: v for k, v in settings.inherited().items() if k != "INPUT_TOKEN"}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "rollout",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=beside,
        env=environment,
        limit=LONGEST_LINE,
    )


async def _lines(child: asyncio.subprocess.Process) -> AsyncIterator[str]:
    assert child.stdout is not None  # noqa: S101 - it was piped
    async for line in child.stdout:
        yield line.decode(errors="replace").rstrip("\n")


async def _rollout(*words: str) -> tuple[int, str, str]:
    """The exit code of one of our commands, its answer, and what it said beside it."""
    child = await _started(*words, beside=asyncio.subprocess.PIPE)
    answer, beside = await child.communicate()
    return child.returncode or 0, answer.decode(errors="replace"), beside.decode(errors="replace")
