"""The folder of bare clones: where one is, when it is made anew, and when it goes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from rollout import lenient
from rollout.edges.git.reader.access import Repository

MAX_PACKS = 200  # every fetch leaves one; then a new clone is the cheapest way to tidy up
UNUSED = 7 * 86400  # seconds; whoever comes back later clones anew


class Unreadable(Exception):
    """A clone lacks what it should have."""


@dataclass(frozen=True, slots=True)
class CloneCache:
    """``cache``: the folder of the clones; ``local``: whether paths of this machine are open."""

    cache: Path
    local: bool = False

    def of(self, repository: Repository) -> "Home":
        """One for each address and Secret: who may read what, is the far side's to say."""
        key = f"{repository.secret_name} {repository.url}"
        return Home(self.cache / sha256(key.encode()).hexdigest()[:24])

    def sweep(self, home: "Home") -> None:
        """Clones that nobody has asked for since a week before ``home`` was used are gone."""
        limit = home.used_at() - UNUSED
        for used in self.cache.glob("*.used"):
            if used.stat().st_mtime < limit:
                shutil.rmtree(used.with_suffix(""), ignore_errors=True)
                used.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Home:
    """Where the clone of one repository is; ``folder`` holds it under a number."""

    folder: Path

    @property
    def _busy(self) -> Path:
        return self.folder.with_suffix(".busy")

    @property
    def _used(self) -> Path:
        return self.folder.with_suffix(".used")

    def used_at(self) -> float:
        """When it was asked for last, by the disk's clock."""
        return self._used.stat().st_mtime

    def clone(self) -> Path:
        """The clone to use; there is none yet where one is to be made."""
        clones = sorted(self.folder.glob("*.git"), key=_number)
        clone = clones[-1] if clones else self.folder / "1.git"
        packs = len(list(clone.glob("objects/pack/*.pack")))
        return self.anew(clone) if self._busy.exists() or packs > MAX_PACKS else clone

    def anew(self, clone: Path) -> Path:
        """The path of a new clone; all others are gone.

        Never the same path: libgit2 goes on using what it remembers of a pack with that name.
        """
        number = _number(clone) + clone.exists()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{number}.git"

    @contextmanager
    def used(self) -> Iterator[None]:
        """What ends within it leaves a mark, and the next use clones anew."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._busy.touch()
        self._used.touch()
        try:
            yield
        finally:
            self._busy.unlink(missing_ok=True)


def spoil(clone: Path) -> None:
    """``clone`` cannot be read: the next use makes another."""
    clone.parent.with_suffix(".busy").touch()


def _number(clone: Path) -> int:
    return lenient.whole(clone.stem) or 0
