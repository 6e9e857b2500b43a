"""Revision tags by both their carriers."""

from typing import Any

import pytest

from rollout.istio.revisions import tags, webhooks
from rollout.model.mesh import Tag
from tests.istio.revisions.objects import real, tag_service, tag_webhook


def read(objs: list[Any], services: list[Any]) -> tuple[Tag, ...]:
    return tags.tags([each for obj in objs if (each := webhooks.injector(obj))], services)


@pytest.mark.parametrize(
    ("webhook", "service", "by_webhook", "by_service", "owners"),
    [
        ("1-29-6", "1-29-6", "1-29-6", "1-29-6", frozenset({"1-29-6"})),
        ("1-30-3", "1-29-6", "1-30-3", "1-29-6", frozenset({"1-29-6", "1-30-3"})),
        ("1-30-3", "", "1-30-3", "", frozenset({"1-30-3"})),
        ("", "1-29-6", "", "1-29-6", frozenset({"1-29-6"})),
    ],
)
def test_istiod_takes_the_union_of_what_the_carriers_say(
    webhook: str, service: str, by_webhook: str, by_service: str, owners: frozenset[str]
) -> None:
    (tag,) = read(
        [tag_webhook("prod", webhook)] if webhook else [],
        [tag_service("prod", service)] if service else [],
    )
    assert (tag.by_webhook, tag.by_service, tag.revisions) == (by_webhook, by_service, owners)


def test_a_tag_knows_what_is_copied_when_it_moves() -> None:
    obj = tag_webhook("prod", "1-29-6")
    (tag,) = read([obj], [tag_service("prod", "1-29-6")])
    assert tag.ca_bundle == obj["webhooks"][0]["clientConfig"]["caBundle"]
    assert tag.calls.service == "istiod-1-29-6"
    assert (tag.webhook, tag.service) == ("istio-revision-tag-prod", "istiod-revision-tag-prod")


@pytest.mark.parametrize(("labels", "pruned"), [({}, False), ({tags.COMPONENT: "Pilot"}, True)])
def test_a_tag_with_the_operators_label_goes_with_its_revision(
    labels: dict[str, str], pruned: bool
) -> None:
    """istio#47423."""
    (tag,) = read([tag_webhook("prod", "1-29-6", **labels)], [])
    assert tag.pruned is pruned


def test_services_of_revisions_and_of_others_carry_no_tag() -> None:
    plain = {"metadata": {"name": "istiod-1-29-6", "labels": {"istio.io/rev": "1-29-6"}}}
    odd: list[Any] = [{}, {"metadata": None}, {"metadata": {"labels": ["istio.io/tag"]}}]
    assert read([], [plain, *odd]) == ()


def test_what_istioctl_wrote_agrees_in_both_carriers() -> None:
    both = read(real("mutating.yaml"), real("tag-services.yaml"))
    assert [(t.name, t.by_webhook, t.by_service, t.pruned) for t in both] in (
        [],
        [("default", "1-29-6", "1-29-6", False), ("prod", "1-29-6", "1-29-6", False)],
    )
