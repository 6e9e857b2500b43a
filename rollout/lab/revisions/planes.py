"""All control planes of the lab: a pod of an istiod is run here, and its faults are set here."""

import asyncio
import logging
import re
import ssl
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rollout.errors import OutsideError
from rollout.lab.cluster import pods
from rollout.lab.kube.client import (
    DESTINATIONRULE,
    ENDPOINTS,
    GATEWAY,
    MUTATING,
    POD,
    VALIDATING,
    VIRTUALSERVICE,
    Object,
)
from rollout.lab.kube.watched import Watched
from rollout.lab.revisions import injection
from rollout.lab.revisions.authority import Authority
from rollout.lab.revisions.faults import Faults
from rollout.lab.revisions.fleet import Fleet, Proxy
from rollout.lab.revisions.names import REV, Revision
from rollout.lab.revisions.replica import Allowed, Replica
from rollout.lab.revisions.workload import CONTAINER

_log = logging.getLogger(__name__)
_CONFIG = (VIRTUALSERVICE, DESTINATIONRULE, GATEWAY)
_IMAGE = re.compile(r"(?P<hub>.+)/pilot:(?P<version>[^:]+)")
Tell = Callable[[str], None]


@dataclass(slots=True)
class _Plane:
    """What the replicas of one revision share."""

    tls: ssl.SSLContext
    faults: Faults = field(default_factory=Faults)
    fleet: Fleet = field(default_factory=Fleet)
    replicas: dict[str, Replica] = field(default_factory=dict)  # by namespace/pod
    told: dict[str, Tell] = field(default_factory=dict)


class Planes:
    """The runtime of istiod's pods. ``root``: the mesh's; ``foreign``: another, for faults."""

    def __init__(self, watched: Watched, root: Authority, foreign: Authority) -> None:
        self._watched = watched
        self._root = root
        self._foreign = foreign
        self._planes: dict[str, _Plane] = {}
        self._faults: dict[str, Faults] = {}
        self._where: dict[str, str] = {}  # the revision of a pod
        self._tasks: set[asyncio.Task[None]] = set()
        self.may_read: Allowed = lambda _: True

    def runs(self, pod: Object) -> bool:
        return any(each["name"] == CONTAINER for each in pod["spec"]["containers"])

    def start(self, pod: Object, address: str, tell: Tell) -> None:
        key = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        tell("starting")
        self._do(self._started(key, revision_of(pod), address, tell))

    def stop(self, pod: str) -> None:
        self._do(self._stopped(pod))

    def _may_read(self, token: str) -> bool:
        return self.may_read(token)

    def faults(self, revision: str) -> Faults:
        """What is wrong with it now."""
        return self._faults.get(revision, Faults())

    async def set_faults(self, revision: str, values: Mapping[str, object]) -> Faults:
        """In force when this returns; without ``values`` it is a good revision again.

        Errors: ValueError names what is not known.
        """
        found = self.faults(revision).changed(values) if values else Faults()
        self._faults[revision] = found
        plane = self._planes.get(revision)
        if plane is not None:
            for replica in plane.replicas.values():
                await self._certified(plane, replica.revision)
                await self._opened(plane, replica)
        return found

    def bundle(self, revision: str) -> str:
        """The root that its istiods write into webhooks, PEM; empty while none of them answers."""
        plane = self._planes.get(revision)
        if plane is None or not any(each.is_open for each in plane.replicas.values()):
            return ""
        return self._signer(revision).pem

    def settled(self, revision: Revision) -> bool:
        """Its webhooks, its pods and its Service are as an istiod that answers leaves them."""
        hooks = [
            hook
            for kind, name in ((MUTATING, revision.injector), (VALIDATING, revision.validator))
            for hook in (self._watched.find(kind, "", name) or {}).get("webhooks") or ()
        ]
        behind = self._watched.find(ENDPOINTS, revision.namespace, revision.istiod) or {}
        ready = sum(len(each.get("addresses") or ()) for each in behind.get("subsets") or ())
        return ready >= revision.replicas and bool(hooks) and all(map(_is_strict, hooks))

    @property
    def root(self) -> str:
        """What all proxies of the mesh trust, PEM."""
        return self._root.pem

    def replicas(self) -> Iterator[tuple[str, Replica]]:
        """Those that answer, by namespace and pod name with a slash."""
        for plane in self._planes.values():
            for key, replica in sorted(plane.replicas.items()):
                if replica.is_open:
                    yield key, replica

    def metrics(self) -> str:
        """Every istiod's page and every proxy's build, as a scrape of each pod would show them."""
        parts = [replica.page(_target(key) | {"app": "istiod"}) for key, replica in self.replicas()]
        return "".join(parts) + self._builds()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for plane in self._planes.values():
            for replica in plane.replicas.values():
                await replica.stop()

    def _builds(self) -> str:
        lines = ["# TYPE istio_build gauge"]
        for _, replica in self.replicas():
            for each in replica.proxies():
                name, _, namespace = each.name.rpartition(".")
                about = f'component="proxy",tag="{each.version}"'
                where = f'namespace="{namespace}",pod="{name}"'
                lines.append(f"istio_build{{{about},{where}}} 1")
        return "\n".join((*lines, ""))

    async def _started(self, key: str, revision: Revision, address: str, tell: Tell) -> None:
        plane = self._planes.get(revision.name)
        if plane is None:
            plane = self._planes[revision.name] = _Plane(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self._where[key] = revision.name
        replica = Replica(
            revision,
            key.partition("/")[2],
            address,
            lambda: self.faults(revision.name),
            lambda: self._proxies(revision.name, key),
            self._may_read,
        )
        plane.replicas[key], plane.told[key] = replica, tell
        await self._certified(plane, revision)
        await self._opened(plane, replica)

    async def _stopped(self, key: str) -> None:
        plane = self._planes.get(self._where.pop(key, ""))
        replica = plane.replicas.pop(key, None) if plane is not None else None
        if plane is not None and replica is not None:
            await replica.stop()
            plane.told.pop(key)("stopped")

    async def _certified(self, plane: _Plane, revision: Revision) -> None:
        """A context takes another certificate while it serves: for the next connection."""
        liar = self._foreign if self.faults(revision.name).lost_ca else None
        certificate = await (liar or self._signer(revision.name)).certificate(revision)
        certificate.into(plane.tls)

    def _signer(self, revision: str) -> Authority:
        return self._foreign if self.faults(revision).foreign_root else self._root

    async def _opened(self, plane: _Plane, replica: Replica) -> None:
        """Its doors are open, unless it is down; whoever asks is told."""
        key = next(key for key, each in plane.replicas.items() if each is replica)
        down = self.faults(replica.revision.name).down
        if down and replica.is_open:
            await replica.stop()
        if not down and not replica.is_open:
            await replica.start(plane.tls)
        plane.told[key]("unready" if down else "ready")

    def _proxies(self, revision: str, key: str) -> list[Proxy]:
        """Those of one replica, as they are now."""
        plane = self._planes[revision]
        answering = {name: each for name, each in plane.replicas.items() if each.is_open}
        plane.fleet.see(
            list(self._connected(next(iter(answering.values())).revision) if answering else ()),
            {name: each.counts for name, each in answering.items()},
            self._watched.version(_CONFIG),
            self.faults(revision),
            datetime.now(UTC),
        )
        return plane.fleet.of(key)

    def _connected(self, revision: Revision) -> Iterator[Object]:
        for pod in self._watched.all(POD):
            lives = pod.get("status", {}).get("podIP") and not pods.leaving(pod)
            if lives and injection.discovery(pod) == revision.discovery:
                yield pod

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except (OutsideError, OSError) as error:
        _log.error("an istiod of the lab: %s", error)


def revision_of(pod: Object) -> Revision:
    """Who an istiod's pod is, by its own words.  Errors: OutsideError for another image."""
    box = next(each for each in pod["spec"]["containers"] if each["name"] == CONTAINER)
    env = {each["name"]: str(each.get("value", "")) for each in box.get("env") or ()}
    image = _IMAGE.fullmatch(str(box.get("image", "")))
    if image is None:
        raise OutsideError(f"{box.get('image')}: not an image of istiod")
    name = env.get("REVISION") or pods.labels(pod).get(REV, "default")
    native = env.get("ENABLE_NATIVE_SIDECARS", "") == "true"
    space = pod["metadata"]["namespace"]
    return Revision(name, image["version"], space, image["hub"], native=native)


def _is_strict(hook: Object) -> bool:
    return bool(hook["clientConfig"].get("caBundle") and hook["failurePolicy"] == "Fail")


def _target(key: str) -> dict[str, str]:
    namespace, _, pod = key.partition("/")
    return {"namespace": namespace, "pod": pod}
