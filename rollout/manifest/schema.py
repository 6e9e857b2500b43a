"""Our kinds as JSON Schema, as authors write them and editors are told, made from the nouns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pkgutil import resolve_name
from typing import Any, TypeGuard

from rollout.manifest import meanings
from rollout.manifest.scan import Path
from rollout.model.spec import GROUP, VERSION
from rollout.model.units import DURATION, adapter_of, percent, words

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of ours: its names, its nouns, and what ``kubectl get`` shows of it.

    ``spec_noun``, ``status_noun``: where they are, ``module:class``; no status: empty.
    ``columns``: title, JSONPath, OpenAPI type.
    ``namespaced``: whether it stands in a namespace; else it is the cluster's.
    """

    name: str
    plural: str
    short: str
    spec_noun: str
    status_noun: str = ""
    columns: tuple[tuple[str, str, str], ...] = ()
    namespaced: bool = True

    @property
    def spec(self) -> Any:
        """The noun of its spec, imported now: a file of one kind needs no other kind's nouns."""
        return resolve_name(self.spec_noun)

    @property
    def status(self) -> Any:
        """The noun of its status, imported now; None: it has none."""
        return resolve_name(self.status_noun) if self.status_noun else None


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "Rollout",
            "rollouts",
            "rlo",  # "ro" is Argo Rollouts'
            "rollout.model.spec:RolloutSpec",
            "rollout.model.status:RolloutStatus",
            (
                ("Phase", ".status.phase", "string"),
                ("Stable", ".status.shown.stable", "string"),
                ("Canary", ".status.shown.canary", "string"),
                ("Weight", ".status.stage.split.canary", "integer"),
                ("Step", ".status.attempt.step.name", "string"),
                ("Because", ".status.because", "string"),
            ),
        ),
        Kind(
            "AnalysisTemplate",
            "analysistemplates",
            "rlat",
            "rollout.model.spec:AnalysisTemplateSpec",
        ),
        Kind(
            "RolloutSource",
            "rolloutsources",
            "rls",
            "rollout.model.sourcespec:RolloutSourceSpec",
            "rollout.model.source:SourceStatus",
            (
                ("URL", ".spec.url", "string"),
                ("Commit", ".status.commit", "string"),
                ("Ready", ".status.conditions[?(@.type=='Ready')].status", "string"),
                ("Because", ".status.because", "string"),
            ),
        ),
        Kind(
            "ClusterSwitchover",
            "clusterswitchovers",
            "rlsw",
            "rollout.model.switchover:SwitchoverSpec",
            "rollout.model.switchover:SwitchoverStatus",
            (
                ("Phase", ".status.phase", "string"),
                ("Serving", ".status.serving", "string"),
                ("Green", ".status.stage.split.canary", "integer"),
                ("Stage", ".status.stage.name", "string"),
                ("Step", ".status.attempt.step.name", "string"),
                ("Because", ".status.because", "string"),
            ),
        ),
        Kind(
            "ControlPlaneUpgrade",
            "controlplaneupgrades",
            "rlu",
            "rollout.model.upgrade:ControlPlaneUpgradeSpec",
            "rollout.model.upgrading:UpgradeStatus",
            (
                ("Phase", ".status.phase", "string"),
                ("From", ".spec.from", "string"),
                ("To", ".spec.to", "string"),
                ("State", ".status.state", "string"),
                ("At", ".status.attempt.stop.name", "string"),
                ("Because", ".status.because", "string"),
            ),
            namespaced=False,
        ),
    )
}


def is_kind(value: object) -> TypeGuard[str]:
    """Whether ``value``, which may be anything, names one of our kinds."""
    return isinstance(value, str) and value in KINDS


@cache
def raw(noun: Any) -> Schema:
    """JSON Schema of ``noun`` as authors write it; each class stands once, in ``$defs``."""
    found = adapter_of(noun).json_schema(by_alias=True)
    meanings.given(found, noun.__name__)
    return found


@cache
def plain(noun: Any) -> Schema:
    """As ``raw``, without references or titles.

    ``default``: of single values, as an author would write it: ``1m``, ``0.5%``.
    """
    found = raw(noun)
    resolved: Schema = _inline(found, found.get("$defs", {}))
    return resolved


def _inline(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(entry, definitions) for entry in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" in node:
        node = _without_null(node)
    if "$ref" in node:
        node = definitions[node["$ref"].rsplit("/", 1)[1]] | node
    dropped = ("$ref", "$defs", "title", "default")
    kept = {key: value for key, value in node.items() if key not in dropped}
    if (value := written_default(node)) is not None:
        kept["default"] = value
    if "properties" in kept:  # a property may well be called title or default
        kept["properties"] = {
            name: _inline(value, definitions) for name, value in kept["properties"].items()
        }
    return {
        key: value if key == "properties" else _inline(value, definitions)
        for key, value in kept.items()
    }


def written_default(node: Schema) -> object:
    """What holds where the author writes nothing; None where that is nothing, too, or is long."""
    value = node.get("default")
    if isinstance(value, list | dict) or value in (None, ""):
        return None
    if isinstance(value, str) and node.get("pattern") == DURATION["pattern"]:
        return words(adapter_of(timedelta).validate_python(value))
    if isinstance(value, float) and "anyOf" in node:
        return percent(value)
    return value


def _without_null(node: Schema) -> Schema:
    """A branch for null becomes OpenAPI's word for it, as neither dialect has such branches."""
    branches = [branch for branch in node["anyOf"] if branch != {"type": "null"}]
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    if len(branches) < len(node["anyOf"]):
        rest["nullable"] = True
    return rest | {"anyOf": branches} if len(branches) > 1 else branches[0] | rest


def keys(kind: str, path: Path) -> tuple[str, ...]:
    """The keys that may stand in the mapping at ``path`` of a ``kind``'s document."""
    node: Any = {"properties": {"spec": plain(KINDS[kind].spec)}}
    for part in path:
        if not isinstance(node, dict):
            return ()
        if isinstance(part, int):
            node = node.get("items")
        else:
            node = node.get("properties", {}).get(part, node.get("additionalProperties"))
    return tuple(node.get("properties", ())) if isinstance(node, dict) else ()


def document(kind: str) -> Schema:
    """The JSON Schema of a whole manifest, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": f"{GROUP}/{VERSION}"},
            "kind": {"const": kind},
            "metadata": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "namespace": {"type": "string"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
            "spec": _for_editors(plain(KINDS[kind].spec)),
        },
    }


def _for_editors(node: Any) -> Any:
    """Kubernetes' own words are unknown to editors; an object is open to them already."""
    if isinstance(node, list):
        return [_for_editors(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _for_editors(value)
        for key, value in node.items()
        if key != "nullable" and not key.startswith("x-kubernetes")
    }
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        kept["type"] = [node["type"], "null"]
    return kept


def without_nulls(kind: str, spec: Any) -> Any:
    """``spec`` of a ``kind`` without fields that are null, which is how authors leave one out."""
    return _without_nulls(spec, plain(KINDS[kind].spec)) if _has_null(spec) else spec


def _has_null(value: Any) -> bool:
    """Whether a null is anywhere in it: most have none, and to make a schema takes a while."""
    if isinstance(value, Mapping):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list) else value is None


def _without_nulls(value: Any, node: Any) -> Any:
    if isinstance(value, list) and isinstance(node, dict) and "items" in node:
        return [_without_nulls(entry, node["items"]) for entry in value]
    if not isinstance(value, dict) or not isinstance(node, dict):
        return value
    named, others = node.get("properties", {}), node.get("additionalProperties")
    return {
        key: _without_nulls(inner, named.get(key, others))
        for key, inner in value.items()
        if inner is not None or key not in named
    }
