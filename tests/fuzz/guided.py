"""Inputs that Atheris draws: bytes, changed by which lines and comparisons of ours they reach.

``python -m tests.fuzz.guided SURFACE FOLDER COUNT SECONDS``: a process of its own, as libFuzzer
ends it. Findings go to ``FOLDER`` as files and never end the run; the last line of stdout says
what was done. Run by ``make fuzz``, which installs Atheris (requirements-fuzz.lock).
"""

import json
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rollout"], enable_loader_override=False):
    from tests.fuzz.surfaces import Finding, Surface, tried

EVERY = 200
"""Inputs between two writes of what was done: libFuzzer ends the process without a word to us."""


class Log:
    """What one process did, in a file that is written anew as it goes on."""

    def __init__(self, surface: Surface, folder: Path) -> None:
        self.surface, self.folder = surface, folder
        self.inputs, self.slowest = 0, 0.0
        self.known: set[str] = set()

    def one(self, data: bytes) -> None:
        began = time.thread_time()
        finding = tried(self.surface, data)
        self.slowest = max(self.slowest, time.thread_time() - began)
        self.inputs += 1
        if finding is not None and finding.where not in self.known:
            self.known.add(finding.where)
            write(self.folder, finding)
        if self.inputs % EVERY == 0:
            self.save()

    def save(self) -> None:
        told = {"inputs": self.inputs, "slowest": self.slowest}
        (self.folder / f"{self.surface}.guided.json").write_text(json.dumps(told))


def write(folder: Path, finding: Finding) -> None:
    """The input as a file, and its story beside it."""
    file = folder / f"{finding.surface}-{finding.name}"
    file.write_bytes(finding.data)
    file.with_suffix(".txt").write_text(f"{finding.where}\n{finding.story}", "utf-8", "replace")


def main() -> None:
    surface, folder, count, seconds = sys.argv[1:5]
    log = Log(Surface(surface), Path(folder))
    limits = [f"-runs={count}", f"-max_total_time={seconds}", "-rss_limit_mb=1024"]
    more = ["-max_len=400", "-timeout=20", f"-artifact_prefix={folder}/{surface}-killed-"]
    quiet = ["-verbosity=0", "-print_final_stats=0"]
    corpus = Path(folder) / f"{surface}.corpus"
    corpus.mkdir(exist_ok=True)
    log.save()
    atheris.Setup([sys.argv[0], *limits, *more, *quiet, str(corpus)], log.one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
