"""The reader's child process: fetches one ref and parses its manifests, within limits.

It holds no token of the cluster and nothing of value but the one Secret it was handed. Jobs come
as JSON lines on stdin, answers go as JSON lines to stdout; before a file is parsed its name is
said, so that whoever waits knows which file ended us.
"""

import contextlib
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import ConfigLevel

from rollout.edges.git import remote, tree
from rollout.errors import RefusedError, RolloutError
from rollout.manifest import load
from rollout.model.source import Origin

MEMORY = 512 << 20  # address space; 60 MiB are the interpreter's, 128 the packs'
CPU_SECONDS = 60  # for one job; a clone of 1 GiB needs about 30
FILE_BYTES = 2 << 30  # the largest pack that is taken
PACK_WINDOW = 128 << 20
CONNECT_MS = 10_000
SILENCE_MS = 60_000  # a server may think so long before a large pack

Say = Callable[[Mapping[str, Any]], None]


def main() -> None:
    """Answers jobs until stdin ends."""
    _limit()
    for line in sys.stdin.buffer:
        _allow_cpu()
        answer(json.loads(line), say)


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


def answer(job: Mapping[str, Any], say: Say) -> None:
    """Says what the job's origin holds: ``at`` and ``file`` for each file, then ``done``.

    ``error`` instead of ``done`` carries whose fault it is (``refused`` or ``outside``), and
    ``named`` where its text begins with what it is about, as every error of ours does.
    """
    try:
        with _home(job["origin"]["secret"]):
            where = remote.Place(Path(job["cache"]), job["local"])
            fetched = remote.fetch(Origin(**job["origin"]), job["since"], where, job["known"])
        _parse(fetched.files, job["skip"], say)
    except RolloutError as error:
        fault = "refused" if isinstance(error, RefusedError) else "outside"
        say({"error": fault, "named": True} | _text(error))
    except MemoryError:
        say({"error": "refused", "text": f"needs more than {MEMORY >> 20} MiB to be read"})
    except Exception as error:  # the last door: the parent wants one line, always
        say({"error": "outside"} | _text(error))
    else:
        say({"done": _summary(fetched) | {"known": fetched.commit == job["known"]}})


def _text(error: BaseException) -> dict[str, str]:
    return {"text": " ".join(str(error).split())[:500] or type(error).__name__}


@contextlib.contextmanager
def _home(secret: Mapping[str, str]) -> Iterator[None]:
    """A home of its own for libgit2: no user's settings, and the Secret's known hosts."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, ".ssh").mkdir()
        Path(folder, ".ssh", "known_hosts").write_text(secret.get("known_hosts", ""))
        pygit2.settings.homedir = folder
        for level in (ConfigLevel.SYSTEM, ConfigLevel.GLOBAL, ConfigLevel.XDG):
            pygit2.settings.search_path[level] = folder
        yield


def _parse(files: Iterable[tree.File], skip: Iterable[str], say: Say) -> None:
    for file in files:
        if file.name in skip:
            continue
        say({"at": file.name})
        loaded = load.text(file.name, file.data)
        documents = [
            {
                "kind": one.kind,
                "name": one.name,
                "namespace": one.namespace,
                "metadata": one.metadata,
                "spec": one.plain,
                "file": one.file,
                "line": one.line,
                "commit": file.commit,
                "author": file.author,
            }
            for one in loaded.manifests
        ]
        problems = [{"file": e.file, "line": e.line, "message": str(e)} for e in loaded.errors]
        say(
            {
                "file": file.name,
                "documents": documents,
                "problems": problems,
                "notes": loaded.doubtful,
            }
        )


def _summary(fetched: remote.Fetched) -> dict[str, Any]:
    return {
        "commit": fetched.commit,
        "author": fetched.author,
        "committed_at": fetched.committed_at.timestamp(),
        "relation": fetched.relation.value,
        "problems": [
            {"file": p.file, "line": p.line, "message": p.message} for p in fetched.problems
        ],
        "notes": fetched.notes,
        "files": len(fetched.files),
    }


if __name__ == "__main__":
    main()
