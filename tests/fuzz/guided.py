"""Inputs that Atheris draws: bytes, changed by which lines and comparisons of ours they reach.

``python -m tests.fuzz.guided SURFACE FOLDER COUNT SECONDS``: a process of its own, as libFuzzer
ends it. Findings go to ``FOLDER`` as files and never end the run; ``SURFACE.guided.json`` beside
them says what was done. Run by ``make fuzz``, which installs Atheris (requirements-fuzz.lock).
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rollout"], enable_loader_override=False):
    from tests.fuzz.surfaces import Surface, Watch

EVERY = 200
"""Inputs between two writes of what was done: libFuzzer ends the process without a word to us."""


@dataclass
class Log:
    """What one process did, in a file that is written anew as it goes on."""

    watch: Watch

    def one(self, data: bytes) -> None:
        """One input passes."""
        self.watch.read(data)
        if self.watch.inputs % EVERY == 0:
            self.save()

    def save(self) -> None:
        told = {"inputs": self.watch.inputs, "slowest": self.watch.slowest}
        file = self.watch.folder / f"{self.watch.surface}.guided.json"
        file.write_text(json.dumps(told))


def main() -> None:
    surface, folder, count, seconds = sys.argv[1:5]
    log = Log(Watch(Surface(surface), Path(folder)))
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
