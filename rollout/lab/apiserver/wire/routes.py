"""Which object a path means, and which verb a request is.

Source: Kubernetes docs, "Kubernetes API Concepts", section "Resource URIs".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rollout.lab.apiserver.kinds.kind import Kind, Kinds
from rollout.lab.apiserver.problems import method_not_allowed, no_such_resource


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about.

    ``namespace`` is None for all namespaces, "" for cluster-scoped kinds; ``name`` is "" for a
    whole collection.
    """

    kind: Kind
    version: str
    namespace: str | None
    name: str
    subresource: str


@dataclass(frozen=True, slots=True)
class Address:
    """A path taken apart, before it is known whether there is such a kind."""

    group: str
    version: str
    namespace: str | None
    plural: str
    name: str
    subresource: str


def address(path: str) -> Address | None:
    """None for paths that are no resource: discovery, health and the like."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = None
    # /namespaces/x/status is the namespace's own status, /namespaces/x/pods its pods.
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "")[:3]
    return Address(group, version, namespace, plural, name, subresource)


def target(found: Address, kinds: Kinds) -> Target:
    """The address with its kind; raises a 404 if there is none, or no such subresource."""
    kind = kinds.at(found.group, found.version, found.plural)
    if kind is None or (found.namespace is not None and not kind.namespaced):
        raise no_such_resource()
    if kind.namespaced and found.namespace is None and found.name:
        raise no_such_resource()
    known = {"": True, "status": kind.status, "scale": kind.scale is not None}
    if not known.get(found.subresource, False):
        raise no_such_resource()
    namespace = found.namespace if kind.namespaced else ""
    return Target(kind, found.version, namespace, found.name, found.subresource)


_OF_ONE = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OF_ALL = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}


def verb(method: str, name: str, query: Mapping[str, str]) -> str:
    """The Kubernetes verb; raises a 405."""
    found = (_OF_ONE if name else _OF_ALL).get(method)
    if found is None:
        raise method_not_allowed()
    watching = query.get("watch", "").lower() in ("1", "true")
    return "watch" if method == "GET" and watching else found
