"""Small builders and a JSON Patch applier of our own, so that no library's leniency helps us."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from rollout.model.traffic import Target, VirtualServiceRef

Json = dict[str, Any]

TARGET = Target("shop", "shop", "shop.shop.svc.cluster.local", "stable", "canary")


def target(*refs: VirtualServiceRef, **changes: Any) -> Target:
    named = {"rollout": "shop", "namespace": "shop", "host": "shop.shop.svc.cluster.local"}
    return Target(
        **{**named, "stable": "stable", "canary": "canary"} | changes, virtual_services=refs
    )


def to(
    host: str = "shop", subset: str | None = None, weight: int | None = None, **more: Any
) -> Json:
    destination = {"host": host} | ({"subset": subset} if subset else {})
    return {"destination": destination} | ({} if weight is None else {"weight": weight}) | more


def pair(stable: int = 100, canary: int = 0) -> list[Json]:
    return [to(subset="stable", weight=stable), to(subset="canary", weight=canary)]


def vs(*http: Json, name: str = "shop", namespace: str = "shop", **spec: Any) -> Json:
    metadata = {"name": name, "namespace": namespace, "resourceVersion": "7"}
    inside = {"hosts": ["shop"]} | ({"http": list(http)} if http else {}) | spec
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata,
        "spec": inside,
    }


def applied(obj: Json, patch: Sequence[Json]) -> Json:
    """``obj`` after ``patch`` (RFC 6902); an AssertionError where a test or a path fails."""
    obj = deepcopy(obj)
    for op in patch:
        *parents, last = [_token(t) for t in op["path"].split("/")[1:]]
        where: Any = obj
        for token in parents:
            where = where[int(token)] if isinstance(where, list) else where[token]
        _do(where, last, op)
    return obj


def _token(text: str) -> str:
    return text.replace("~1", "/").replace("~0", "~")


def _do(where: Any, last: str, op: Json) -> None:
    key: Any = int(last) if isinstance(where, list) else last
    match op["op"]:
        case "test":
            assert where[key] == op["value"], op
        case "replace":
            assert where[key] != op["value"], op
            where[key] = deepcopy(op["value"])
        case "add" if isinstance(where, list):
            assert 0 <= key <= len(where), op
            where.insert(key, deepcopy(op["value"]))
        case "add":
            assert key not in where, op
            where[key] = deepcopy(op["value"])
        case "remove":
            del where[key]


def samples() -> list[Path]:
    """Istio's own samples, where they lie beside the repository; never part of it."""
    beside = (p / "shared/data/samples" for p in Path(__file__).resolve().parents)
    return sorted(f for folder in beside for f in folder.rglob("*.yaml"))
