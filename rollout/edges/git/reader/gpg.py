"""OpenPGP signatures, judged by gpg with a home of its own: no agent, no network, no keyserver."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rollout.errors import OutsideError, RefusedError, visible
from rollout.model.source import Signature

_ALONE = (
    *("--no-options", "--batch", "--no-tty", "--no-autostart", "--disable-dirmngr"),
    *("--no-auto-key-retrieve", "--no-auto-key-locate", "--no-auto-check-trustdb"),
    *("--trust-model", "always", "--weak-digest", "SHA1", "--weak-digest", "RIPEMD160"),
)
_NO = {
    "EXPKEYSIG": "is signed by a key that has expired",
    "REVKEYSIG": "is signed by a key that was revoked",
    "EXPSIG": "has a signature that has expired",
    "BADSIG": "has a signature over other bytes",
}
"""Source: GnuPG, doc/DETAILS, "Format of the --status-fd output"."""
_BINARY = "00"  # the class of a signature over bytes as they are; RFC 4880, 5.2.1


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of allowed signers; ``home``: empty where there are none."""

    home: Path | None

    def signer(self, signature: bytes, payload: bytes) -> Signature | str:
        """Whose ``signature`` over ``payload`` is, or why it does not count."""
        nobody = "is signed by nobody on the list"
        if self.home is None:
            return nobody
        file = self.home / "signature"
        file.write_bytes(signature)
        done = _gpg(self.home, ["--status-fd", "1", "--verify", str(file), "-"], payload)
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        told = [line.split()[1:] for line in lines if line.startswith("[GNUPG:] ")]
        words = [one[0] for one in told if one]
        for word, why in _NO.items():
            if word in words:
                return why
        counts = [words.count(word) for word in ("NEWSIG", "GOODSIG", "VALIDSIG")]
        if counts[0] > 1:
            return f"has {counts[0]} signatures in one"
        if done.returncode != 0 or counts != [1, 1, 1]:
            return nobody
        by = {one[0]: one[1:] for one in told if one}
        if by["VALIDSIG"][8] != _BINARY:
            return "has a signature over text, whose line ends anybody may change"
        return Signature(plain(by["VALIDSIG"][-1]), plain(" ".join(by["GOODSIG"][1:])))


def plain(text: str) -> str:
    """``text`` as a line may show it."""
    return visible(text)[:200]


@contextmanager
def keyring(keys: str) -> Iterator[Keyring]:
    """A keyring of exactly these armored public ``keys``, for as long as the block lasts."""
    if not keys.strip():
        yield Keyring(None)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        done = _gpg(home, ["--import"], keys.encode())
        if done.returncode != 0:
            raise RefusedError(
                "signers: a public key cannot be read; `gpg --armor --export` has it"
            )
        yield Keyring(home)


def _gpg(home: Path, arguments: list[str], text: bytes) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(  # noqa: S603 - fixed words and our own temporary files
            ["gpg", "--homedir", str(home), *_ALONE, *arguments],  # noqa: S607 - on our own PATH
            input=text,
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutsideError(f"gpg: {error}; gnupg is wanted") from error
