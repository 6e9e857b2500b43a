"""Tags and the default, as istioctl moves them; and what validates what."""

from __future__ import annotations

import pytest

from rollout.lab.kube.client import MUTATING, SERVICE, VALIDATING
from rollout.lab.revisions import names
from tests.lab.revisions.mesh import NEW, OLD, Mesh

pytestmark = pytest.mark.lab
REV = "istio.io/rev"
GOOD = {"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}}]}]}
BAD = {"hosts": [], "http": [{"name": "nowhere"}]}


async def test_a_tag_is_a_name_whose_meaning_moves(mesh: Mesh) -> None:
    space = await mesh.space("tagged", {REV: "prod"})
    assert await mesh.revision(space) == "none"
    await mesh.world.revisions.tag("prod", OLD)
    while await mesh.revision(space) == "none":
        pass
    assert await mesh.revision(space) == OLD.name
    await mesh.world.revisions.tag("prod", NEW)
    while await mesh.revision(space) == OLD.name:
        pass
    assert await mesh.revision(space) == NEW.name
    hooks = await mesh.world.kube.read(MUTATING, "", names.tag_webhook("prod"))
    service = await mesh.world.kube.read(SERVICE, NEW.namespace, names.tag_service("prod"))
    assert [each["metadata"]["labels"][REV] for each in (hooks, service)] == [NEW.name] * 2
    assert service["spec"]["selector"][REV] == NEW.name


async def test_the_default_is_for_those_who_name_nobody(mesh: Mesh) -> None:
    space = await mesh.space("default", {"istio-injection": "enabled"})
    assert await mesh.revision(space) == OLD.name
    await mesh.world.revisions.tag("default", NEW)
    while await mesh.revision(space) == OLD.name:
        pass
    assert await mesh.revision(space) == NEW.name
    validator = await mesh.world.kube.read(VALIDATING, "", names.DEFAULT_VALIDATOR)
    assert validator["metadata"]["labels"][REV] == NEW.name


async def test_configuration_is_validated_by_the_default_or_by_whom_it_names(mesh: Mesh) -> None:
    space = await mesh.space("config", {})
    for labels, hook in (
        ({}, "validation.istio.io"),
        ({REV: OLD.name}, "rev.validation.istio.io"),
        ({REV: NEW.name}, "rev.validation.istio.io"),
    ):
        assert await mesh.validated(space, GOOD, labels) == ""
        refused = await mesh.validated(space, BAD, labels)
        assert f'\\"{hook}\\" denied the request: configuration is invalid' in refused
        assert "virtual service must have at least one host" in refused
    assert await mesh.validated(space, BAD, {REV: "prod"}) == ""


async def test_where_the_validator_is_gone_nothing_of_istios_can_be_written(mesh: Mesh) -> None:
    space = await mesh.space("brake", {})
    await mesh.world.revisions.set_faults(OLD.name, down=True)
    assert "failed calling webhook" in await mesh.validated(space, GOOD, {})
    assert await mesh.validated(space, GOOD, {REV: NEW.name}) == ""
    await mesh.world.revisions.tag("default", NEW)
    while await mesh.validated(space, GOOD, {}):
        pass


async def test_an_uninstalled_revision_leaves_its_tags_pointing_at_nobody(mesh: Mesh) -> None:
    await mesh.world.revisions.tag("prod", NEW)
    await mesh.world.revisions.uninstall(NEW)
    space = await mesh.space("orphan", {REV: "prod"})
    while "failed calling webhook" not in await mesh.refusal(space):
        pass
    plain = await mesh.space("plain", {REV: NEW.name})
    assert await mesh.revision(plain) == "none"
