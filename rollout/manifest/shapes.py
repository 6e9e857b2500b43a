"""Other people's objects: whether what we read of them has the types that we read.

The API server checks shapes, but not of every field and not in every version, and files are
checked by nobody. What is odd is said with its path, and read as if it were empty.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rollout.lenient import MAPPING
from rollout.manifest.complaints import kind_of
from rollout.manifest.scan import Mistake, Path

Shape = Any
"""``str``, ``int`` or ``bool``; a list of one shape; a mapping by key; ``...``: every other key.

A key that begins with ``!`` must be there.
"""

ANY: Mapping[str, Shape] = {}
TEXTS = {...: str}
_DESTINATION = {"host": str, "subset": str, "port": {"number": int}}
_ENTRY = {"!destination": _DESTINATION, "weight": int, "headers": {"response": {"add": TEXTS}}}
_STRING = {"exact": str, "prefix": str, "regex": str}
_MATCH = {
    "headers": {...: _STRING},
    "withoutHeaders": {...: _STRING},
    "queryParams": {...: _STRING},
    "sourceLabels": TEXTS,
    "gateways": [str],
    "uri": _STRING,
    "scheme": _STRING,
    "method": _STRING,
    "authority": _STRING,
    "sniHosts": [str],
}
_ROUTE = {
    "name": str,
    "match": [_MATCH],
    "route": [_ENTRY],
    "delegate": {"name": str, "namespace": str},
    "mirror": _DESTINATION,
    "mirrors": [{"destination": _DESTINATION, "percentage": ANY}],
    "redirect": ANY,
    "directResponse": ANY,
    "fault": ANY,
    "retries": ANY,
    "headers": ANY,
}
_NAMED = {"name": str}
_CONTAINER = {
    "name": str,
    "env": [{"valueFrom": {"configMapKeyRef": _NAMED, "secretKeyRef": _NAMED}}],
    "envFrom": [{"configMapRef": _NAMED, "secretRef": _NAMED}],
}
_SOURCES = [{"configMap": _NAMED, "secret": _NAMED}]
_VOLUME = {"configMap": _NAMED, "secret": {"secretName": str}, "projected": {"sources": _SOURCES}}
_POD = {
    "metadata": {"labels": TEXTS, "annotations": TEXTS},
    "spec": {
        "containers": [_CONTAINER],
        "initContainers": [_CONTAINER],
        "volumes": [_VOLUME],
    },
}
_META = {"labels": TEXTS, "annotations": TEXTS, "ownerReferences": [ANY], "managedFields": [ANY]}
_SELECTOR = {"matchLabels": TEXTS, "matchExpressions": [ANY]}
_PORT_POLICY: Mapping[str, Shape] = {
    "loadBalancer": ANY,
    "outlierDetection": ANY,
    "connectionPool": {"http": ANY, "tcp": ANY},
    "tls": ANY,
}
_POLICY: Mapping[str, Shape] = {
    **_PORT_POLICY,
    "portLevelSettings": [{"port": {"number": int}, **_PORT_POLICY}],
}

_SERVER = {
    "hosts": [str],
    "port": {"number": int, "protocol": str},
    "tls": {"mode": str, "httpsRedirect": bool},
}
_OVERRIDE = {"match": {"metric": str}, "disabled": bool, "tagOverrides": {...: ANY}}

TEMPLATE = {
    "replicas": int,
    "minReadySeconds": int,
    "progressDeadlineSeconds": int,
    "revisionHistoryLimit": int,
    "strategy": ANY,
    "selector": _SELECTOR,
    "template": _POD,
}
"""Of a Deployment's spec inside a Rollout."""

SHAPES: Mapping[str, Shape] = {
    "VirtualService": {
        "metadata": _META,
        "spec": {
            "hosts": [str],
            "gateways": [str],
            "exportTo": [str],
            "http": [_ROUTE],
            "tls": [_ROUTE],
            "tcp": [_ROUTE],
        },
    },
    "DestinationRule": {
        "metadata": _META,
        "spec": {
            "host": str,
            "exportTo": [str],
            "trafficPolicy": _POLICY,
            "workloadSelector": ANY,
            "subsets": [{"!name": str, "labels": TEXTS, "trafficPolicy": _POLICY}],
        },
    },
    "Service": {
        "metadata": _META,
        "!spec": {"selector": TEXTS, "ports": [{"name": str, "port": int, "appProtocol": str}]},
    },
    "Deployment": {
        "metadata": _META,
        "!spec": {
            "replicas": int,
            "selector": _SELECTOR,
            "!template": {**_POD, "!metadata": _POD["metadata"]},
        },
    },
    "ConfigMap": {"metadata": _META, "data": TEXTS, "binaryData": TEXTS},
    "Secret": {"metadata": _META, "data": TEXTS},
    "HorizontalPodAutoscaler": {
        "metadata": _META,
        "!spec": {"scaleTargetRef": {"kind": str, "name": str}, "minReplicas": int},
    },
    "Gateway": {"metadata": _META, "spec": {"selector": TEXTS, "servers": [_SERVER]}},
    "Sidecar": {"metadata": _META, "spec": {"egress": [{"hosts": [str]}]}},
    "PeerAuthentication": {
        "metadata": _META,
        "spec": {"selector": _SELECTOR, "mtls": ANY, "portLevelMtls": {...: ANY}},
    },
    "AuthorizationPolicy": {"metadata": _META, "spec": {"selector": _SELECTOR}},
    "NetworkPolicy": {"metadata": _META, "spec": {"podSelector": _SELECTOR}},
    "PodDisruptionBudget": {"metadata": _META, "spec": {"selector": _SELECTOR}},
    "Telemetry": {
        "metadata": _META,
        "spec": {"selector": _SELECTOR, "metrics": [{"overrides": [_OVERRIDE]}]},
    },
}
"""By kind, what we read of it."""

_WANTED = {str: "text is wanted", int: "a whole number is wanted", bool: "true or false is wanted"}


def odd(obj: Mapping[str, Any]) -> tuple[Mistake, ...]:
    """What of ``obj`` does not have the type that we read; paths begin at the object."""
    return tuple(_odd(obj, SHAPES.get(str(obj.get("kind")), ANY), ()))


def odd_template(spec: Mapping[str, Any]) -> tuple[Mistake, ...]:
    """As ``odd``, of a Rollout's own Deployment spec; paths begin at it."""
    return tuple(_odd(spec, TEMPLATE, ()))


def mended(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """``obj`` with every odd part empty: itself where there is none.

    Elements of lists keep their places, so that a patch made from it fits the object as it is.
    """
    if not odd(obj):
        return obj
    whole: Mapping[str, Any] = _mended(obj, SHAPES.get(str(obj.get("kind")), ANY))
    return whole


def _odd(value: object, shape: Shape, path: Path) -> Iterator[Mistake]:
    if isinstance(shape, MAPPING):
        if not isinstance(value, MAPPING):
            yield Mistake(path, f"is {kind_of(value)}", "a mapping is wanted")
            return
        for key, inner in shape.items():
            yield from _under(value, key, inner, path)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield Mistake(path, f"is {kind_of(value)}", "a list is wanted")
            return
        for index, element in enumerate(value):
            yield from _odd(element, shape[0], (*path, index))
    elif not _is(value, shape):
        yield Mistake(path, f"is {kind_of(value)}", _WANTED[shape])


def _under(value: Mapping[str, Any], key: Any, inner: Shape, path: Path) -> Iterator[Mistake]:
    if key is ...:
        for name, each in value.items():
            if each is not None:
                yield from _odd(each, inner, (*path, str(name)))
        return
    name = key.removeprefix("!")
    if value.get(name) is not None:
        yield from _odd(value[name], inner, (*path, name))
    elif key.startswith("!"):
        yield Mistake((*path, name), "is missing", "it is required")


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind) and isinstance(value, bool) is (kind is bool)


def _mended(value: Any, shape: Shape) -> Any:
    if isinstance(shape, MAPPING):
        return _mended_mapping(value if isinstance(value, MAPPING) else {}, shape)
    if isinstance(shape, list):
        return [_mended(each, shape[0]) for each in value] if isinstance(value, list) else []
    return value if _is(value, shape) else shape()


def _mended_mapping(value: Mapping[str, Any], shape: Mapping[Any, Shape]) -> dict[str, Any]:
    made = dict(value)
    for key, inner in shape.items():
        if key is ...:
            there = ((name, each) for name, each in value.items() if each is not None)
            made |= {name: _mended(each, inner) for name, each in there}
            continue
        name = key.removeprefix("!")
        if value.get(name) is not None or key.startswith("!"):
            made[name] = _mended(value.get(name), inner)
    return made
