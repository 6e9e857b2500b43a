"""One replica acts at a time, by a Lease; it stops believing so before anybody may take over.

A Lease alone is not safety (argo-rollouts #2117): every write is a compare-and-swap besides.
It is asked for by name, never watched: a Lease of our own namespace is all that we may read.
Source of the protocol: client-go, ``tools/leaderelection``, whose usual times are 15, 10 and 2 s.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from rollout import lenient
from rollout.controller import rights, telemetry
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Leases
from rollout.controller.sharing import everything
from rollout.errors import ConflictError, OutsideError, RolloutError
from rollout.model.spec import GROUP

NAME = rights.LEASE
LEASE = 8.0  # seconds without a sign of life after which another replica may take over
BELIEF = 5.0  # seconds after its last renewal that the holder goes on; no answer is of use later
RENEW = 2.0
RETRY = 1.0
MARGIN = 0.05  # after the moment in which a Lease is over, so that it is
TRIES = 3  # at giving a Lease back, where a renewal that we no longer wait for may come between
SHARDS = f"{GROUP}/shards"  # among how many Leases its holder shares the objects
WISHED = f"{GROUP}/wished-by"  # the replica that has fewer Leases, and would like this one

T = TypeVar("T")


async def _at_once() -> None:
    """Nothing is under way."""


@dataclass(slots=True)
class Leader:
    """Holds the Lease ``name`` or waits for it.

    ``changed``: told that we lead from now on, or no longer; every moment in which we did not
    lies between two tellings, so that what was not done in it can be done after the second.
    ``number``: what the Lease says of us: among how many the objects are shared.
    ``may``: whether we may hold it at all. ``yields``: whether it is given to that replica.
    ``idle``: comes back once little is under way that a hand-over would cut short.
    ``complaint``: why the Lease could not be read or written last; empty when it could.
    ``lease``: the Lease as it was read or written last; None: there was none.
    """

    kube: Leases
    namespace: str
    identity: str
    clock: Callable[[], datetime]
    changed: Callable[[bool], None]
    name: str = NAME
    number: int = 1
    may: Callable[[], bool] = lambda: True
    yields: Callable[[str], bool] = everything
    idle: Callable[[], Awaitable[None]] = _at_once
    complaint: str = field(init=False, default="not asked for yet")
    lease: Json | None = field(init=False, default=None)
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

    @property
    def holder(self) -> str:
        """Whose it is as far as we know: ours, that of another that lives, or nobody's: empty."""
        if self.leading:
            return self.identity
        return holder(self.lease) if self.lease is not None and self.following else ""

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
            await asyncio.sleep(max(0.0, self._due(began) - asyncio.get_running_loop().time()))
            self._tell()

    async def release(self) -> None:
        """Somebody else may take over at once.

        Errors: ``ConflictError`` when others wrote it again and again; as ``Leases``.
        """
        self._until = float("-inf")
        await self._give("", None)

    async def wish(self) -> None:
        """Whoever holds the Lease reads there that we would like it. Errors: as ``Leases``.

        Its holder may renew it meanwhile: neither write keeps the other from its effect, however
        long they take. What waits for a moment without a renewal may wait for ever.
        """
        lease = self.lease
        if lease is not None and not wished(lease):
            self.lease = await self._patch(lease, still_held, _wishing(lease, self.identity))

    def _due(self, began: float) -> float:
        """When the Lease is looked at next: not later than when it may be taken from the dead."""
        if self._held is not None:
            return began if self._gives_way(self._held) else began + RENEW
        expires = self._seen[1] + LEASE + MARGIN
        return min(began + RETRY, expires) if expires > began else began + RETRY

    async def _once(self) -> None:
        """Renewed, taken, given away, or seen to be another's; as we wrote it last, it is not read.

        What others wrote beside keeps a renewal from nothing: a wish is read in its answer.

        The times of belief are from before the request: its answer may have taken long.
        """
        began = asyncio.get_running_loop().time()
        lease, self._held = self._held, None
        self.lease = lease = lease or await self._fetch()
        mine = None if lease is None or holder(lease) != self.identity else lease
        if mine is not None and not self.may():
            await self._hand_over(mine, "")
        elif not self.may():
            self._follows_until = began + LEASE
        elif lease is None:
            self._holds(began, await self._answered(self.kube.create(self._lease())))
        elif mine is not None and self._gives_way(mine):
            await self._hand_over(mine, wished(mine))
        elif mine is not None or not holder(lease) or self._expired(lease, began):
            noted = self._noted(lease)
            same = still_held if mine is not None and not noted else unchanged
            self._holds(began, await self._patch(lease, same, [self._whose(lease), *noted]))
        else:
            self._follows_until = began + LEASE

    def _gives_way(self, lease: Json) -> bool:
        """Whether another replica wishes for it and is given it."""
        return wished(lease) not in ("", self.identity) and self.yields(wished(lease))

    def _holds(self, began: float, lease: Json) -> None:
        self.lease = self._held = lease
        self._tell()  # an answer that came after the belief had ended must not hide that
        self._until = began + BELIEF

    async def _hand_over(self, lease: Json, heir: str) -> None:
        """We stop before ``heir`` can begin; empty: whoever comes first."""
        await self.idle()
        self._until = float("-inf")
        self._tell()
        began = asyncio.get_running_loop().time()
        await self._give(heir, lease)
        self._follows_until = began + LEASE

    async def _give(self, heir: str, lease: Json | None) -> None:
        """Whose it is from now on, if it is still ours; ``lease``: as it was read, if it was.

        Errors: ``ConflictError`` when others wrote it again and again; as ``Leases``.
        """
        for left in reversed(range(TRIES)):
            self.lease = lease = lease or await self._fetch()
            if lease is None or holder(lease) != self.identity:
                return
            ops = [self._whose(lease, heir), *self._noted(lease)]
            try:
                self.lease = await self._patch(lease, unchanged, ops)
            except ConflictError:
                if not left:
                    raise
                lease = None
            else:
                return

    def _complain(self, complaint: str) -> None:
        if complaint and complaint != self.complaint:
            telemetry.warn("lease", object=self.name, error=complaint, holder=self.identity)
        self.complaint = complaint

    def _expired(self, lease: Json, began: float) -> bool:
        """Whether it was not renewed for its whole length, by our own clock alone.

        It was so from when the first answer came until this one was asked for at ``began``: a
        holder whose Lease we were slow to read is alive. A wish beside it is no sign of life.
        """
        spec = str(lease.get("spec"))
        if spec != self._seen[0]:
            self._seen = (spec, asyncio.get_running_loop().time())
        return began - self._seen[1] > LEASE

    def _tell(self) -> None:
        if self.leading is not self._told:
            self._told = self.leading
            say = "leads" if self._told else "follows"
            telemetry.info(say, object=self.name, holder=self.identity)
            self.changed(self._told)

    def _lease(self) -> Json:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "annotations": {SHARDS: str(self.number)},
            },
            "spec": self._spec(None, self.identity),
        }

    def _spec(self, lease: Json | None, whose: str) -> Json:
        spec = (lease or {}).get("spec") or {}
        same = lease is not None and holder(lease) == whose
        now = self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        turns = int(spec.get("leaseTransitions") or 0)
        return {
            "holderIdentity": whose,
            "leaseDurationSeconds": int(LEASE),
            "acquireTime": spec.get("acquireTime", now) if same else now,
            "renewTime": now,
            "leaseTransitions": turns if same or not whose or lease is None else turns + 1,
        }

    def _whose(self, lease: Json, whose: str | None = None) -> Json:
        """Ours, or ``whose``, from this moment on."""
        value = self._spec(lease, self.identity if whose is None else whose)
        return {"op": "add", "path": "/spec", "value": value}

    def _noted(self, lease: Json) -> list[Json]:
        """What makes the Lease's annotations say how we share, and that no wish stands."""
        noted = lease["metadata"].get("annotations") or {}
        kept = {name: text for name, text in noted.items() if name != WISHED}
        whole = {**kept, SHARDS: str(self.number)}
        return [] if whole == noted else [_annotated("", whole)]

    async def _fetch(self) -> Json | None:
        return await self._answered(self.kube.fetch("Lease", self.namespace, self.name))

    async def _patch(self, lease: Json, same: Callable[[Json], Json], ops: list[Json]) -> Json:
        """``ops`` are done if ``lease`` is the ``same`` as it was."""
        write = self.kube.patch("Lease", self.namespace, self.name, [same(lease), *ops])
        return await self._answered(write)

    async def _answered(self, request: Coroutine[Any, Any, T]) -> T:
        """Its answer, which is not waited for longer than it is of use. Errors: as ``Leases``.

        A request on a connection that died without a word would be waited for as long as any.
        """
        try:
            async with asyncio.timeout(BELIEF):
                return await request
        except TimeoutError as error:
            what = f"lease {self.namespace}/{self.name}"
            raise OutsideError(f"{what}: no answer within {BELIEF:g} s") from error


def holder(lease: Json) -> str:
    """Who holds it, as it says itself; empty: nobody."""
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def still_held(lease: Json) -> Json:
    """The ``test`` that makes a JSON Patch go by whose ``lease`` is, and by nothing else."""
    return {"op": "test", "path": "/spec/holderIdentity", "value": holder(lease)}


def number(lease: Json) -> int:
    """Among how many Leases its last holder shared the objects; one that does not say so: 1."""
    found = lenient.whole(str((lease["metadata"].get("annotations") or {}).get(SHARDS, "")), 4)
    return 1 if found is None else found


def wished(lease: Json) -> str:
    """The replica that would like it; empty: none."""
    return str((lease["metadata"].get("annotations") or {}).get(WISHED, ""))


def _wishing(lease: Json, wisher: str) -> list[Json]:
    if lease["metadata"].get("annotations"):
        return [_annotated(f"/{WISHED.replace('/', '~1')}", wisher)]
    return [_annotated("", {WISHED: wisher})]


def _annotated(below: str, value: object) -> Json:
    return {"op": "add", "path": f"/metadata/annotations{below}", "value": value}
