"""What a repository may hold and be called: trees, names of files, authors, addresses."""

import shutil
from functools import cache
from typing import Any

import pygit2
from pygit2.enums import ObjectType

from rollout.edges.git import address
from rollout.edges.git.reader import tree
from rollout.errors import RolloutError
from rollout.model.forge import ForgeKind, Place, Push
from tests.edges.git.depot import FILE, LINK, MODULE
from tests.fuzz import oracle, scratch
from tests.fuzz.bites import Bites

MODES = (FILE, FILE, FILE, 0o100755, LINK, MODULE, 0o040000, 0o100664, 0, 0o777777)
PARTS = (
    *("https://", "ssh://", "git://", "http://", "file://", "ext::", "git@", "user:pw@", "://"),
    *("github.com", "[::1]", "127.0.0.1", "0x7f.1", "169.254.169.254", "xn--0", "é.example", ""),
    *(":22", ":99999", ":", "/acme/shop", "/acme/shop.git", "//", "/../..", "?x=y", "#z", "%2e%2e"),
    *("%00", "\n", "-oProxyCommand=x", "\\", "@", "@@", " ", "\u202e", "[", "]"),
)
COUNT = 400
"""Inputs until the repository is made anew: it grows with each."""


class _Depot:
    """A bare repository in memory-backed storage, if the machine has any."""

    def __init__(self) -> None:
        self.path = scratch.folder()
        self.repo: Any = pygit2.init_repository(str(self.path), bare=True)
        self.count = 0

    def write(self, kind: ObjectType, data: bytes) -> Any:
        return self.repo.odb.write(kind, data)


@cache
def _kept() -> list[_Depot]:
    return []


def depot() -> Any:
    """The repository that the next input is written into."""
    kept = _kept()
    if kept and kept[0].count >= COUNT:
        shutil.rmtree(kept.pop().path, ignore_errors=True)
    if not kept:
        kept.append(_Depot())
    kept[0].count += 1
    return kept[0]


def read(data: bytes) -> None:
    """One address, or one commit with the tree below it."""
    bites = Bites(data)
    if bites.byte() % 3:
        _addressed("".join(bites.pick(PARTS) for _ in range(1 + bites.below(7))))
        _addressed(bites.text() + bites.text())
    else:
        _committed(bites)


def _addressed(url: str) -> None:
    oracle.sentences([address.shown(url)])
    host = address.host(url)
    try:
        if host.isascii() and not any(letter.isalpha() for letter in host):
            address.check(url, local=False)  # any other host would be looked up
    except RolloutError as error:
        oracle.refused(error)
    address.is_local(url)
    push = Push((url,), ())
    push.concerns("https://github.com/acme/shop", "main")
    Push(("https://github.com/acme/shop",)).concerns(url, url)
    for kind in ForgeKind:
        try:
            place = Place.of(kind, url)
        except ValueError:
            continue
        if {".", "..", ""} & set(place.repository.split("/")):
            raise oracle.Fault("another path of the API", place.repository)


def _committed(bites: Bites) -> None:
    made = depot()
    blob = made.write(ObjectType.BLOB, bites.raw()).raw
    lines = _entries(bites, blob)
    if bites.byte() < 120:
        inner = _tree(made, lines)
        name = bites.text().encode("utf-8", "surrogatepass").replace(b"\0", b"")
        lines.append((name, 0o040000, inner))
    head = b"tree " + _tree(made, lines).hex().encode() + b"\n"
    who = bites.raw(60) if bites.byte() < 128 else b"Ann <ann@example.com> 1700000000 +0000"
    try:
        oid = made.write(
            ObjectType.COMMIT, head + b"author " + who + b"\ncommitter " + who + b"\n\nchange\n"
        )
        commit = made.repo[oid]
        folder = tree.Folder(made.repo, "git x", bites.pick(("", "a", "a/b", "..", "x.yaml")))
        found = folder.files(commit, {})
    except (pygit2.GitError, ValueError, KeyError, OSError):
        return  # libgit2 refuses the object itself; a source is told so in its words (remote.py)
    except RolloutError as error:
        oracle.refused(error)
        return
    oracle.sentences((*(one.message for one in folder.problems), *folder.notes))
    for file in found:
        oracle.sentences([file.name])


def _entries(bites: Bites, blob: bytes) -> list[tuple[bytes, int, bytes]]:
    """Names with their modes and what they name; a name may be any bytes but NUL."""
    found = []
    for _ in range(1 + bites.below(4)):
        raw = bites.raw() if bites.byte() < 90 else bites.text().encode("utf-8", "surrogatepass")
        name = raw.replace(b"\0", b"") + bites.pick((b".yaml", b".yml", b".json", b""))
        target = blob if bites.byte() < 230 else b"\x11" * 20
        found.append((name, bites.pick(MODES), target))
    return found


def _tree(made: _Depot, lines: list[tuple[bytes, int, bytes]]) -> bytes:
    """A tree of exactly these entries, in whatever order, written without a look at them."""
    raw = b"".join(b"%o %s\0%s" % (mode, name, target) for name, mode, target in lines)
    written: bytes = made.write(ObjectType.TREE, raw).raw
    return written
