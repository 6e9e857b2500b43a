"""The page's own files, read once and kept packed; a name that is not one of them is nothing."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from aiohttp import web

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file as it is sent."""

    plain: bytes
    packed: bytes
    type: str
    tag: str


def load() -> Mapping[str, File]:
    """Every file of ``assets/`` by its name; there are no folders in it."""
    folder = resources.files("rollout.web.page") / "assets"
    found = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    return {name: _file(name, content) for name, content in sorted(found.items())}


def _file(name: str, content: bytes) -> File:
    tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
    kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    return File(content, gzip.compress(content, mtime=0), kind, tag)


def answer(request: web.Request, file: File) -> web.Response:
    """``file``, packed where the browser can unpack it; 304 where it has it."""
    headers = {"Content-Type": file.type, "ETag": file.tag, "Cache-Control": "no-cache"}
    headers["Vary"] = "Accept-Encoding"
    if request.headers.get("If-None-Match") == file.tag:
        return web.Response(status=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        packed = {**headers, "Content-Encoding": "gzip"}
        return web.Response(body=file.packed, headers=packed)
    return web.Response(body=file.plain, headers=headers)
