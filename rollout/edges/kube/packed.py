"""Objects as compressed text, and as JSON while somebody reads them: most rollouts are at rest.

As JSON an object takes five times its text and more, since that is what Python's dicts take.
"""

import json
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from rollout import memo

Json = Mapping[str, Any]
Key = tuple[str, str]

READ_LATELY = 60.0  # seconds; what was read again in the last one or two of them stays JSON
MOST = 4000  # of that: a thousand rollouts under way read three of a kind each
ONCE = 300  # that were read once, and perhaps never again: whoever begins looks at all there are
AGAIN = 1.0  # seconds; what is read twice within them is read by one look
LEVEL = 1  # of zlib: a third to a half is left, and more effort finds little in so short a text


class Packed:
    """One kind's objects by namespace and name.

    What is read for the first time is JSON only among the last few of those; what is read again,
    also where it was let go meanwhile, is for as long as it is read once a minute. So a look at
    all there are leaves room for what is looked at all the time (the rule is 2Q's: T. Johnson and
    D. Shasha, "2Q: A Low Overhead High Performance Buffer Management Replacement Algorithm", 1994).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._texts: dict[Key, bytes] = {}
        self._once: dict[Key, tuple[Json, float]] = {}
        self._known: set[Key] = set()  # that were among those, and are text
        self._lately: dict[Key, Json] = {}
        self._before: dict[Key, Json] = {}
        self._turned_at = clock()
        memo.forgets(self)

    def __setitem__(self, key: Key, obj: Json) -> None:
        """What was read lately stays as it came, since whoever read it will read the news, too."""
        if key in self._once:
            self._texts.pop(key, None)
            self._once[key] = obj, self._once[key][1]
        elif self._lately.pop(key, None) or self._before.pop(key, None):
            self._texts.pop(key, None)
            self._lately[key] = obj
        else:
            self._texts[key] = _packed(obj)
        self._turn(self._clock())

    def __getitem__(self, key: Key) -> Json:
        """The same value as long as it is read once a minute and no news of it comes."""
        now = self._clock()
        self._turn(now)
        obj = self._lately.get(key)
        if obj is None:
            obj = self._read(key, now)
        return obj

    def __delitem__(self, key: Key) -> None:
        for kept in (self._once, self._lately, self._before, self._texts):
            kept.pop(key, None)
        self._known.discard(key)
        self._turn(self._clock())

    def turn(self) -> None:
        """What nobody has read for a minute or two is text, also where nobody reads anything."""
        self._turn(self._clock())

    def _read(self, key: Key, now: float) -> Json:
        if key in self._once:
            obj, since = self._once[key]
            if now - since < AGAIN:
                return obj
            del self._once[key]
        elif key in self._before:
            obj = self._before.pop(key)
        else:
            obj = _read(self._texts[key])
            if key not in self._known:
                self._once[key] = obj, now
                if len(self._once) > ONCE:
                    self._let_go(next(iter(self._once)))
                return obj
            self._known.discard(key)
        self._lately[key] = obj
        return obj

    def _let_go(self, key: Key) -> None:
        """What was read once is text; read soon again, it is known."""
        obj, _ = self._once.pop(key)
        self._known.add(key)
        if key not in self._texts:
            self._texts[key] = _packed(obj)

    def _turn(self, now: float) -> None:
        late = now - self._turned_at >= READ_LATELY
        if not late and len(self._lately) < MOST:
            return
        for key, obj in self._before.items():
            if key not in self._texts:
                self._texts[key] = _packed(obj)
        self._before, self._lately, self._turned_at = self._lately, {}, now
        if late:
            self._known.clear()
            for key in [key for key, (_, at) in self._once.items() if now - at >= READ_LATELY]:
                self._let_go(key)


def _packed(obj: Json) -> bytes:
    text = json.dumps(obj, separators=(",", ":"))
    return zlib.compress(text.encode(), LEVEL)


def _read(text: bytes) -> Json:
    obj: dict[str, Any] = json.loads(zlib.decompress(text))
    return obj
