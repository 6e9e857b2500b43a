"""The proxies of one revision: which istiod each is connected to, and what it was sent and took.

They are the pods that its injector changed; what they do with requests is the shop's matter.
Source of the page: istio/istio, pilot/pkg/xds/debug.go, ``SyncStatus``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4
from zlib import crc32

from rollout.lab.cluster import pods
from rollout.lab.kube.client import Object
from rollout.lab.revisions import injection
from rollout.lab.revisions.counting import Counts
from rollout.lab.revisions.faults import Faults
from rollout.lab.revisions.names import CLUSTER

_TYPE = "type.googleapis.com/envoy.config."
TYPES = {
    "cds": ("cluster", f"{_TYPE}cluster.v3.Cluster"),
    "lds": ("listener", f"{_TYPE}listener.v3.Listener"),
    "rds": ("route", f"{_TYPE}route.v3.RouteConfiguration"),
    "eds": ("endpoint", f"{_TYPE}endpoint.v3.ClusterLoadAssignment"),
}
_REFUSAL = "Internal:Error adding/updating {type}: the lab was told to refuse it"


@dataclass(slots=True)
class _Stream:
    """What was sent of one type; ``acked`` becomes it at ``due``, unless it is refused."""

    sent: str = ""
    at: datetime | None = None
    acked: str = ""
    due: datetime | None = None
    error: str = ""


@dataclass(slots=True)
class Proxy:
    """One pod's proxy. ``version``: as its image says."""

    name: str
    kind: str
    version: str
    replica: str
    streams: dict[str, _Stream] = field(default_factory=dict)

    def entry(self) -> Object:
        """Its line of ``/debug/syncz``."""
        found: Object = {
            "cluster_id": CLUSTER,
            "proxy": self.name,
            "proxy_type": self.kind,
            "istio_version": self.version,
        }
        resources: Object = {}
        for each, (word, url) in TYPES.items():
            stream = self.streams[each]
            found[f"{word}_sent"], found[f"{word}_acked"] = stream.sent, stream.acked
            resources[url] = {
                "sent": stream.sent,
                "acked": stream.acked,
                "sentTime": stream.at.isoformat().replace("+00:00", "Z") if stream.at else "",
                **({"lastError": stream.error} if stream.error else {}),
            }
        return found | {"resources": resources}


class Fleet:
    """All proxies of a revision; nothing happens in it but by ``see``."""

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy] = {}  # by the pod's uid
        self._config = 0
        self._pushes = 0
        self._nack = ""

    def see(
        self,
        found: Iterable[Object],
        replicas: dict[str, Counts],
        config: int,
        faults: Faults,
        now: datetime,
    ) -> None:
        """``found``: the revision's pods. ``replicas``: the istiods that answer, by pod name.

        ``config``: a number that differs whenever the mesh's configuration does.
        """
        if not replicas:
            self._proxies.clear()
            return
        pushed = (config, faults.nack) != (self._config, self._nack)
        self._config, self._nack = config, faults.nack
        self._pushes += pushed
        living: dict[str, Proxy] = {}
        for pod in found:
            uid = pod["metadata"]["uid"]
            known = self._proxies.get(uid)
            if known is None or known.replica not in replicas:
                known = _connected(pod, sorted(replicas))
            if pushed or not known.streams:
                self._push(known, replicas[known.replica], faults, now)
            living[uid] = known
        self._proxies = living
        for proxy in living.values():
            _settle(proxy, replicas[proxy.replica], now)

    def of(self, replica: str) -> list[Proxy]:
        """Those connected to one istiod, and to no other."""
        return [each for each in self._proxies.values() if each.replica == replica]

    def _push(self, proxy: Proxy, counts: Counts, faults: Faults, now: datetime) -> None:
        version = f"{pods.stamp(now)}/{self._pushes}"
        for each in TYPES:
            stream = proxy.streams.setdefault(each, _Stream())
            stream.sent, stream.at = f"{version}{uuid4()}", now
            counts.add("pilot_xds_pushes", type=each)
            counts.observe("pilot_xds_push_time", 0.001, type=each)
            if faults.nack == each:
                stream.due, stream.error = None, _REFUSAL.format(type=each)
                counts.add("pilot_total_xds_rejects", type=each)
            else:
                stream.due, stream.error = _later(now, faults.push_seconds), ""


def _later(now: datetime, seconds: float) -> datetime:
    return datetime.fromtimestamp(now.timestamp() + seconds, UTC)


def _connected(pod: Object, replicas: list[str]) -> Proxy:
    """Always to the same istiod while the same ones answer."""
    meta = pod["metadata"]
    image = str(injection.proxies(pod)[0]["image"])
    replica = replicas[crc32(meta["uid"].encode()) % len(replicas)]
    kind = "router" if injection.is_gateway(pod) else "sidecar"
    version = image.rpartition(":")[2]
    return Proxy(f"{meta['name']}.{meta['namespace']}", kind, version, replica)


def _settle(proxy: Proxy, counts: Counts, now: datetime) -> None:
    """What has had its time is acknowledged."""
    due = [each for each in proxy.streams.values() if each.due is not None and each.due <= now]
    for stream in due:
        stream.acked, stream.due = stream.sent, None
    if due:
        # The slowest of the types: Istio too counts one time for each push to a proxy.
        seconds = max(0.001, *((now - each.at).total_seconds() for each in due if each.at))
        counts.observe("pilot_proxy_convergence_time", seconds)
