"""Which lists of the built-in kinds merge by which keys; all other lists are atomic.

The first key is the one of strategic merge patch, all together those of server-side apply.
Source: Kubernetes API reference, "patch strategy: merge on key" and "Map: unique values on keys".
"""

from __future__ import annotations

from typing import Any

from rollout.lab.apiserver.fields.shape import Shape


def keyed(*keys: str, defaults: dict[str, Any] | None = None, **fields: Shape) -> Shape:
    """A list whose items are told apart by ``keys``."""
    item = Shape(fields=fields)
    return Shape(keys=keys, key_defaults=defaults or {}, item=item)


def fields(**parts: Shape) -> Shape:
    """A map of which only ``parts`` are out of the ordinary."""
    return Shape(fields=parts)


SET = Shape(is_set=True)
ATOMIC = Shape(atomic=True)
PLAIN = Shape()
CONDITIONS = keyed("type")
_TCP = {"protocol": "TCP"}

METADATA = fields(
    name=PLAIN,
    namespace=PLAIN,
    labels=PLAIN,
    annotations=PLAIN,
    finalizers=SET,
    ownerReferences=keyed("uid"),
)


def resource(**parts: Shape) -> Shape:
    """The shape of a whole object."""
    return fields(apiVersion=PLAIN, kind=PLAIN, metadata=METADATA, **parts)


_CONTAINERS = keyed(
    "name",
    env=keyed("name"),
    ports=keyed("containerPort", "protocol", defaults=_TCP),
    volumeMounts=keyed("mountPath"),
    volumeDevices=keyed("devicePath"),
    image=PLAIN,
    resources=fields(limits=PLAIN, requests=PLAIN),
)

POD_SPEC = fields(
    containers=_CONTAINERS,
    initContainers=_CONTAINERS,
    ephemeralContainers=_CONTAINERS,
    volumes=keyed("name"),
    imagePullSecrets=keyed("name"),
    hostAliases=keyed("ip"),
    topologySpreadConstraints=keyed("topologyKey", "whenUnsatisfiable"),
    nodeSelector=ATOMIC,
)

_SELECTOR = ATOMIC
_TEMPLATE = fields(metadata=METADATA, spec=POD_SPEC)
_WORKLOAD_STATUS = fields(conditions=CONDITIONS)
_STRATEGY = fields(rollingUpdate=PLAIN, type=PLAIN)

NAMESPACE = resource(spec=fields(finalizers=SET), status=fields(conditions=CONDITIONS))
POD = resource(spec=POD_SPEC, status=fields(conditions=CONDITIONS, podIPs=keyed("ip")))
DEPLOYMENT = resource(
    spec=fields(selector=_SELECTOR, template=_TEMPLATE, replicas=PLAIN, strategy=_STRATEGY),
    status=_WORKLOAD_STATUS,
)
REPLICA_SET = resource(
    spec=fields(selector=_SELECTOR, template=_TEMPLATE, replicas=PLAIN), status=_WORKLOAD_STATUS
)
STATEFUL_SET = resource(
    spec=fields(selector=_SELECTOR, template=_TEMPLATE, replicas=PLAIN, updateStrategy=_STRATEGY),
    status=_WORKLOAD_STATUS,
)
DAEMON_SET = resource(
    spec=fields(selector=_SELECTOR, template=_TEMPLATE, updateStrategy=_STRATEGY),
    status=_WORKLOAD_STATUS,
)
JOB = resource(spec=fields(selector=_SELECTOR, template=_TEMPLATE), status=_WORKLOAD_STATUS)
SERVICE = resource(
    spec=fields(ports=keyed("port", "protocol", defaults=_TCP), selector=ATOMIC),
    status=fields(conditions=CONDITIONS),
)
NODE = resource(
    spec=fields(taints=ATOMIC, podCIDRs=SET),
    status=fields(conditions=CONDITIONS, addresses=keyed("type")),
)
SERVICE_ACCOUNT = resource(secrets=keyed("name"), imagePullSecrets=ATOMIC)
WITH_CONDITIONS = resource(spec=PLAIN, status=fields(conditions=CONDITIONS))
DISRUPTION_BUDGET = resource(spec=fields(selector=ATOMIC), status=fields(conditions=CONDITIONS))
WEBHOOKS = resource(webhooks=keyed("name"))
DATA = resource(data=PLAIN, binaryData=PLAIN)
SPEC = resource(spec=PLAIN)
BARE = resource()
