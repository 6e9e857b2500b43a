"""Revision tags: two carriers each, and istiod takes the union of what they say.

Sources: istio/istio, ``istioctl/pkg/tag/generate.go``; ``pkg/revisions/tag_watcher.go``; the chart
``istio-discovery/templates/revision-tags-svc.yaml`` (since 1.28).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rollout import lenient
from rollout.istio import owner
from rollout.model.mesh import REV, TAG, Callee, Injector, Tag

Obj = Mapping[str, Any]

COMPONENT = "operator.istio.io/component"
"""By this and ``istio.io/rev``, ``istioctl uninstall --revision`` finds what it deletes."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A Service that carries a tag."""

    name: str
    namespace: str
    tag: str
    revision: str
    labels: Mapping[str, str]
    owner: str
    put_back: bool


def carrier(service: Obj) -> Carrier | None:
    """A Service as the carrier of a tag; None: it carries none."""
    labels = lenient.labels(service)
    if not labels.get(TAG) or not labels.get(REV):
        return None
    return Carrier(
        lenient.name(service),
        lenient.namespace(service),
        labels[TAG],
        labels[REV],
        labels,
        owner.owner(service),
        owner.is_put_back(service),
    )


def tags(injectors: Iterable[Injector], services: Iterable[Obj]) -> tuple[Tag, ...]:
    """Every tag, by name, with what each carrier says."""
    by_webhook = {each.tag: each for each in injectors if each.tag}
    carriers = (carrier(service) for service in services)
    by_service = {each.tag: each for each in carriers if each is not None}
    names = sorted({*by_webhook, *by_service})
    return tuple(_tag(name, by_webhook.get(name), by_service.get(name)) for name in names)


def _tag(name: str, webhook: Injector | None, service: Carrier | None) -> Tag:
    both = [each for each in (webhook, service) if each is not None]
    hook = webhook.hooks[0] if webhook is not None and webhook.hooks else None
    return Tag(
        name,
        by_webhook=webhook.revision if webhook else "",
        by_service=service.revision if service else "",
        webhook=webhook.name if webhook else "",
        service=service.name if service else "",
        labels=dict(both[0].labels),
        pruned=any(each.labels.get(COMPONENT) for each in both),
        owner=next((each.owner for each in both if each.owner), ""),
        put_back=any(each.put_back for each in both),
        ca_bundle=hook.ca_bundle if hook else "",
        calls=hook.calls if hook else Callee(),
    )
