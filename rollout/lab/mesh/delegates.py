"""A root VirtualService and the delegates its rules name -> one list of plain rules."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout.lab.kube.client import Object

# Of a root's rule these do not reach the delegate's; source: HTTPRoute.delegate, "merge rules".
_OWN = frozenset(("name", "match", "delegate"))


def rules(virtual_service: Object, all_services: Iterable[Object]) -> Iterator[tuple[Object, str]]:
    """Each http rule in order, and the namespace its short host names are of.

    One level deep. A delegate's match that is no subset of the root's is left out, as in Istio.
    """
    namespace = virtual_service["metadata"]["namespace"]
    known = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each for each in all_services
    }
    for rule in virtual_service["spec"].get("http") or ():
        if not (delegate := rule.get("delegate")):
            yield rule, namespace
            continue
        other = delegate.get("namespace") or namespace
        found = known.get((other, delegate["name"]))
        for inner in (found["spec"].get("http") or ()) if found else ():
            if (merged := _merged(rule, inner)) is not None:
                yield merged, other


def _merged(root: Object, inner: Object) -> Object | None:
    matches = [
        both
        for outer in root.get("match") or [{}]
        for each in inner.get("match") or [{}]
        if (both := _both(outer, each)) is not None
    ]
    if not matches:
        return None
    inherited = {key: value for key, value in root.items() if key not in _OWN}
    return {**inherited, **inner, "match": matches}


def _both(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> Object | None:
    found = {**outer, **inner}
    for key in outer.keys() & inner.keys():
        if key in ("headers", "withoutHeaders", "queryParams", "sourceLabels"):
            clash = outer[key].keys() & inner[key].keys()
            if any(outer[key][name] != inner[key][name] for name in clash):
                return None
            found[key] = {**outer[key], **inner[key]}
        elif not _within(outer[key], inner[key]):
            return None
    return found


def _within(outer: Any, inner: Any) -> bool:
    if isinstance(outer, dict) and "prefix" in outer and isinstance(inner, dict):
        return str(inner.get("exact", inner.get("prefix", ""))).startswith(outer["prefix"])
    return bool(outer == inner)
