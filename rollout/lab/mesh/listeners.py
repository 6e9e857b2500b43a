"""Envoy's listeners: what they log of each request, and which routes they ask for."""

from collections.abc import Iterable

from rollout.lab.kube.client import Object
from rollout.lab.mesh.clusters import stat_name
from rollout.lab.mesh.streams import Chain

_EXT = "type.googleapis.com/envoy.extensions"
# All the exporter needs to write Istio's labels; the workload was put into endpoint metadata.
_LOG = {
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    "ms": "%DURATION%",
    "to": "%UPSTREAM_METADATA(istio:workload)%",
    "service": "%CLUSTER_METADATA(istio:service)%",
    "host": "%REQ(:AUTHORITY)%",
    "grpc": "%GRPC_STATUS_NUMBER%",
    "kind": "%REQ(CONTENT-TYPE)%",
}


def http(
    name: str,
    port: int,
    routes: Object,
    config: str = "",
    address: str = "127.0.0.1",
    errors: float = 0.0,
) -> Object:
    """An HTTP listener on loopback; ``routes`` is the config source of its RouteConfiguration.

    ``config``: that one's name, if it is not the listener's. ``errors``: the share of requests, 0
    to 1, that it answers with 503 by itself.
    """
    manager = {
        "@type": f"{_EXT}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {"route_config_name": config or name, "config_source": routes},
        "access_log": [_access_log(name)],
        "http_filters": [
            *([_broken(errors)] if errors else []),
            _filter("cors", "cors.v3.Cors"),
            _filter("fault", "fault.v3.HTTPFault"),
            _filter("router", "router.v3.Router"),
        ],
        "use_remote_address": True,
        "server_header_transformation": "PASS_THROUGH",
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return _listener(name, port, {"filters": [network]}, address=address)


def tcp(name: str, port: int, chains: Iterable[Chain]) -> Object:
    """A listener on loopback that hands connections on; server names are read, not decrypted."""
    found = _listener(name, port, *(_chain(name, each) for each in chains))
    inspector = {
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config": {"@type": f"{_EXT}.filters.listener.tls_inspector.v3.TlsInspector"},
    }
    asks = any(each.get("filter_chain_match") for each in found["filter_chains"])
    return found | ({"listener_filters": [inspector]} if asks else {})


def _chain(name: str, chain: Chain) -> Object:
    proxy = {
        "@type": f"{_EXT}.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": stat_name(name),
        **chain.targets,
    }
    filters = [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]
    match = {"server_names": list(chain.server_names)} if chain.server_names else {}
    return {"filters": filters} | ({"filter_chain_match": match} if match else {})


def _broken(share: float) -> Object:
    """A fault that is the proxy's own; the other fault filter is the routes'."""
    percentage = {"numerator": round(share * 10_000), "denominator": "TEN_THOUSAND"}
    abort = {"http_status": 503, "percentage": percentage}
    kind = f"{_EXT}.filters.http.fault.v3.HTTPFault"
    return {"name": "lab.broken", "typed_config": {"@type": kind, "abort": abort}}


def _listener(name: str, port: int, *chains: Object, address: str = "127.0.0.1") -> Object:
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": list(chains),
    }


def _access_log(name: str) -> Object:
    typed = {
        "@type": f"{_EXT}.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": {"json_format": {"at": name, **_LOG}},
    }
    return {"name": "envoy.access_loggers.stdout", "typed_config": typed}


def _filter(name: str, kind: str) -> Object:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{_EXT}.filters.http.{kind}"},
    }
