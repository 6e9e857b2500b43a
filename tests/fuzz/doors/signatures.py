"""Commits that say they are signed: headers that two readers may take apart differently."""

from functools import cache
from typing import Any

import pygit2
from pygit2.enums import ObjectType

from rollout.edges.git.reader import signature
from rollout.edges.git.reader.signature import Rules
from rollout.errors import RolloutError
from tests.fuzz import oracle
from tests.fuzz.bites import Bites, spliced
from tests.fuzz.doors.git import depot

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIDZUJ0P1tCPYQP9dhVqPvxPo2PNZ6Iz1FZqoJqRSEcCk"
ANN = f"ann@example.com ssh-ed25519 {KEY}"
SSH = (
    b"-----BEGIN SSH SIGNATURE-----\n U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgNlQnQ/W0I9hA/12F"
    b"Wo+/E+jY\n 81nojPUVmqgmpFIRwKQAAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5AAAA\n"
    b" -----END SSH SIGNATURE-----"
)
PGP = b"-----BEGIN PGP SIGNATURE-----\n \n iHUEABYKAB0WIQQ\n =abcd\n -----END PGP SIGNATURE-----"
TOKENS = (
    *(b"gpgsig ", b"gpgsig-sha256 ", b"\n", b"\n\n", b"\n ", b" ", b"\0", b"\r\n", b"gpgsig\n"),
    *(b"-----BEGIN SSH SIGNATURE-----\n", b"-----BEGIN PGP SIGNATURE-----\n", SSH, PGP),
    *(b"mergetag object ", b"encoding ISO-8859-1\n", b"parent " + b"1" * 40 + b"\n"),
    *(b"\ngpgsig " + SSH, b"\ngpgsig-sha256 " + SSH, b"\nx " + PGP),
)
WHO = b"Ann <ann@example.com> 1700000000 +0000"
JUDGED_BY_PROGRAMS = 12
"""One of so many well-formed signatures goes on to ssh-keygen or gpg: they take 7 ms and more."""


@cache
def _rules() -> Rules:
    return Rules("git x", (ANN,))


def read(data: bytes) -> None:
    """One commit of raw bytes, and lists of signers; nobody on the list has signed any."""
    bites = Bites(data)
    if bites.byte() < 40:
        keys = spliced(ANN.encode() + b"\n", bites, TOKENS).decode("utf-8", "replace")
        signature.parted(keys)
        return
    made = depot()
    empty = str(made.write(ObjectType.TREE, b""))
    head = b"tree " + empty.encode() + b"\nauthor " + WHO + b"\ncommitter " + WHO
    signed = bites.pick((b"\ngpgsig " + SSH, b"\ngpgsig " + PGP, b""))
    try:
        oid = made.write(ObjectType.COMMIT, spliced(head + signed + b"\n\nchange\n", bites, TOKENS))
        commit = made.repo[oid]
        commit.read_raw()
    except (pygit2.GitError, ValueError, KeyError):
        return
    if isinstance(commit, pygit2.Commit):
        _judged(made.repo, commit, bites)


def _judged(repo: Any, commit: Any, bites: Bites) -> None:
    try:
        if bites.below(JUDGED_BY_PROGRAMS):
            signature.one_of(commit, "git x: commit abc")
            return
        found = signature.check(repo, commit, _rules())
    except RolloutError as error:
        oracle.refused(error)
        return
    raise oracle.Fault("a signature of nobody was taken", repr(found))
