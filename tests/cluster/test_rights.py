"""Each optional right taken away in turn: it is named, and what does not need it goes on."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.manifests import rbac
from rollout.controller import rights
from rollout.controller.rights import Call, Need
from rollout.lab.kube.client import Object
from tests.cluster import objects
from tests.cluster.conftest import Control
from tests.cluster.journeys import JOURNEYS, Journey, Scene, comes
from tests.cluster.replica import replica

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(900)]

OPTIONAL = sorted(rights.USUAL - rights.REQUIRED)


def taken(need: Need) -> set[Call]:
    """All that ``need`` and not every Rollout has."""
    return {
        call
        for call, needs in rights.calls().items()
        if need in needs and not rights.REQUIRED & set(needs)
    }


def without(need: Need, space: str) -> list[Object]:
    """The documented rights in ``space``, but for those of ``need``."""
    gone = {
        (rbac.resource(call.kind, call.subresource).partition(".")[0], call.verb)
        for call in taken(need)
    }
    return [_less(obj, gone) for obj in rbac.manifests(space, rbac.OWN)]


def _less(obj: Object, gone: set[tuple[str, str]]) -> Object:
    rules = [
        {**rule, "resources": [name], "verbs": verbs}
        for rule in obj.get("rules", ())
        for name in rule["resources"]
        if (verbs := [verb for verb in rule["verbs"] if (name, verb) not in gone])
    ]
    return {**obj, "rules": rules} if "rules" in obj else obj


def _in_turn(need: Need) -> Any:
    """All of them take a quarter of an hour; one of a kind is in every run."""
    return pytest.param(need, marks=pytest.mark.short) if need is Need.EVENTS else need


def can_do_without(journey: Journey, need: Need) -> bool:
    """Whether no right that was taken away is one that the journey needs, for whatever."""
    return all(not journey.needs & set(rights.calls()[call]) for call in taken(need))


@pytest.mark.long
@pytest.mark.parametrize("need", [_in_turn(need) for need in OPTIONAL])
async def test_an_optional_right_that_is_missing_is_named_and_the_rest_goes_on(
    control: Control, tmp_path: Path, need: Need
) -> None:
    space = f"without-{need.name.lower().replace('_', '-')}"
    await control.apply(objects.namespace(space))
    await control.granted(*without(need, space))
    config = control.kubeconfig(tmp_path / "config", await control.token())
    scene = Scene(control, space, tmp_path)
    with replica(tmp_path, config, control.mesh, "-n", space) as process:

        async def says() -> bool:
            status, text = await process.ready()
            return status == 200 and any(need in line for line in text.splitlines())

        async with asyncio.TaskGroup() as ways:
            ways.create_task(comes(says, process.ready))
            for journey in JOURNEYS:
                if can_do_without(journey, need):
                    ways.create_task(journey.run(scene))
    await control.revoked(*without(need, space))
