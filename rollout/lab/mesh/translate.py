"""The whole of a snapshot -> the whole of Envoy's configuration; nothing is written from here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rollout.lab.mesh.clusters import Cluster, clusters
from rollout.lab.mesh.matches import Listener
from rollout.lab.mesh.names import Snapshot
from rollout.lab.mesh.routes import MESH, Hosts, for_gateway, for_mesh
from rollout.lab.mesh.streams import Chain, streams

GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Config:
    """What Envoy should do: clusters by name; per listener its virtual hosts, or its chains."""

    clusters: dict[str, Cluster] = field(default_factory=dict)
    routes: dict[str, Hosts] = field(default_factory=dict)
    streams: dict[str, list[Chain]] = field(default_factory=dict)


def translate(world: Snapshot, caller: Mapping[str, str] | None = None) -> Config:
    """``caller`` are the labels of the proxies that use the mesh listener, for ``sourceLabels``."""
    inside = Listener(MESH, 80, caller or {})
    return Config(
        clusters=clusters(world),
        routes={GATEWAY: for_gateway(world), MESH: for_mesh(world, inside)},
        streams=streams(world, inside),
    )
