"""What a status keeps for ourselves alone, as one short text out of its readers' way."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

from rollout import lenient

_PACKED = "packed"
_MOST = 4_000_000  # bytes; an object of the API server has 1.5 million at most (etcd)


def pack(made: dict[str, Any], opaque: Mapping[str, Mapping[str, Any]]) -> None:
    """The attempt of ``made`` has each of ``opaque``, where there is any, as one short text.

    Nobody reads them, and spelled out they are most of what ``kubectl describe`` prints.
    """
    for key, value in opaque.items():
        if value:
            text = json.dumps(value, separators=(",", ":"))
            packed = base64.b64encode(zlib.compress(text.encode())).decode("ascii")
            made["attempt"] = {**made.get("attempt", {}), key: {_PACKED: packed}}


def unpacked(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """``stored`` with what ``pack`` has packed spelled out; what cannot be read is left out."""
    attempt = lenient.mapping(stored.get("attempt"))
    packed = {key: value[_PACKED] for key, value in attempt.items() if _is_packed(value)}
    if not packed:
        return stored
    return {**stored, "attempt": {**attempt, **{k: _opened(v) for k, v in packed.items()}}}


def _is_packed(value: Any) -> bool:
    return isinstance(value, lenient.MAPPING) and set(value) == {_PACKED}


def _opened(text: Any) -> dict[str, Any]:
    """What was packed, of at most ``_MOST`` bytes; nothing where that cannot be told."""
    try:
        opening = zlib.decompressobj()
        plain_text = opening.decompress(base64.b64decode(text, validate=True), _MOST)
        found = json.loads(plain_text)
    except (TypeError, ValueError, RecursionError, binascii.Error, zlib.error):
        return {}
    return found if isinstance(found, dict) else {}
