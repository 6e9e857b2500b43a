"""Envoy's listeners: what they log of each request, and which routes they ask for."""

from rollout.lab.client import Object

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


def http(name: str, port: int, routes: Object) -> Object:
    """An HTTP listener on loopback; ``routes`` is the config source of its RouteConfiguration."""
    manager = {
        "@type": f"{_EXT}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {"route_config_name": name, "config_source": routes},
        "access_log": [_access_log(name)],
        "http_filters": [
            _filter("cors", "cors.v3.Cors"),
            _filter("fault", "fault.v3.HTTPFault"),
            _filter("router", "router.v3.Router"),
        ],
        "use_remote_address": True,
        "server_header_transformation": "PASS_THROUGH",
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return _listener(name, port, network)


def tcp(name: str, port: int, clusters: Object) -> Object:
    """A TCP listener on loopback; ``clusters`` are the proxy's target fields."""
    proxy = {
        "@type": f"{_EXT}.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": name,
        **clusters,
    }
    return _listener(name, port, {"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy})


def _listener(name: str, port: int, network: Object) -> Object:
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [network]}],
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
