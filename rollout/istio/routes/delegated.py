"""The matches of a delegate's route joined with its root's, as Istio joins them.

Each of them must lie within one of the root's, or the whole route is dropped.
Source: istio/istio, pilot/pkg/model/virtualservice.go, ``mergeHTTPMatchRequests``.
"""

from collections.abc import Mapping, Sequence

from rollout.istio.patch import Json

_TEXTS = ("uri", "scheme", "method", "authority")
_MAPS = ("headers", "withoutHeaders", "queryParams")
_LABELS = "sourceLabels"


def joined(root: Sequence[Json], leaf: Sequence[Json]) -> list[Json]:
    """What one route of a delegate matches under one route of its root; empty: it is dropped.

    Gateways are full names; one entry without conditions stands for a route without a match.
    """
    if not any(root):
        return [*leaf]
    if not any(leaf):
        return [*root]
    found: list[Json] = []
    for inner in leaf:
        within = [_merged(outer, inner) for outer in root if not _conflicts(outer, inner)]
        if not within:
            return []
        found += within
    return found


def _merged(root: Json, leaf: Json) -> Json:
    both = {k: {**(root.get(k) or {}), **(leaf.get(k) or {})} for k in (*_MAPS, _LABELS)}
    own = {key: value for key, value in leaf.items() if value}
    return {**root, **own, **{k: v for k, v in both.items() if v}}


def _conflicts(root: Json, leaf: Json) -> bool:
    if any(_apart(root.get(key), leaf.get(key)) for key in _TEXTS):
        return True
    maps = ((root.get(key) or {}, leaf.get(key) or {}) for key in _MAPS)
    if any(_apart(asked.get(name), match) for asked, own in maps for name, match in own.items()):
        return True
    labels = root.get(_LABELS) or {}
    if any(labels.get(name, value) != value for name, value in (leaf.get(_LABELS) or {}).items()):
        return True
    return _elsewhere(root, leaf)


def _elsewhere(root: Json, leaf: Json) -> bool:
    """A root that asks for callers of one namespace lets no match through that does not."""
    space, ports = root.get("sourceNamespace"), (root.get("port"), leaf.get("port"))
    if space and leaf.get("sourceNamespace") != space:
        return True
    if all(ports) and ports[0] != ports[1]:
        return True
    bound, named = root.get("gateways"), leaf.get("gateways")
    if bound and named and not {*named} <= {*bound}:
        return True
    return bool(root.get("ignoreUriCase")) != bool(leaf.get("ignoreUriCase"))


def _apart(root: Mapping[str, str] | None, leaf: Mapping[str, str] | None) -> bool:
    """Where both say something, only a root's exact text or prefix can hold the leaf's."""
    if root is None or leaf is None:
        return False
    if root.get("exact"):
        return leaf.get("exact") != root["exact"]
    narrower = leaf.get("prefix") or leaf.get("exact")
    return not (root.get("prefix") and narrower and narrower.startswith(root["prefix"]))
