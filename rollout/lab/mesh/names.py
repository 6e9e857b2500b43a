"""Host names, cluster names and endpoints of the mesh; what is done with requests is not here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rollout.lab.kube.client import Object

DOMAIN = "svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects that say where requests go, each list in any order."""

    virtual_services: list[Object] = field(default_factory=list)
    destination_rules: list[Object] = field(default_factory=list)
    gateways: list[Object] = field(default_factory=list)
    services: list[Object] = field(default_factory=list)
    endpoints: list[Object] = field(default_factory=list)
    pods: list[Object] = field(default_factory=list)


def age(obj: Object) -> tuple[str, str, str]:
    """What istiod sorts by: the older first, of one second by name, then by namespace.

    Source: istio/istio, pilot/pkg/model/config.go, ``sortConfigByCreationTime``.
    """
    meta = obj["metadata"]
    return str(meta.get("creationTimestamp") or ""), meta["name"], meta["namespace"]


def fqdn(host: str, namespace: str) -> str:
    """``host`` in full; a name without a dot belongs to ``namespace``, that of the object it is in.

    Source: istio.io, VirtualService reference, ``hosts``.
    """
    return host if "." in host or host == "*" else f"{host}.{namespace}.{DOMAIN}"


def service_host(service: Object) -> str:
    """The Service's full name."""
    return fqdn(service["metadata"]["name"], service["metadata"]["namespace"])


def cluster(host: str, port: int, subset: str = "") -> str:
    """Envoy's cluster for a destination, named as istiod names it."""
    return f"outbound|{port}|{subset}|{host}"


def ports(service: Object) -> list[Object]:
    """In the order of the Service; the first is the one meant where nobody says which."""
    return list(service["spec"].get("ports") or ())


def is_http(port: Object) -> bool:
    """Whether its requests are split; what says nothing is detected, which is HTTP here.

    Source: istio/istio, pkg/config/kube/conversion.go.
    """
    said = str(port.get("appProtocol") or port.get("name") or "").lower()
    protocol = "https" if said == "kubernetes.io/wss" else said.partition("-")[0]
    if protocol in ("tcp", "tls", "https", "mongo", "mysql", "redis", "udp"):
        return False
    http = said.startswith("kubernetes.io/") or protocol in ("http", "http2", "http_proxy", "grpc")
    return http or port.get("port") not in (25, 53, 3306, 27017)


class Services:
    """The Services of a snapshot by their full name."""

    def __init__(self, services: Iterable[Object]) -> None:
        self._by_host = {service_host(each): each for each in services}

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        return iter(sorted(self._by_host.items(), key=lambda each: each[0]))

    def destination(self, destination: Mapping[str, object], namespace: str, port: int) -> str:
        """The cluster a ``destination`` of an object in ``namespace`` means.

        ``port`` is that of the listener; it counts where neither the destination nor the Service
        says which. The cluster need not exist.
        """
        host = fqdn(str(destination["host"]), namespace)
        asked = destination.get("port")
        if isinstance(asked, Mapping):
            port = int(asked["number"])
        elif host in self._by_host and len(found := ports(self._by_host[host])) == 1:
            port = int(found[0]["port"])
        return cluster(host, port, str(destination.get("subset") or ""))

    def short_names(self) -> dict[str, list[str]]:
        """Every way to call a host from inside; the bare name only where it is not ambiguous."""
        bare: dict[str, list[str]] = {}
        for host in self._by_host:
            bare.setdefault(host.split(".")[0], []).append(host)
        return {
            host: [
                host,
                host.removesuffix(".cluster.local"),
                ".".join(host.split(".")[:2]),
                *([host.split(".")[0]] if len(bare[host.split(".")[0]]) == 1 else []),
            ]
            for host in self._by_host
        }
