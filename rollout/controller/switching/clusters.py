"""The two clusters of a switchover, connected by the kubeconfigs that Secrets hold."""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from rollout.controller.ports import Cluster, Clusters, Remote
from rollout.errors import RefusedError, RolloutError
from rollout.model.spec import SecretRef
from rollout.model.switchover import Side, Switchover

ENTRY = "kubeconfig"
MOST = 64  # connections kept; more switchovers at one time reconnect


@dataclass(frozen=True, slots=True)
class Reached:
    """One cluster, or why it cannot be reached."""

    remote: Remote | None = None
    problem: str = ""


@dataclass(slots=True)
class Connections:
    """Connections by the text of their kubeconfig: a Secret that changes is another one."""

    home: Cluster
    clusters: Clusters
    _open: dict[str, Remote] = field(default_factory=dict)

    async def of(self, switchover: Switchover, side: Side) -> Reached:
        """The cluster on ``side``."""
        ref = switchover.spec.cluster(side).kubeconfig
        if ref is None:
            return Reached(self.clusters.home)
        try:
            text = await self._text(switchover.namespace, ref)
            return Reached(await self._connected(text))
        except RolloutError as error:
            return Reached(problem=str(error))

    async def close(self) -> None:
        """Nothing is open any more."""
        for remote in self._open.values():
            await remote.close()
        self._open.clear()

    async def _text(self, namespace: str, ref: SecretRef) -> bytes:
        where = f"secret {namespace}/{ref.name}"
        obj = await self.home.fetch("Secret", namespace, ref.name)
        if obj is None:
            raise RefusedError(f"{where}: is missing; kubeconfig names it")
        data = obj.get("data") or {}
        if ENTRY not in data:
            raise RefusedError(f"{where}: has no entry {ENTRY}")
        try:
            return base64.b64decode(str(data[ENTRY]), validate=True)
        except binascii.Error as error:
            raise RefusedError(f"{where}: its entry {ENTRY} is no base64") from error

    async def _connected(self, text: bytes) -> Remote:
        key = hashlib.sha256(text).hexdigest()
        if key not in self._open:
            if len(self._open) >= MOST:
                await self.close()
            self._open[key] = await self.clusters.connect(text)
        return self._open[key]
