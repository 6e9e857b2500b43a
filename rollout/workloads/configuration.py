"""ConfigMaps and Secrets that a pod template names: found, copied, and rewired to the copies."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Obj = Mapping[str, Any]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """One object that a template names: ``ConfigMap`` or ``Secret``, and whether it may miss."""

    kind: str
    name: str
    optional: bool = False


_IN_ENV = (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret"))
_IN_ENV_FROM = (("configMapRef", "ConfigMap"), ("secretRef", "Secret"))
_IN_VOLUME = (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName"))
_BOUND = "kubernetes.io/service-account-token"
"""A Secret of this type belongs to its service account; a copy of it would be no token."""


def named(template: Obj) -> tuple[Named, ...]:
    """What the pod template names, sorted, each once; it is optional only if it is everywhere."""
    found: dict[tuple[str, str], bool] = {}
    for kind, where, key in _places(template):
        at = (kind, str(where.get(key)))
        found[at] = found.get(at, True) and bool(where.get("optional"))
    return tuple(sorted(Named(kind, name, optional) for (kind, name), optional in found.items()))


def missing(template: Obj, configs: Iterable[Obj]) -> tuple[str, ...]:
    """Phrases for what the template cannot do without and is not there; may be empty."""
    here = {(c["kind"], c["metadata"]["name"]) for c in configs}
    wanted = (n for n in named(template) if not n.optional and (n.kind, n.name) not in here)
    return tuple(f"{n.kind.lower()} {n.name} is not there" for n in wanted)


def content(template: Obj, configs: Iterable[Obj]) -> Json:
    """What the named objects hold, by ``kind/name``; None for one that is not there."""
    here = {(c["kind"], c["metadata"]["name"]): c for c in configs}
    return {f"{n.kind}/{n.name}": _data(here.get((n.kind, n.name))) for n in named(template)}


def _data(config: Obj | None) -> Json | None:
    if config is None:
        return None
    return {key: dict(config.get(key) or {}) for key in ("data", "binaryData")}


def copies(template: Obj, configs: Iterable[Obj], suffix: str) -> tuple[Json, ...]:
    """An immutable copy of each named object that is there, ``<name>-<suffix>``, in order."""
    wanted = {(n.kind, n.name) for n in named(template)}
    mine = (c for c in configs if (c["kind"], c["metadata"]["name"]) in wanted and _may_copy(c))
    return tuple(_copy(c, suffix) for c in mine)


def originals(copied: Iterable[Obj], suffix: str) -> tuple[Json, ...]:
    """What ``copies`` were made of, as far as a revision goes: kind, name and content."""
    return tuple(
        {**c, "metadata": {"name": str(c["metadata"]["name"]).removesuffix(f"-{suffix}")}}
        for c in copied
    )


def _may_copy(config: Obj) -> bool:
    return config.get("type") != _BOUND


def _copy(config: Obj, suffix: str) -> Json:
    name = f"{config['metadata']['name']}-{suffix}"
    namespace = config["metadata"].get("namespace")
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    held = {k: deepcopy(config[k]) for k in ("data", "binaryData", "type") if k in config}
    head = {"apiVersion": "v1", "kind": config["kind"], "metadata": metadata}
    return head | held | {"immutable": True}


def rewired(template: Obj, copied: Iterable[Obj], suffix: str) -> Json:
    """The template with every name of a copied object pointing to its copy."""
    made: Json = deepcopy(dict(template))
    ours = {(c["kind"], c["metadata"]["name"]) for c in copied}
    for kind, where, key in _places(made):
        if (kind, f"{where.get(key)}-{suffix}") in ours:
            where[key] = f"{where[key]}-{suffix}"
    return made


def _places(template: Obj) -> Iterator[tuple[str, Json, str]]:
    """Every place that names an object: its kind, the dict that names it, the key that does.

    Image pull secrets are not configuration and are left out.
    """
    spec = template.get("spec") or {}
    for part in ("initContainers", "containers"):
        for container in spec.get(part) or ():
            yield from _in_container(container)
    for volume in spec.get("volumes") or ():
        yield from _in_volume(volume)


def _in_container(container: Obj) -> Iterator[tuple[str, Json, str]]:
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        yield from ((kind, source[k], "name") for k, kind in _IN_ENV if source.get(k))
    for source in container.get("envFrom") or ():
        yield from ((kind, source[k], "name") for k, kind in _IN_ENV_FROM if source.get(k))


def _in_volume(volume: Obj) -> Iterator[tuple[str, Json, str]]:
    yield from ((kind, volume[k], key) for k, kind, key in _IN_VOLUME if volume.get(k))
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from ((kind, source[k], "name") for k, kind, _ in _IN_VOLUME if source.get(k))
