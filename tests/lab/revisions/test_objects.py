"""The objects of a revision and of a tag are those that Istio itself writes, field by field."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from rollout.lab.revisions import config, webhooks, workload
from rollout.lab.revisions.names import Revision
from tests.lab.revisions import real

OLD = Revision("1-29-6", "1.29.6", replicas=1)
NEW = Revision("1-30-3", "1.30.3", replicas=1)
Json = dict[str, Any]


def installed(obj: Json) -> Json:
    """As it stands once its istiod has written the bundle, and made a validator strict."""
    found = deepcopy(obj)
    for hook in found["webhooks"]:
        hook["clientConfig"]["caBundle"] = real.WORDS
        hook["failurePolicy"] = "Fail"
    return found


@pytest.mark.parametrize("revision", [OLD, NEW])
@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("Deployment", workload.deployment),
        ("Service", workload.service),
        ("HorizontalPodAutoscaler", workload.autoscaler),
        ("ServiceAccount", workload.account),
    ],
)
def test_an_istiod_is_installed_as_istioctl_renders_it(
    revision: Revision, kind: str, made: Any
) -> None:
    rendered = real.documents(f"rendered-{revision.name}.yaml")
    assert made(revision) == real.named(rendered, kind, revision.istiod)


@pytest.mark.parametrize("revision", [OLD, NEW])
def test_a_revision_has_the_injection_webhooks_of_its_chart(revision: Revision) -> None:
    wanted = real.named(
        real.documents("mutating.yaml"), "MutatingWebhookConfiguration", revision.injector
    )
    assert installed(webhooks.injector(revision)) == wanted


@pytest.mark.parametrize("tag", ["prod", "default"])
def test_a_tag_has_what_istioctl_tag_writes_into_both_of_its_carriers(tag: str) -> None:
    hooks = webhooks.tagged(installed(webhooks.injector(OLD)), tag)
    name = f"istio-revision-tag-{tag}"
    found = real.documents("mutating.yaml")
    assert hooks == real.named(found, "MutatingWebhookConfiguration", name)
    service = webhooks.tag_service(workload.service(OLD), tag)
    name = f"istiod-revision-tag-{tag}"
    assert service == real.named(real.documents("tag-services.yaml"), "Service", name)


@pytest.mark.parametrize("revision", [OLD, NEW])
def test_a_revision_validates_what_carries_its_name(revision: Revision) -> None:
    wanted = real.named(
        real.documents("validating.yaml"), "ValidatingWebhookConfiguration", revision.validator
    )
    assert installed(webhooks.validator(revision)) == wanted


def test_the_default_validates_everything_else() -> None:
    name = "istiod-default-validator"
    found = real.documents("validating.yaml")
    wanted = real.named(found, "ValidatingWebhookConfiguration", name)
    assert installed(webhooks.default_validator(OLD)) == wanted


def test_a_validator_begins_without_a_bundle_and_lets_everything_pass() -> None:
    (hook,) = webhooks.validator(NEW)["webhooks"]
    assert (hook["failurePolicy"], "caBundle" in hook["clientConfig"]) == ("Ignore", False)


def test_what_a_tag_is_made_of_is_not_touched() -> None:
    canonical = installed(webhooks.injector(OLD))
    before = deepcopy(canonical)
    made = webhooks.tagged(canonical, "prod")
    made["webhooks"][0]["clientConfig"]["service"]["name"] = "another"
    assert canonical == before


def test_two_replicas_have_a_budget_and_the_mesh_configuration_names_their_service() -> None:
    two = Revision("1-30-3", "1.30.3")
    assert workload.deployment(two)["spec"]["replicas"] == 2
    assert workload.budget(two)["spec"]["selector"] == workload.deployment(two)["spec"]["selector"]
    mesh = config.mesh(two)
    assert mesh["metadata"]["name"] == "istio-1-30-3"
    assert "discoveryAddress: istiod-1-30-3.istio-system.svc:15012" in mesh["data"]["mesh"]
