"""Programs of Debian's packages: found on PATH, or fetched into our cache once, without root."""

import asyncio
import os
import shutil
from pathlib import Path

from rollout.errors import OutsideError


def cache() -> Path:
    """Our folder of programs."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "rollout-lab"


async def program(package: str, name: str, version: str = "") -> Path:
    """The program ``name``: the one on PATH, else that of Debian's ``package``.

    ``version``: the oldest that will do, for the words of an error.
    Errors: OutsideError says what to install.
    """
    if found := shutil.which(name):
        return Path(found)
    folder = cache() / package
    kept = folder / "usr" / "bin" / name
    if not kept.exists():
        wanted = f"{package} {version} or later" if version else package
        await _fetch(
            package,
            folder,
            f"run `apt-get update` as root once, or install {wanted} so that it is on PATH",
        )
    return kept


async def _fetch(package: str, folder: Path, wanted: str) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise OutsideError(f"{package}: not on PATH, and this is not Debian; {wanted}")
    part = folder.with_name(f"{package}.part.{os.getpid()}")
    part.mkdir(parents=True, exist_ok=True)
    try:
        await _run(package, wanted, "apt-get", "download", package, folder=part)
        archive = next(part.glob("*.deb"))
        await _run(package, wanted, "dpkg", "-x", str(archive), str(part), folder=part)
        archive.unlink()
        if not folder.exists():  # another lab may have been faster; its copy is as good
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


async def _run(package: str, wanted: str, *command: str, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        words = said.decode(errors="replace").strip()[-200:]
        raise OutsideError(f"{package}: {' '.join(command)}: {words}; {wanted}")
