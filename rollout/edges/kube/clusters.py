"""Other API servers than the controller's own, each by a kubeconfig's text."""

from rollout.edges.kube import credentials
from rollout.edges.kube.credentials import Connection
from rollout.edges.kube.remote import Remote
from rollout.edges.proxy import Proxy


class Clusters:
    """The port of that name; ``home``: the connection of the controller's own cluster."""

    def __init__(self, home: Connection, proxy: Proxy | None = None) -> None:
        self.home = Remote(home)
        self._proxy = proxy

    async def connect(self, kubeconfig: bytes) -> Remote:
        """The cluster that ``kubeconfig`` names. Errors: ``RefusedError``."""
        return Remote(await credentials.given(kubeconfig, self._proxy))
