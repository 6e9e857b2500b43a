"""Git repositories, read in child processes that may die without us; no policy."""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rollout
from rollout.edges.git import address
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.model.source import Document, Origin, Problem, Reading, Relation

FETCH = timedelta(seconds=120)  # a clone of the largest repository that is worth polling
FILE = timedelta(seconds=5)  # 1 MiB takes under 0.25 s; the rest is a busy machine
READER = (sys.executable, "-s", "-P", "-m", "rollout.edges.git.reading")
LINE_BYTES = 64 << 20
JOBS = 1000  # of one child
MAX_POISON = 10  # files that kill their reader, of one commit; then the commit is given up


@dataclass
class GitRepo:
    """The port ``Repo``: at most ``workers`` repositories are read at once, each in a child.

    ``cache``: folder of the bare clones; it may vanish at any time.
    ``local``: whether paths of this machine, and http to itself, are allowed.
    ``command``: the child's program. ``environment``: what it is given besides a home and a
    PATH, such as proxies and CA files.
    """

    cache: Path
    local: bool = False
    workers: int = 4  # slow remotes hold one each for as long as fetch_limit
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = READER
    fetch_limit: timedelta = FETCH
    file_limit: timedelta = FILE
    _last: dict[str, tuple[tuple[str, str, str], Reading]] = field(default_factory=dict)
    _idle: list["_Child"] = field(default_factory=list)
    _busy: dict[str, asyncio.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.workers)

    async def read(self, origin: Origin, since: str) -> Reading:
        """What the origin's ref holds now; ``since``: the commit taken before, or empty.

        A file that ends its reader has its Problem, and the others are read without it.
        Errors: ``OutsideError`` when there is no answer, ``RefusedError`` when it is no.
        """
        lock = self._busy.setdefault(origin.key, asyncio.Lock())
        async with lock, self._slots:  # two children in one clone would break each other's locks
            return await self._read(origin, since)

    async def _read(self, origin: Origin, since: str) -> Reading:
        poison: list[Problem] = []
        place = (origin.url, origin.ref, origin.path)
        known = self._last.get(origin.key)
        last = known[1] if known and known[0] == place else None
        while True:
            child = self._idle.pop() if self._idle else await self._start()
            try:
                told = {"since": since, "known": last.commit if last else ""}
                heard = await self._ask(child, origin, told, [one.file for one in poison])
            except _FileDeath as death:
                poison.append(Problem(death.file, 0, f"{death.file}: {death.why}"))
                if len(poison) > MAX_POISON:
                    raise RefusedError(
                        self._says(origin, f"{len(poison)} files {death.why}")
                    ) from None
            else:
                reading = _reading(heard, poison, last)
                self._last[origin.key] = (place, reading)
                return reading

    async def _ask(
        self, child: "_Child", origin: Origin, told: Mapping[str, str], skip: list[str]
    ) -> "_Heard":
        place = {"cache": str(self.cache), "local": self.local}
        job = {"origin": asdict(origin), "skip": skip, **place, **told}
        heard, limit = _Heard(), self.fetch_limit
        try:
            await child.send(job)
            while heard.done is None:
                message = await child.hear(limit)
                heard.add(message, address.shown(origin.url))
                limit = self.file_limit
        except (TimeoutError, EOFError, OSError, ValueError) as error:
            why = await child.end(error, limit)
            if heard.at:
                raise _FileDeath(heard.at, why) from error
            raise OutsideError(self._says(origin, why)) from error
        except asyncio.CancelledError:
            await child.end(None, limit)
            raise
        except RolloutError:
            await self._spare(child)
            raise
        await self._spare(child)
        return heard

    async def _spare(self, child: "_Child") -> None:
        """The child serves others, unless it is old: what libgit2 leaks must not add up."""
        child.jobs += 1
        if child.jobs < JOBS:
            self._idle.append(child)
        else:
            await child.end(None, timedelta(0))

    def _says(self, origin: Origin, why: str) -> str:
        return f"git {address.shown(origin.url)}: {why}; the next poll tries again"

    async def _start(self) -> "_Child":
        self.cache.mkdir(parents=True, exist_ok=True)
        here = str(Path(rollout.__file__).parents[1])
        basis = {"PATH": os.defpath, "PYTHONPATH": here, "HOME": tempfile.gettempdir()}
        process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=basis | dict(self.environment),
            limit=LINE_BYTES,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
        )
        return _Child(process)

    async def close(self) -> None:
        """No child is left."""
        while self._idle:
            await self._idle.pop().end(None, timedelta(0))


@dataclass
class _Child:
    """One child process and its two pipes."""

    process: asyncio.subprocess.Process
    jobs: int = 0

    async def send(self, job: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None  # noqa: S101 - we asked for the pipe
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        await self.process.stdin.drain()

    async def hear(self, limit: timedelta) -> Mapping[str, Any]:
        """The next message; ``EOFError`` when the child is gone, ``TimeoutError`` when silent."""
        assert self.process.stdout is not None  # noqa: S101 - we asked for the pipe
        async with asyncio.timeout(limit.total_seconds()):
            line = await self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        message: Mapping[str, Any] = json.loads(line)
        return message

    async def end(self, error: BaseException | None, limit: timedelta) -> str:
        """The child is gone; why it had to, or went, in words."""
        if isinstance(error, EOFError | OSError) and not isinstance(error, TimeoutError):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):  # its pipe closes a moment before it is dead
                    await self.process.wait()
        code = self.process.returncode
        if code is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        if code is not None:
            return f"ended its reader ({f'signal {-code}' if code < 0 else f'exit {code}'})"
        return f"was not read in {limit.total_seconds():g} s"


@dataclass
class _Heard:
    """What a child said so far."""

    files: list[Mapping[str, Any]] = field(default_factory=list)
    at: str = ""
    done: Mapping[str, Any] | None = None

    def add(self, message: Mapping[str, Any], url: str) -> None:
        """Errors: what the child reports, as ours."""
        if "error" in message:
            kind = RefusedError if message["error"] == "refused" else OutsideError
            text = str(message.get("text", ""))
            raise kind(text if message.get("named") else f"git {url}: {text}")
        if "at" in message:
            self.at = str(message["at"])
        elif "file" in message:
            self.files.append(message)
            self.at = ""
        else:
            self.done = message["done"]


class _FileDeath(Exception):
    """The child died, or had to, while it parsed ``file``."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(file)
        self.file = file
        self.why = why


def _reading(heard: _Heard, poison: list[Problem], last: Reading | None) -> Reading:
    """What was heard; of a commit that is known, ``last`` with its relation as it is now."""
    done = heard.done or {}
    relation = Relation(done["relation"])
    if last and done["known"]:
        return replace(last, relation=relation)
    found = [*done["problems"], *(one for file in heard.files for one in file["problems"])]
    return Reading(
        commit=done["commit"],
        author=done["author"],
        committed_at=datetime.fromtimestamp(done["committed_at"], UTC),
        relation=relation,
        documents=tuple(Document(**one) for file in heard.files for one in file["documents"]),
        problems=(*poison, *(Problem(**one) for one in found)),
        notes=(*done["notes"], *(note for file in heard.files for note in file["notes"])),
        files=done["files"],
    )
