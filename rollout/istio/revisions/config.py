"""What a revision's ConfigMaps say: how it injects, and the mesh's configuration, compared.

Sources: istio/istio, ``istio-discovery/templates/istiod-injector-configmap.yaml`` and
``configmap.yaml``; ``pkg/config/analysis/analyzers/injection/injection-image.go``.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from rollout import lenient, yamltext
from rollout.model.mesh import InjectorConfig

STOCK = frozenset(
    {"sidecar", "gateway", "grpc-simple", "grpc-agent", "waypoint", "kube-gateway", "agentgateway"}
)
"""Injection templates that Istio's own charts bring."""
OF_REVISION = frozenset({"defaultConfig.discoveryAddress"})
"""What differs from revision to revision by itself."""


def injection(obj: Mapping[str, Any]) -> InjectorConfig:
    """What ConfigMap ``istio-sidecar-injector`` says of the pods that it injects."""
    data = lenient.texts(obj.get("data"))
    values = lenient.mapping(_json(data.get("values", "")))
    config = lenient.mapping(_yaml(data.get("config", "")))
    named = lenient.mapping(config.get("templates"))
    return InjectorConfig(
        image=image(lenient.mapping(values.get("global"))),
        every_namespace=lenient.under(values, "sidecarInjectorWebhook", "enableNamespacesByDefault")
        is True,
        cni=any(
            lenient.under(values, *way, "enabled") is True
            for way in (("istio_cni",), ("pilot", "cni"), ("cni",))
        ),
        templates=tuple(sorted(name for name in named if name not in STOCK)),
    )


def image(shared: Mapping[str, Any]) -> str:
    """The proxy's image from the values' ``global``: ``hub/image:tag[-variant]``.

    An image with a slash stands for all of it. Empty: it cannot be told.
    """
    own = lenient.text(lenient.under(shared, "proxy", "image")) or "proxyv2"
    if "/" in own:
        return own
    tag = shared.get("tag")
    version = str(tag) if isinstance(tag, str | int | float) else ""
    hub, variant = lenient.text(shared.get("hub")), lenient.text(shared.get("variant"))
    if not hub or not version:
        return ""
    tagged = f"{hub}/{own}:{version}"
    return f"{tagged}-{variant}" if variant and not version.endswith(f"-{variant}") else tagged


@dataclass(frozen=True, slots=True)
class Difference:
    """One leaf that two mesh configurations do not share; None: it is not there."""

    path: str
    old: str | None
    new: str | None

    @property
    def field(self) -> str:
        """The field at the top that it stands in."""
        return self.path.partition(".")[0].partition("[")[0]

    def __str__(self) -> str:
        old, new = (text if text is not None else "nothing" for text in (self.old, self.new))
        return f"{self.path} is {old} and becomes {new}"


def differences(old: str, new: str) -> tuple[Difference, ...] | None:
    """Where two mesh configurations differ, by path; None: one of them cannot be read."""
    values = [_yaml(text) if text.strip() else {} for text in (old, new)]
    if not all(isinstance(value, Mapping) for value in values):
        return None
    before, after = (dict(_leaves(value, "")) for value in values)
    return tuple(
        Difference(path, before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path) and path not in OF_REVISION
    )


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    elif path:
        yield path, json.dumps(value, default=str, sort_keys=True)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _yaml(text: str) -> Any:
    """What the text says; ``...``, which is no mapping, where it cannot be read.

    Anchors are refused, since a short text of them can stand for a very long one.
    """
    try:
        tokens = {type(token) for token in yaml.scan(text, Loader=yaml.CSafeLoader)}
    except yamltext.UNREADABLE:
        return ...
    found = None if yaml.AliasToken in tokens else yamltext.read(text)
    return ... if found is None or len(found) > 1 else next(iter(found), None)
