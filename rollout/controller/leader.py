"""One replica acts at a time, by a Lease; it stops believing so before anybody may take over.

A Lease alone is not safety (argo-rollouts #2117): every write is a compare-and-swap besides.
It is asked for by name, never watched: a Lease of our own namespace is all that we may read.
Source of the protocol: client-go, ``tools/leaderelection``.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rollout.controller import rights, telemetry
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Leases
from rollout.errors import ConflictError, RolloutError

NAME = rights.LEASE
LEASE = 8.0  # seconds without a sign of life after which another replica may take over
BELIEF = 5.0  # seconds after its last renewal that the holder goes on
RENEW = 2.0
RETRY = 1.0


@dataclass(slots=True)
class Leader:
    """Holds the Lease ``name`` or waits for it.

    ``changed``: told that we lead from now on, or no longer; every moment in which we did not
    lies between two tellings, so that what was not done in it can be done after the second.
    ``complaint``: why the Lease could not be read or written last; empty when it could.
    """

    kube: Leases
    namespace: str
    identity: str
    clock: Callable[[], datetime]
    changed: Callable[[bool], None]
    name: str = NAME
    complaint: str = field(init=False, default="not asked for yet")
    _until: float = float("-inf")
    _follows_until: float = float("-inf")
    _told: bool = False
    _held: Json | None = None
    _seen: tuple[str, float] = ("", float("-inf"))

    @property
    def leading(self) -> bool:
        """Whether we may act at this very moment."""
        return asyncio.get_running_loop().time() < self._until

    @property
    def following(self) -> bool:
        """Whether another replica held the Lease when we looked last, not long ago."""
        return asyncio.get_running_loop().time() < self._follows_until

    async def run(self) -> None:
        """Takes the Lease when it is free, and renews it; ends only when cancelled."""
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._once()
                self._complain("")
            except ConflictError:
                self._complain("")  # another replica wrote first; it is read anew below
            except RolloutError as error:
                self._complain(str(error))
            self._tell()
            due = began + (RENEW if self.leading else RETRY)
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            self._tell()

    async def release(self) -> None:
        """Somebody else may take over at once."""
        self._until = float("-inf")
        lease = await self.kube.fetch("Lease", self.namespace, self.name)
        if lease is not None and _holder(lease) == self.identity:
            change = {"op": "replace", "path": "/spec/holderIdentity", "value": ""}
            await self._patch(lease, [change])

    async def _once(self) -> None:
        """Renewed, taken, or seen to be another's; as we wrote it last, it need not be read.

        The times of belief are from before the request: its answer may have taken long.
        """
        began = asyncio.get_running_loop().time()
        lease, self._held = self._held, None
        lease = lease or await self.kube.fetch("Lease", self.namespace, self.name)
        if lease is None:
            self._held = await self.kube.create(self._lease())
        elif _holder(lease) in ("", self.identity) or self._expired(lease, began):
            spec = self._spec(lease)
            self._held = await self._patch(lease, [{"op": "add", "path": "/spec", "value": spec}])
        else:
            self._follows_until = began + LEASE
            return
        self._tell()  # an answer that came after the belief had ended must not hide that
        self._until = began + BELIEF

    def _complain(self, complaint: str) -> None:
        if complaint and complaint != self.complaint:
            telemetry.warn("lease", error=complaint, holder=self.identity)
        self.complaint = complaint

    def _expired(self, lease: Json, began: float) -> bool:
        """Whether it has not changed for its whole length, by our own clock alone.

        It was so from when the first answer came until this one was asked for at ``began``: a
        holder whose Lease we were slow to read is alive.
        """
        version = str(lease["metadata"].get("resourceVersion", ""))
        if version != self._seen[0]:
            self._seen = (version, asyncio.get_running_loop().time())
        return began - self._seen[1] > LEASE

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

    async def _patch(self, lease: Json, ops: list[Json]) -> Json:
        return await self.kube.patch("Lease", self.namespace, self.name, [unchanged(lease), *ops])


def _holder(lease: Json) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")
