"""Lines that vouch for each other: each has the hash of the one before and its own.

A line is one JSON object with sorted keys, no spaces and ASCII only, so that each content has one
spelling; ``hash`` is the SHA-256 of that object without ``hash``, in hex. ``seq`` counts from 0.
Whoever can write the log can write it anew from any line on: only a head that was kept elsewhere
shows that.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
"""The hash before the first line."""

Body = Mapping[str, Any]
"""What one line says; ``seq``, ``prev`` and ``hash`` are the chain's own."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: the last line's number and hash."""

    seq: int = -1
    hash: str = GENESIS


def canonical(body: Body) -> str:
    """The one spelling of ``body``. Errors: ``ValueError`` for what JSON cannot say."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sealed(head: Head, body: Body) -> tuple[bytes, Head]:
    """``body`` as the line after ``head``, with its newline, and the new head."""
    linked = {**body, "seq": head.seq + 1, "prev": head.hash}
    digest = hashed(linked)
    line = canonical({**linked, "hash": digest}).encode("ascii") + b"\n"
    return line, Head(head.seq + 1, digest)


def hashed(linked: Body) -> str:
    """The hash of a line, from what it says without it."""
    return hashlib.sha256(canonical(linked).encode("ascii")).hexdigest()


def _is_link(body: Body) -> bool:
    """Whether it says its place and its act; any line can be given a good hash."""
    seq, words = body.get("seq"), (body.get("prev"), body.get("act"))
    whole = isinstance(seq, int) and not isinstance(seq, bool)
    return whole and all(isinstance(word, str) for word in words)


def opened(line: bytes) -> Body | None:
    """What a whole line says; None: it is not as it was written."""
    try:
        body = json.loads(line)
        if not isinstance(body, dict) or not _is_link(body):
            return None
        rest = {key: value for key, value in body.items() if key != "hash"}
        whole = canonical(body).encode("ascii") + b"\n"
        return body if line == whole and body.get("hash") == hashed(rest) else None
    except (ValueError, RecursionError):
        return None


def head(body: Body) -> Head:
    """Where the chain ends if ``body`` is its last line."""
    return Head(int(body["seq"]), str(body["hash"]))
