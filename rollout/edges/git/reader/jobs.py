"""The child's program: polls one repository, or parses one commit's manifests, within limits.

It holds no token of the cluster and nothing of value but the one Secret that it polls with; who
parses has not even that. Jobs come as JSON lines on stdin, answers go as JSON lines to stdout;
before a file is parsed its name is said, so that whoever waits knows which file ended us.
"""

import contextlib
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import ConfigLevel

from rollout.edges.git.reader import clones, remote, signature, tree
from rollout.edges.git.reader.access import Repository
from rollout.errors import RefusedError, RolloutError, visible
from rollout.manifest import load, team

MEMORY = 512 << 20  # address space; 60 MiB are the interpreter's, 128 the packs'
CPU_SECONDS = 60  # for one job; a clone of 1 GiB needs about 30
FILE_BYTES = 2 << 30  # the largest pack that is taken
PACK_WINDOW = 128 << 20
CONNECT_MS = 10_000
SILENCE_MS = 60_000  # a server may think so long before a large pack

Say = Callable[[Mapping[str, Any]], None]


def main() -> None:
    """Answers jobs until stdin ends; the one argument is the folder of the bare clones."""
    _limit()
    cache = Path(sys.argv[1])
    for line in sys.stdin.buffer:
        _allow_cpu()
        answer(json.loads(line), cache, say)


def say(message: Mapping[str, Any]) -> None:
    """One JSON line to whoever waits."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pygit2.settings.mwindow_mapped_limit = PACK_WINDOW
    pygit2.settings.mwindow_size = PACK_WINDOW // 4
    pygit2.settings.server_connect_timeout = CONNECT_MS
    pygit2.settings.server_timeout = SILENCE_MS
    pygit2.settings.enable_strict_hash_verification(True)


def _allow_cpu() -> None:
    """The limit counts a process's whole life, and ours serves many jobs."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (used + CPU_SECONDS, hard))


def answer(job: Mapping[str, Any], cache: Path, say: Say) -> None:
    """Does what ``job`` asks, and says ``done`` with what came of it, or ``error``.

    ``error`` carries whose fault it is (``refused`` or ``outside``), and ``named`` where its text
    begins with what it is about, as every error of ours does.
    """
    try:
        done = _poll(job, cache) if job["do"] == "poll" else _read(job, say)
    except RolloutError as error:
        say(_fault(error))
    except clones.Unreadable:
        say({"error": "broken", "text": "the clone cannot be read; the next poll makes another"})
    except MemoryError:
        say({"error": "refused", "text": f"needs more than {MEMORY >> 20} MiB to be read"})
    except Exception as error:  # the last door: the parent wants one line, always
        say({"error": "outside"} | _text(error))
    else:
        say({"done": done})


def _fault(error: RolloutError) -> dict[str, Any]:
    kind = "refused" if isinstance(error, RefusedError) else "outside"
    return {"error": kind, "named": True} | _text(error)


def _text(error: BaseException) -> dict[str, str]:
    return {"text": " ".join(visible(str(error)).split())[:500] or type(error).__name__}


def _poll(job: Mapping[str, Any], cache: Path) -> dict[str, Any]:
    """Where each ref of the job is, and in which clone."""
    repository = Repository(**job["repository"])
    wants = [remote.Want(**want) for want in job["wants"]]
    place = clones.CloneCache(cache, job["local"])
    with _home(repository):
        polled = remote.poll(repository, wants, place)
    tips = [
        _fault(tip)
        if isinstance(tip, RolloutError)
        else {"commit": tip.commit, "relation": tip.relation.value}
        for tip in polled.tips
    ]
    return {"clone": str(polled.clone), "tips": tips}


def _read(job: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """What one commit holds: ``at`` and ``file`` are said for each file on the way."""
    clone = Path(job["clone"])
    try:
        repo = pygit2.Repository(str(clone))
        commit = repo[job["commit"]]
        signed = None
        if job["signers"]:
            rules = job["where"], tuple(job["signers"]), job["every"], job["since"]
            signed = signature.check(repo, commit, signature.Rules(*rules))
        folder = tree.Folder(repo, job["where"], job["path"])
        files = folder.files(commit, job["known"])
    except remote.BROKEN as error:
        clones.spoil(clone)
        raise clones.Unreadable from error
    _parse((file for file in files if file.name not in job["skip"]), job["manifests"], say)
    return {
        "author": tree.author(commit),
        "committed_at": _when(commit),
        "problems": [
            {"file": p.file, "line": p.line, "message": p.message} for p in folder.problems
        ],
        "notes": folder.notes,
        "unread": folder.unread,
        "files": len(files),
        "signature": asdict(signed) if signed else None,
    }


def _when(commit: Any) -> float:
    try:
        return datetime.fromtimestamp(commit.commit_time, UTC).timestamp()
    except (ValueError, OverflowError, OSError):  # a commit may claim any year
        return 0.0


@contextlib.contextmanager
def _home(repository: Repository) -> Iterator[None]:
    """A home of its own for libgit2: no user's settings, and the keys that its host may show."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, ".ssh").mkdir()
        Path(folder, ".ssh", "known_hosts").write_text(repository.known_hosts)
        pygit2.settings.homedir = folder
        for level in (ConfigLevel.SYSTEM, ConfigLevel.GLOBAL, ConfigLevel.XDG):
            pygit2.settings.search_path[level] = folder
        yield


def _parse(files: Iterable[tree.ManifestFile], everything: bool, say: Say) -> None:
    for file in files:
        last = {"commit": file.commit, "author": file.author}
        if file.data is None:
            say({"file": file.name, "blob": file.blob, "known": True} | last)
            continue
        say({"at": file.name})
        loaded = load.text(file.name, file.data)
        parts, errors = team.strangers(file.name, file.data) if everything else ((), ())
        documents = [
            {
                "kind": one.kind,
                "name": one.name,
                "namespace": one.namespace,
                "metadata": one.metadata,
                "spec": one.plain,
                "file": one.file,
                "line": one.line,
            }
            | last
            for one in loaded.manifests
        ]
        problems = {str(e): {"file": e.file, "line": e.line} for e in (*loaded.errors, *errors)}
        say(
            {
                "file": file.name,
                "blob": file.blob,
                "documents": documents,
                "parts": [asdict(part) | last for part in parts],
                "problems": [{**place, "message": text} for text, place in problems.items()],
                "notes": [] if everything else loaded.doubtful,
                "unread": not everything and (loaded.unread or bool(loaded.doubtful)),
            }
        )


if __name__ == "__main__":
    main()
