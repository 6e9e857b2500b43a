"""Whether commits were signed by allowed signers; ssh-keygen and gpg judge.

pygit2 extracts a signature and its payload but verifies nothing (docs/facts.md).
Who may sign comes from the controller's configuration, never from the repository, and what counts
is how a key stands now: when it signed, is only the signer's word.
"""

import os
import pwd
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygit2

from rollout.edges.git.reader import gpg, hosts
from rollout.edges.git.reader.gpg import plain
from rollout.errors import OutsideError, RefusedError
from rollout.model.source import Signature

MOST = 1000  # commits at once, of some 15 ms each
REVOKED = "@revoked"  # as known_hosts has it; allowed signers have no word of their own for it
_HEADERS = (b"gpgsig ", b"gpgsig-sha256 ")
_WANTED = "one by an allowed signer is wanted"
_SSH, _PGP = b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class Rules:
    """``where``: how a sentence begins. ``signers``: texts, all of one are enough.

    A text has lines of allowed signers (ssh-keygen(1)), or OpenPGP public keys, or both; a line
    ``@revoked KEYTYPE KEY`` is of a key that signs nothing, whichever text lists it, or its CA.
    ``every``: all commits that ``since`` does not have, merged ones too; else the last alone.
    """

    where: str
    signers: tuple[str, ...]
    every: bool = False
    since: str = ""


def check(repo: Any, commit: Any, rules: Rules) -> Signature | None:
    """Each commit of the rules carries one good signature of a key that they list: the last one's.

    Errors: ``RefusedError`` in every other case; a missing signature is a bad one.
    """
    found: Signature | None = None
    lines, keys = parted("\n".join(rules.signers))
    with tempfile.TemporaryDirectory() as folder, gpg.keyring(keys) as ring:
        _write_lists(Path(folder), lines.splitlines())
        for count, one in enumerate(_commits(repo, commit, rules)):
            if count >= MOST:
                many = f"more than {MOST} commits are to be verified at once"
                raise RefusedError(f"{rules.where}: {many}; fewer a push are wanted")
            where = f"{rules.where}: commit {str(one.id)[:12]}"
            signature, payload = one_of(one, where)
            if signature.startswith(_PGP):
                made = ring.signer(signature, payload)
            else:
                made = _verified(signature, payload, Path(folder))
            if isinstance(made, str):
                raise RefusedError(f"{where} {made}; {_WANTED}")
            found = found or made
    return found


def parted(text: str) -> tuple[str, str]:
    """The lines of allowed signers in ``text``, and its OpenPGP public keys."""
    begin, end = (f"-----{word} PGP PUBLIC KEY BLOCK-----" for word in ("BEGIN", "END"))
    blocks = re.compile(f"{begin}.*?{end}", re.DOTALL)
    return blocks.sub("", text), "\n".join(blocks.findall(text))


def _write_lists(folder: Path, lines: Sequence[str]) -> None:
    """Who may sign, and whose key was revoked, as ssh-keygen reads them."""
    revoked = [one.split(maxsplit=1)[1] for one in lines if one.split()[:1] == [REVOKED]]
    allowed = [one for one in lines if one.split()[:1] != [REVOKED] and _is_for_git(one)]
    for name, mine in (("signers", allowed), ("revoked", revoked)):
        (folder / name).write_text("".join(f"{one}\n" for one in mine))


def _is_for_git(line: str) -> bool:
    """Whether a line allows to sign in git: of a key's lines ssh-keygen finds the first alone."""
    named = _NAMESPACES.search(line)
    return named is None or hosts.listed(named[1], "git")


_NAMESPACES = re.compile(r'(?i)\bnamespaces="([^"]*)"')


def _commits(repo: Any, commit: Any, rules: Rules) -> Iterator[Any]:
    """What has to be signed, the last one first."""
    if not rules.every or not rules.since:
        yield commit
        return
    walk = repo.walk(commit.id)
    if rules.since in repo:
        walk.hide(rules.since)
    yield commit
    yield from (one for one in walk if one.id != commit.id)


def one_of(commit: Any, where: str) -> tuple[bytes, bytes]:
    """The one signature of ``commit``, and what it is over; whose it is, nobody has looked at.

    Errors: ``RefusedError`` where it has none, several, or one of another kind: it is the
    author's doing, and the clone is none the worse for it.
    """
    head = commit.read_raw().partition(b"\n\n")[0]
    count = sum(line.startswith(_HEADERS) for line in head.split(b"\n"))
    try:
        signature, payload = commit.gpg_signature
    except pygit2.GitError:
        raise RefusedError(f"{where} has a header that cannot be read; {_WANTED}") from None
    if count != 1 or not signature:
        found = "is not signed" if not count else f"has {count} signatures"
        raise RefusedError(f"{where} {found}; {_WANTED}")
    text = bytes(signature)
    if not text.startswith((_SSH, _PGP)) or text.count(b"-----BEGIN ") != 1:
        raise RefusedError(f"{where} has no SSH or OpenPGP signature; {_WANTED}")
    return text, bytes(payload)


def _verified(signature: bytes, payload: bytes, folder: Path) -> Signature | str:
    """Whose it is, or why it does not count.

    Source: ssh-keygen(1), "-Y verify" and "ALLOWED SIGNERS"; namespace "git" as git signs; its
    answer is ``sshsig.c``'s and ``ssh-keygen.c``'s "Good \"git\" signature for … with … key …".
    """
    signed = folder / "signature"
    signed.write_bytes(signature)
    files = ["-f", str(folder / "signers"), "-s", str(signed)]
    found = _keygen(["find-principals", *files], b"")
    names = found.stdout.decode("utf-8", "replace").replace(",", "\n").splitlines()
    for name in names[:10] if found.returncode == 0 else ():
        asked = ["verify", "-n", "git", "-I", name, *files]
        done = _keygen(asked, payload)
        if done.returncode == 0:
            if _keygen([*asked, "-r", str(folder / "revoked")], payload).returncode != 0:
                return "is signed by a key that was revoked"
            key = _FINGERPRINT.search(done.stdout.decode("utf-8", "replace"))
            return Signature(key[0] if key else "", plain(name))
    return "is signed by nobody on the list"


_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}(?=\s*$)")


def _keygen(arguments: list[str], text: bytes) -> "subprocess.CompletedProcess[bytes]":
    try:
        pwd.getpwuid(os.getuid())  # ssh-keygen.c, main(): "No user exists for uid"
        return subprocess.run(  # noqa: S603 - fixed words and our own temporary files
            ["ssh-keygen", "-Y", *arguments],  # noqa: S607 - found on the child's own PATH
            input=text,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except KeyError as error:
        found = f"user {os.getuid()} has no name; a line in /etc/passwd is wanted"
        raise OutsideError(f"ssh-keygen: {found}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutsideError(f"ssh-keygen: {error}; openssh-client is wanted") from error
