"""A root VirtualService and the delegates its rules name -> one list of plain rules.

Source: istio/istio, pilot/pkg/model/virtualservice.go.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout.lab.kube.client import Object
from rollout.lab.mesh.matches import gateway

_INHERITED = (
    "rewrite",
    "directResponse",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirrorPercent",
    "mirrorPercentage",
    "mirrors",
    "corsPolicy",
    "headers",
)
"""What a delegate's rule has of its root's where it says nothing itself (``mergeHTTPRoute``)."""


def rules(virtual_service: Object, all_services: Iterable[Object]) -> Iterator[tuple[Object, str]]:
    """Each http rule in order, and the namespace its short host names are of.

    One level deep. A rule of a delegate of which any match is no part of the root's is left out.
    """
    namespace = virtual_service["metadata"]["namespace"]
    known = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each
        for each in all_services
        if not each["spec"].get("hosts") and _seen(each, namespace)
    }
    for rule in virtual_service["spec"].get("http") or ():
        if not (delegate := rule.get("delegate")):
            yield rule, namespace
            continue
        other = delegate.get("namespace") or namespace
        found = known.get((other, delegate["name"]))
        for inner in (found["spec"].get("http") or ()) if found else ():
            if (merged := _merged(rule, inner, namespace, other)) is not None:
                yield merged, other


def _seen(delegate: Object, namespace: str) -> bool:
    own = delegate["metadata"]["namespace"]
    shown = [own if each == "." else each for each in delegate["spec"].get("exportTo") or ["*"]]
    return "*" in shown or namespace in shown


def _merged(root: Object, inner: Object, root_space: str, inner_space: str) -> Object | None:
    outside = [_in_full(each, root_space) for each in root.get("match") or ()]
    inside = [_in_full(each, inner_space) for each in inner.get("match") or ()]
    matches = _both(outside, inside)
    if matches is None:
        return None
    given = {key: root[key] for key in _INHERITED if root.get(key) is not None}
    own = {key: value for key, value in inner.items() if value is not None}
    names = {"name": "-".join(filter(None, (root.get("name"), inner.get("name"))))}
    return {**given, **own, **names, **({"match": matches} if matches else {})}


def _in_full(match: Mapping[str, Any], namespace: str) -> Object:
    names = [gateway(each, namespace) for each in match.get("gateways") or ()]
    return {**match, **({"gateways": names} if names else {})}


def _both(outside: list[Object], inside: list[Object]) -> list[Object] | None:
    if not outside or not inside:
        return outside or inside
    found: list[Object] = []
    for inner in inside:
        fits = [_joined(outer, inner) for outer in outside if not _conflict(outer, inner)]
        if not fits:
            return None
        found += fits
    return found


def _joined(outer: Object, inner: Object) -> Object:
    found = {**outer, **inner}
    for key in ("headers", "withoutHeaders", "queryParams", "sourceLabels"):
        if outer.get(key) and inner.get(key):
            found[key] = {**outer[key], **inner[key]}
    return found


def _conflict(outer: Object, inner: Object) -> bool:
    """``hasConflict``."""
    for key in ("uri", "scheme", "method", "authority"):
        if _texts_conflict(outer.get(key), inner.get(key)):
            return True
    for key in ("headers", "withoutHeaders", "queryParams"):
        for name, rule in (inner.get(key) or {}).items():
            if _texts_conflict((outer.get(key) or {}).get(name), rule):
                return True
    if bool(outer.get("ignoreUriCase")) is not bool(inner.get("ignoreUriCase")):
        return True
    if outer.get("port") and inner.get("port") and outer["port"] != inner["port"]:
        return True
    space = outer.get("sourceNamespace")
    if space and inner.get("sourceNamespace") != space:
        return True
    labels = outer.get("sourceLabels") or {}
    if any(
        labels.get(key, word) != word for key, word in (inner.get("sourceLabels") or {}).items()
    ):
        return True
    wanted = inner.get("gateways")
    return bool(outer.get("gateways") and wanted and not {*wanted} <= {*outer["gateways"]})


def _texts_conflict(outer: Mapping[str, str] | None, inner: Mapping[str, str] | None) -> bool:
    """``stringMatchConflict``: no pattern fits anything, and no wider text a narrower one."""
    if outer is None or inner is None:
        return False
    if "regex" in outer or "regex" in inner:
        return True
    if outer.get("exact"):
        return inner.get("exact") != outer["exact"]
    if not outer.get("prefix"):
        return True
    word = inner.get("prefix") or inner.get("exact") or ""
    return not word.startswith(outer["prefix"])
