"""Whether a commit was signed by one of the allowed signers; ssh-keygen judges.

pygit2 extracts a signature and its payload but verifies nothing (docs/facts.md).
Who may sign comes from the controller's configuration, never from the repository.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rollout.errors import OutsideError, RefusedError

_HEADERS = (b"gpgsig ", b"gpgsig-sha256 ")


def check(commit: Any, where: str, signers: Sequence[str]) -> None:
    """``commit`` carries one good SSH signature of a key that ``signers`` lists.

    Source: ssh-keygen(1), "-Y verify" and "ALLOWED SIGNERS"; namespace "git" as git signs.
    Errors: ``RefusedError`` in every other case; a missing signature is a bad one.
    """
    where = f"{where}: commit {str(commit.id)[:12]}"
    head = commit.read_raw().partition(b"\n\n")[0]
    count = sum(line.startswith(_HEADERS) for line in head.split(b"\n"))
    signature, payload = commit.gpg_signature
    if count != 1 or not signature:
        found = "is not signed" if not count else f"has {count} signatures"
        raise RefusedError(f"{where} {found}; one by an allowed signer is wanted")
    if not bytes(signature).startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise RefusedError(f"{where} has no SSH signature; one by an allowed signer is wanted")
    if not _verified(bytes(signature), bytes(payload), "\n".join(signers)):
        raise RefusedError(f"{where} is signed by nobody on the list; an allowed signer is wanted")


def _verified(signature: bytes, payload: bytes, signers: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        allowed, signed = Path(folder, "signers"), Path(folder, "signature")
        allowed.write_text(signers + "\n")
        signed.write_bytes(signature)
        files = ["-f", str(allowed), "-s", str(signed)]
        found = _keygen(["find-principals", *files], b"")
        names = found.stdout.decode("utf-8", "replace").replace(",", "\n").splitlines()
        return found.returncode == 0 and any(
            _keygen(["verify", "-n", "git", "-I", name, *files], payload).returncode == 0
            for name in names[:10]
        )


def _keygen(arguments: list[str], text: bytes) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(  # noqa: S603 - fixed words and our own temporary files
            ["ssh-keygen", "-Y", *arguments],  # noqa: S607 - found on the child's own PATH
            input=text,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutsideError(f"ssh-keygen: {error}; openssh-client is wanted") from error
