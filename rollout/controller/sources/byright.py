"""Fields of a team's own objects that others write by right: git's value of them begins, no more.

An autoscaler, or a rollout, writes ``replicas``. istiod writes the CA of its webhooks, and makes
those that validate strict once it answers; a source that put git's value back would open the
validation again, or be refused for it.
Source: istio/istio, ``pkg/webhooks/webhookpatch.go`` and
``pkg/webhooks/validation/controller/controller.go``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rollout.controller.ports import Json

_REPLICAS = ".spec.replicas"
_WEBHOOKS = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})
_OF_ISTIOD = re.compile(r'\.webhooks\[name="[^"]+"\]\.(failurePolicy|clientConfig\.caBundle)')
_PART = re.compile(r'\.([^.\[]+)|\[name="([^"]+)"\]')


def is_theirs(kind: str, field: str) -> bool:
    """Whether whoever has written ``field``, as the API server names it, may."""
    if field == _REPLICAS:
        return True
    return kind in _WEBHOOKS and _OF_ISTIOD.fullmatch(field) is not None


def without(body: Json, fields: Iterable[str]) -> Json:
    """``body`` without these; ``.spec.replicas``, ``.webhooks[name="x"].failurePolicy``.

    A field that is named in another way stays.
    """
    for name in fields:
        path = list(_PART.finditer(name))
        if path and "".join(part[0] for part in path) == name:
            body = _cut(body, [(part[1], part[2]) for part in path])
    return body


def _cut(value: Any, path: Sequence[tuple[str | None, str | None]]) -> Any:
    """``value`` without what is at ``path``: keys of mappings, and names of entries of lists."""
    (key, name), *rest = path
    if key is None:
        if not rest or not isinstance(value, list):
            return value
        return [_cut(each, rest) if _is_named(each, name) else each for each in value]
    if not isinstance(value, Mapping) or key not in value:
        return value
    if not rest:
        return {each: part for each, part in value.items() if each != key}
    return {**value, key: _cut(value[key], rest)}


def _is_named(value: object, name: str | None) -> bool:
    return isinstance(value, Mapping) and value.get("name") == name
