"""``git push``, as a person does it: a clone, a changed file, a commit, a push."""

import asyncio
from pathlib import Path

from rollout.cli import settings
from rollout.errors import OutsideError

_WHO = ("-c", "user.name=demo", "-c", "user.email=demo@rollout.dev", "-c", "commit.gpgsign=false")


class Checkout:
    """A person's clone of ``url`` in ``folder``."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder

    async def push(self, file: str, text: str, message: str) -> str:
        """``file`` is ``text`` on main, here and there; answers with the commit.

        Errors: ``OutsideError`` when git is missing, or says no.
        """
        if not self._folder.exists():
            await _git(None, "clone", "--quiet", self._url, self._folder)
        path = self._folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        await _git(self._folder, "add", file)
        await _git(self._folder, *_WHO, "commit", "--quiet", "-m", message)
        await _git(self._folder, "push", "--quiet", "origin", "HEAD:main")
        return (await _git(self._folder, "rev-parse", "HEAD")).strip()


async def _git(folder: Path | None, *words: object) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *map(str, words),
            cwd=folder,
            env=settings.inherited(GIT_TERMINAL_PROMPT="0", GIT_CONFIG_GLOBAL="/dev/null"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise OutsideError("git: not on PATH; install git") from error
    said, complaint = await process.communicate()
    if process.returncode:
        raise OutsideError(f"git {words[0]}: {complaint.decode(errors='replace').strip()[:300]}")
    return said.decode()
