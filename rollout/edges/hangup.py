"""Answers that urllib3 waits for in a thread, hung up on when their time is over.

Its own timeouts begin anew with each byte: whoever sends one now and then, be it of a header or of
a body, would keep the thread for ever.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse


class Wait:
    """One question's time; ``over``: it is up, and nothing more is heard."""

    def __init__(self) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._line: socket.socket | None = None

    @contextmanager
    def here(self) -> Iterator[None]:
        """What this thread asks meanwhile is hung up on with us."""
        _NOW.wait = self
        try:
            yield
        finally:
            _NOW.wait = None
            self._hears(None)

    def hang_up(self) -> None:
        """Called from any thread: whoever waits for a byte gets none."""
        with self._lock:
            self.over = True
            if self._line is not None:
                with suppress(OSError):  # TLS has its own shutdown, which is not for two threads
                    socket.socket.shutdown(self._line, socket.SHUT_RDWR)

    def heard(self, line: socket.socket) -> None:
        """The answer comes by ``line``. Errors: ``TimeoutError`` when its time is over."""
        self._hears(line)
        if self.over:
            raise TimeoutError

    def _hears(self, line: socket.socket | None) -> None:
        with self._lock:
            self._line = line


class _Now(threading.local):
    """Whose time it is in this thread."""

    wait: Wait | None = None


_NOW = _Now()


class _Plain(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _listen(self)
        return super().getresponse()


class _Tls(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _listen(self)
        return super().getresponse()


def _listen(connection: HTTPConnection) -> None:
    if _NOW.wait is not None and connection.sock is not None:
        _NOW.wait.heard(connection.sock)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


class Adapter(HTTPAdapter):
    """Of a session whose questions are asked within ``Wait.here``."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
