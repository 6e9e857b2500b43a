"""One replica acts at a time, by a Lease; it stops believing so before anybody may take over.

A Lease alone is not safety (argo-rollouts #2117): every write is a compare-and-swap besides.
Source of the protocol: client-go, ``tools/leaderelection``.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from rollout.controller import telemetry
from rollout.controller.keeping.store import unchanged
from rollout.controller.ports import Json, Kube
from rollout.errors import RolloutError

NAME = "rollout-controller"
LEASE = 8.0  # seconds without a sign of life after which another replica may take over
BELIEF = 5.0  # seconds after its last renewal that the holder goes on
RENEW = 2.0
RETRY = 1.0


@dataclass(slots=True)
class Leader:
    """Holds the Lease ``name`` or waits for it.

    ``changed``: told that we lead from now on, or no longer.
    """

    kube: Kube
    namespace: str
    identity: str
    clock: Callable[[], datetime]
    changed: Callable[[bool], None]
    name: str = NAME
    _until: float = float("-inf")
    _told: bool = False
    _seen: tuple[str, float] = ("", float("-inf"))

    @property
    def leading(self) -> bool:
        """Whether we may act at this very moment."""
        return asyncio.get_running_loop().time() < self._until

    async def run(self) -> None:
        """Takes the Lease when it is free, and renews it; ends only when cancelled."""
        while True:
            try:
                await self._once()
            except RolloutError as error:
                telemetry.warn("lease", error=str(error), holder=self.identity)
            self._tell()
            await asyncio.sleep(RENEW if self.leading else RETRY)
            self._tell()

    async def release(self) -> None:
        """Somebody else may take over at once."""
        lease = self.kube.get("Lease", self.namespace, self.name)
        self._until = float("-inf")
        if lease is not None and _holder(lease) == self.identity:
            change = {"op": "replace", "path": "/spec/holderIdentity", "value": ""}
            await self._patch(lease, [change])

    async def _once(self) -> None:
        lease = self.kube.get("Lease", self.namespace, self.name)
        now = asyncio.get_running_loop().time()
        if lease is None:
            await self.kube.create(self._lease())
        elif _holder(lease) in ("", self.identity) or self._expired(lease, now):
            spec = self._spec(lease)
            await self._patch(lease, [{"op": "add", "path": "/spec", "value": spec}])
        else:
            return
        self._until = now + BELIEF  # from before the request: its answer may have taken long

    def _expired(self, lease: Json, now: float) -> bool:
        """Whether it has not changed for its whole length, by our own clock alone."""
        version = str(lease["metadata"].get("resourceVersion", ""))
        if version != self._seen[0]:
            self._seen = (version, now)
        return now - self._seen[1] > LEASE

    def _tell(self) -> None:
        if self.leading is not self._told:
            self._told = self.leading
            telemetry.info("leads" if self._told else "follows", holder=self.identity)
            self.changed(self._told)

    def _lease(self) -> Json:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self._spec(None),
        }

    def _spec(self, lease: Json | None) -> Json:
        spec = (lease or {}).get("spec") or {}
        mine = lease is not None and _holder(lease) == self.identity
        now = self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        turns = int(spec.get("leaseTransitions") or 0)
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(LEASE),
            "acquireTime": spec.get("acquireTime", now) if mine else now,
            "renewTime": now,
            "leaseTransitions": turns if mine or lease is None else turns + 1,
        }

    async def _patch(self, lease: Json, ops: list[Json]) -> None:
        await self.kube.patch("Lease", self.namespace, self.name, [unchanged(lease), *ops])


def _holder(lease: Json) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")
