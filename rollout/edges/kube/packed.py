"""Objects as compressed text, and as JSON while somebody reads them: most rollouts are at rest.

As JSON an object takes five times its text and more, since that is what Python's dicts take.
"""

import json
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

Json = Mapping[str, Any]
Key = tuple[str, str]

READ_LATELY = 60.0  # seconds; what was read in the last one or two of them is kept as JSON, too
MOST = 4000
"""That were read lately: a thousand rollouts under way read three of a kind each, and whoever
begins looks once at all there are, which should not all be kept as JSON for it."""
LEVEL = 1  # of zlib: a third to a half is left, and more effort finds little in so short a text


class Packed:
    """One kind's objects by namespace and name."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._texts: dict[Key, bytes] = {}
        self._lately: dict[Key, Json] = {}
        self._before: dict[Key, Json] = {}
        self._turned_at = clock()

    def __setitem__(self, key: Key, obj: Json) -> None:
        """What was read lately stays as it came, since whoever read it will read the news, too."""
        read = self._lately.pop(key, None) or self._before.pop(key, None)
        if read is None:
            self._texts[key] = _packed(obj)
        else:
            self._texts.pop(key, None)
            self._lately[key] = obj
        self._let_go()

    def __getitem__(self, key: Key) -> Json:
        """The same value as long as it is read once a minute and no news of it comes."""
        self._let_go()
        obj = self._lately.get(key)
        if obj is None:
            obj = self._before.pop(key, None) or _read(self._texts[key])
            self._lately[key] = obj
        return obj

    def __delitem__(self, key: Key) -> None:
        self._lately.pop(key, None)
        self._before.pop(key, None)
        self._texts.pop(key, None)
        self._let_go()

    def _let_go(self) -> None:
        now = self._clock()
        if now - self._turned_at < READ_LATELY and len(self._lately) < MOST:
            return
        for key, obj in self._before.items():
            if key not in self._texts:
                self._texts[key] = _packed(obj)
        self._before, self._lately, self._turned_at = self._lately, {}, now


def _packed(obj: Json) -> bytes:
    text = json.dumps(obj, separators=(",", ":"))
    return zlib.compress(text.encode(), LEVEL)


def _read(text: bytes) -> Json:
    obj: dict[str, Any] = json.loads(zlib.decompress(text))
    return obj
