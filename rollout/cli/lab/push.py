"""``git push``, as a person does it: a clone, a changed file, a commit, a push."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from rollout.cli import settings
from rollout.errors import OutsideError

_WHO = ("-c", "user.name=demo", "-c", "user.email=demo@rollout.dev")
AUTHOR = "demo@rollout.dev"


@dataclass(frozen=True, slots=True)
class Trust:
    """What a clone is made with: the CA's file, and the SSH key that signs; None: neither."""

    ca: Path | None = None
    key: Path | None = None

    def words(self, *, signs: bool) -> tuple[str, ...]:
        """git's options for a commit."""
        if self.key is None or not signs:
            return ("-c", "commit.gpgsign=false")
        sign = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={self.key}.pub")
        return (*sign, "-c", "commit.gpgsign=true")

    def environment(self) -> dict[str, str]:
        """Goes before what the machine's own environment says of CAs."""
        return {"GIT_SSL_CAINFO": str(self.ca)} if self.ca else {}


class Checkout:
    """A person's clone of ``url`` in ``folder``."""

    def __init__(self, url: str, folder: Path, trust: Trust | None = None) -> None:
        self._url = url
        self.folder = folder
        self._trust = trust or Trust()

    async def push(
        self, file: str, text: str, message: str, *, branch: str = "main", signs: bool = True
    ) -> str:
        """``file`` is ``text`` on ``branch``, here and there; answers with the commit.

        ``signs``: with the key, where there is one.
        Errors: ``OutsideError`` when git is missing, or says no.
        """
        if not self.folder.exists():
            await self._git("clone", "--quiet", self._url, self.folder)
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        here = ("-C", self.folder)
        await self._git(*here, "add", file)
        words = self._trust.words(signs=signs)
        await self._git(*here, *_WHO, *words, "commit", "--quiet", "-m", message)
        await self.send(branch)
        return (await self._git(*here, "rev-parse", "HEAD")).strip()

    async def send(self, branch: str = "main") -> None:
        """What is committed here is there, on ``branch``. Errors: as ``push``."""
        await self._git("-C", self.folder, "push", "--quiet", "origin", f"HEAD:{branch}")

    async def _git(self, *words: object) -> str:
        return await _run("git", *map(str, words), **self._trust.environment())


async def a_key(folder: Path) -> Path:
    """A new SSH key to sign with, in ``folder``. Errors: ``OutsideError`` without ssh-keygen."""
    path = folder / "signing-key"
    words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", AUTHOR, "-f", str(path))
    await _run(*words)
    return path


async def _run(program: str, *words: str, **environment: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, *words),
            env=settings.inherited(
                GIT_TERMINAL_PROMPT="0", GIT_CONFIG_GLOBAL="/dev/null", **environment
            ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise OutsideError(f"{program}: not on PATH; install {program}") from error
    said, complaint = await process.communicate()
    if process.returncode:
        text = complaint.decode(errors="replace").strip()[:300]
        raise OutsideError(f"{program}: {text}")
    return said.decode()
