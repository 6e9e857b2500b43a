"""The lab's API server: starts, stops, and says where it is."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from . import authority, datafile
from .faults import Faults
from .storage.housekeeping import Housekeeping
from .storage.store import Store
from .webhooks.calling import Caller, Reach
from .webhooks.passage import Webhooks
from .wire.access import Access
from .wire.door import Door
from .wire.streams import Streams
from .wire.verbs import Verbs

_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


@dataclass(frozen=True, slots=True)
class Settings:
    """``data``: the file to keep the objects in, None for memory only.

    ``history``: changes of a kind that a watch may be behind before it gets a 410.
    ``bookmark_s``: seconds of silence before a bookmark. ``slow``: unsent events before a drop.
    ``tls``: it speaks TLS, too, on a port of its own. ``reach``: from a pod's address to the one
    where its webhook can be called from here.
    """

    data: Path | None = None
    history: int = 10_000
    bookmark_s: float = 10.0
    slow: int = 10_000
    tls: bool = False
    reach: Reach = str


class ApiServer:
    """A Kubernetes API on 127.0.0.1, its objects in this process.

    ``store`` reads and writes them without HTTP; ``faults`` and ``access`` are for tests.
    ``url``: plain. ``tls_url``, ``ca``: with TLS, and what a client must trust there (PEM); both
    are empty without ``tls``, or where there is no ``openssl``.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.store = Store(self.settings.history)
        self.faults = Faults()
        self.access = Access()
        self.url = ""
        self.tls_url = ""
        self.ca = ""
        self._caller = Caller(self.store.ledger, self.settings.reach)
        self._runner: web.ServerRunner | None = None
        self._keeper: datafile.Keeper | None = None

    async def start(self, port: int = 0, tls_port: int = 0) -> str:
        """Its URL; port 0 takes a free one. Objects of the data file are back by then."""
        self._open()
        verbs = Verbs(self.store, Webhooks(self.store.ledger, self.store.kinds, self._caller))
        streams = Streams(
            self.store.ledger,
            verbs,
            self.faults,
            self.settings.bookmark_s,
            self.settings.slow,
        )
        door = Door(self.store, self.access, self.faults, streams, verbs)
        server = web.Server(door.answer, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])
        if self.settings.tls and (trusted := await authority.made()) is not None:
            context = trusted.context
            await web.TCPSite(self._runner, "127.0.0.1", tls_port, ssl_context=context).start()
            self.tls_url = "https://{}:{}".format(*self._runner.addresses[1][:2])
            self.ca = trusted.pem
        return self.url

    def kubeconfig(self, token: str = "") -> str:
        """A kubeconfig for this server, with TLS if it speaks it."""
        return kubeconfig(self.tls_url or self.url, token, self.ca)

    def _open(self) -> None:
        if self.settings.data is not None:
            datafile.load(self.store, self.settings.data)
        loop = asyncio.get_running_loop()
        Housekeeping(self.store, loop.call_soon)
        for name in _NAMESPACES:
            if self.store.ledger.get("namespaces", "", name) is None:
                self.store.create("namespaces", {"metadata": {"name": name}})
        if self.settings.data is not None:
            self._keeper = datafile.Keeper(self.store, self.settings.data)

    async def stop(self) -> None:
        """End all watches, close the port, write the data file; may be called twice."""
        self.faults.cut_watches()
        await asyncio.sleep(0)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._caller.close()
        if self._keeper is not None:
            self._keeper.save()
            self._keeper = None


NOBODYS = "lab"
"""A token where the server asks for none."""


def kubeconfig(url: str, token: str = "", ca: str = "") -> str:
    """A kubeconfig for ``url``, as JSON, which kubectl reads as YAML; ``ca``: PEM to trust.

    There is always a token: without any, kubectl asks for a user's name where it speaks TLS.
    """
    user = {"token": token or NOBODYS}
    trust = {"certificate-authority-data": b64encode(ca.encode()).decode()} if ca else {}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": {"server": url, **trust}}],
            "users": [{"name": "lab", "user": user}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
            "current-context": "lab",
        },
        indent=2,
    )
