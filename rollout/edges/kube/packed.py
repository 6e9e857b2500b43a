"""Objects as compressed text, and as JSON while somebody reads them: most rollouts are at rest.

As JSON an object takes five times its text and more, since that is what Python's dicts take.
Objects of one kind are alike, so that each is told by what it has apart from a few of them, which
is a tenth of its text and takes a third of the time (RFC 1950, "preset dictionary").
"""

import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from rollout import jsontext

Json = Mapping[str, Any]
Key = tuple[str, str]

READ_LATELY = 60.0  # seconds; what was read in the last one or two of them is kept as JSON, too
MOST = 4000
"""That were read lately: a thousand rollouts under way read three of a kind each, and whoever
begins looks once at all there are, which should not all be kept as JSON for it."""
ONCE = 300  # of a kind that were read once, and perhaps never again: 25 looks read four each
LEVEL = 3  # of zlib: more effort finds little in texts so short
WINDOW, EFFORT = 13, 6
"""Of zlib: how far back it looks, 8 KiB, and the memory it does it with, which is copied for each
text: the usual 32 KiB and 8 take twice the time."""
MODELS, AFTER = 8, 32
"""How many texts the others are told by, and after how many: not for a kind of a few objects."""


class Alike:
    """Texts that are much alike, compressed one by one."""

    def __init__(self) -> None:
        self._seen = 0
        self._last: deque[bytes] = deque(maxlen=MODELS)
        self._set(b"")

    def packed(self, text: bytes) -> bytes:
        self._seen += 1
        if self._seen <= AFTER:
            self._last.append(text)
        if self._seen == AFTER:
            self._set(b"".join(self._last)[-(1 << WINDOW) :])
            self._last.clear()
        press = self._press.copy()
        return press.compress(text) + press.flush()

    def text(self, packed: bytes) -> bytes:
        """What was packed, also before there were models: its header says whether it needs them."""
        return self._open.copy().decompress(packed)

    def _set(self, models: bytes) -> None:
        self._press = zlib.compressobj(
            LEVEL, zlib.DEFLATED, WINDOW, EFFORT, zlib.Z_DEFAULT_STRATEGY, models
        )
        self._open = zlib.decompressobj(WINDOW, models)


class Packed:
    """One kind's objects by namespace and name.

    What is read for the first time is JSON among the last few of those alone; what was let go of
    so and is read again is for as long as it is read once a minute. So a look at all there are
    leaves the memory to what is looked at all the time (the rule is 2Q's: T. Johnson and D. Shasha,
    "2Q: A Low Overhead High Performance Buffer Management Replacement Algorithm", 1994).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._alike = Alike()
        self._texts: dict[Key, bytes] = {}
        self._once: dict[Key, Json] = {}
        self._let_go: set[Key] = set()  # that were among those since the last turn
        self._lately: dict[Key, Json] = {}
        self._before: dict[Key, Json] = {}
        self._turned_at = clock()

    def __setitem__(self, key: Key, obj: Json) -> None:
        """What was read lately stays as it came, since whoever read it will read the news, too."""
        if key in self._once:
            self._texts.pop(key, None)
            self._once[key] = obj
        elif self._lately.pop(key, None) or self._before.pop(key, None):
            self._texts.pop(key, None)
            self._lately[key] = obj
        else:
            self._texts[key] = self._packed(obj)
        self._turn()

    def __getitem__(self, key: Key) -> Json:
        """The same value as long as it is read once a minute and no news of it comes.

        Of more than a few that are read for the first time, from the second time on.
        """
        self._turn()
        obj = self._lately.get(key) or self._once.get(key)
        if obj is not None:
            return obj
        again = key in self._before or key in self._let_go
        obj = self._before.pop(key, None) or self._parsed(self._texts[key])
        if again:
            self._lately[key] = obj
        else:
            self._once[key] = obj
            if len(self._once) > ONCE:
                oldest = next(iter(self._once))
                self._pack(oldest, self._once.pop(oldest))
                self._let_go.add(oldest)
        return obj

    def __delitem__(self, key: Key) -> None:
        for kept in (self._once, self._lately, self._before, self._texts):
            kept.pop(key, None)
        self._let_go.discard(key)
        self._turn()

    def _turn(self) -> None:
        now = self._clock()
        if now - self._turned_at < READ_LATELY and len(self._lately) < MOST:
            return
        for key, obj in self._before.items():
            self._pack(key, obj)
        self._before, self._lately, self._once = {**self._once, **self._lately}, {}, {}
        self._let_go.clear()
        self._turned_at = now

    def _pack(self, key: Key, obj: Json) -> None:
        """It is text, also where that has changed since it was read."""
        if key not in self._texts:
            self._texts[key] = self._packed(obj)

    def _packed(self, obj: Json) -> bytes:
        return self._alike.packed(jsontext.written(obj))

    def _parsed(self, text: bytes) -> Json:
        obj: dict[str, Any] = jsontext.read(self._alike.text(text))
        return obj
