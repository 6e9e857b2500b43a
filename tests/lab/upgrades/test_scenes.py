"""Whole meshes upgraded by the real controller: no request fails, and each way back is whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from rollout.cli.lab import meshes
from rollout.cli.lab import up as cli
from rollout.lab.revisions.town import Town
from rollout.lab.world import World
from rollout.model.upgrading import State, UpgradeStatus
from tests.lab.upgrades.harness import NEW, OLD, PATIENCE, QUICK, upgrading

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(2 * PATIENCE)]
PAST = 20.0  # seconds of visits before: what a wave is compared with
SMALL = Town(OLD.name, spaces=3, workloads=2)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with cli.world(controller=False, revisions=True) as (made, _):
        yield made


def at_rest(status: UpgradeStatus) -> bool:
    return status.state in (State.DONE, State.RETURNED)


async def test_twelve_namespaces_go_to_a_good_revision_and_no_request_fails(world: World) -> None:
    async with (
        upgrading(world, Town(OLD.name)) as mesh,
        mesh.visited(200) as load,
    ):
        await asyncio.sleep(PAST)
        await mesh.ask()
        status = await mesh.until("at its end", at_rest)
        assert status.state is State.DONE, mesh.because
        assert set().union(*(await mesh.revisions()).values()) == {NEW.name}
    assert load.tally.failures == 0
    assert load.tally.requests > 200 * PAST


async def test_a_revision_that_breaks_in_its_second_wave_is_taken_back_byte_by_byte(
    world: World,
) -> None:
    async with (
        upgrading(world, Town(OLD.name)) as mesh,
        mesh.visited(200) as load,
    ):
        await asyncio.sleep(PAST)
        before = await mesh.snapshot()
        await mesh.ask()
        await mesh.until("in its second wave", _second_wave_moved)
        await world.revisions.set_faults(NEW.name, errors=0.4)
        moved = {name for name, found in (await mesh.revisions()).items() if NEW.name in found}
        assert moved == set(meshes.EXPOSED)
        status = await mesh.until("at its end", at_rest)
        assert (status.state, status.refused and status.refused.to) == (State.RETURNED, NEW.name)
        assert set().union(*(await mesh.revisions()).values()) == {OLD.name}
        assert await mesh.snapshot() == before
    exposed = {f"{space}.example" for space in meshes.EXPOSED}
    assert load.tally.failures > 0
    assert set(load.tally.failed_hosts) <= exposed


def _second_wave_moved(status: UpgradeStatus) -> bool:
    stop = status.attempt.stop
    return stop is not None and stop.name == meshes.SECOND and stop.confirmed_at is not None


CALM = {"interval": "1s", "warmup": "1s", "metrics": [{"name": "errors"}]}
"""How fast a busy machine answers is no matter where the way back is asked for by a person."""

ABORTED = (State.CANARY, State.WAVES, State.GATEWAYS, State.TAGS, State.BAKE)
"""The states in which something is at the new control plane."""

TEN = (
    State.PREFLIGHT,
    State.BASE,
    State.INSTALL,
    State.CANARY,
    State.WAVES,
    State.GATEWAYS,
    State.TAGS,
    State.BAKE,
    State.NODES,
    State.REMOVE,
)
GOING = (State.RETURNING, State.RETURNED)
LITTLE = Town(OLD.name, spaces=2, workloads=1)


async def test_a_controller_that_is_killed_in_every_state_is_carried_on(world: World) -> None:
    """Also past the point of no return, where the old revision is half removed."""
    async with upgrading(world, LITTLE) as mesh, mesh.visited(30) as load:
        await asyncio.sleep(PAST)
        await mesh.ask(**_small(), remove="approval", analysis=CALM)
        for state in TEN:
            await mesh.held(state, partial(_in, state))
            await mesh.killed()
        await mesh.request("approve")
        await mesh.held("removing", lambda now: now.attempt.removing)
        await mesh.killed()
        status = await mesh.until("at its end", at_rest)
        assert status.state is State.DONE, mesh.because
        assert set().union(*(await mesh.revisions()).values()) == {NEW.name}
    assert load.tally.failures == 0


def _in(state: State, status: UpgradeStatus) -> bool:
    return status.state is state


@pytest.mark.parametrize("state", TEN)
async def test_an_upgrade_that_is_aborted_leaves_all_as_it_was(world: World, state: State) -> None:
    async with upgrading(world, LITTLE) as mesh, mesh.visited(30) as load:
        await asyncio.sleep(PAST)
        before = await mesh.snapshot()
        await mesh.ask(**_small(), remove="approval", analysis=CALM)
        await mesh.held(state, partial(_in, state))
        await mesh.request("abort")
        await mesh.killed()
        await mesh.until("on its way back", lambda now: now.state in GOING)
        await mesh.killed()
        status = await mesh.until("at its end", at_rest)
        assert status.state is State.RETURNED
        assert status.attempt.way_back is not None
        assert status.attempt.way_back.state is state
        assert set().union(*(await mesh.revisions()).values()) == {OLD.name}
        assert await mesh.snapshot() == before
    assert load.tally.failures == 0


async def test_sets_go_there_and_back_by_each_of_their_strategies_and_no_request_fails(
    world: World,
) -> None:
    town = Town(OLD.name, spaces=2, workloads=1, sets=True)
    async with upgrading(world, town) as mesh, mesh.visited(40) as load:
        await asyncio.sleep(PAST)
        before = await mesh.snapshot()
        await mesh.ask(**_small(bake="1h"), analysis=CALM)
        await mesh.until(State.BAKE, lambda now: now.state is State.BAKE)
        assert set().union(*(await mesh.revisions()).values()) == {NEW.name}
        await mesh.request("abort")
        await mesh.until("at its end", at_rest)
        assert set().union(*(await mesh.revisions()).values()) == {OLD.name}
        assert await mesh.snapshot() == before
    assert load.tally.failures == 0


@pytest.mark.parametrize("state", ABORTED)
async def test_a_mesh_of_sixty_workloads_is_taken_back_from_any_state_and_no_request_fails(
    world: World, state: State
) -> None:
    async with upgrading(world, Town(OLD.name)) as mesh, mesh.visited(200) as load:
        await asyncio.sleep(PAST)
        before = await mesh.snapshot()
        await mesh.ask(bake="1h", analysis=CALM)
        await mesh.until(state, partial(_deep_in, state))
        await mesh.request("abort")
        status = await mesh.until("at its end", at_rest)
        assert status.state is State.RETURNED
        assert set().union(*(await mesh.revisions()).values()) == {OLD.name}
        assert await mesh.snapshot() == before
    assert load.tally.failures == 0
    assert load.tally.requests > 200 * PAST


def _deep_in(state: State, status: UpgradeStatus) -> bool:
    """In that state, with something of it done: a wave that has begun, a gateway that shares."""
    stop = status.attempt.stop
    done = stop is not None and (stop.asked_at is not None or stop.confirmed_at is not None)
    return status.state is state and done


def _small(**more: str) -> dict[str, object]:
    waves = [{"name": "rest", "percentage": 100, **QUICK}]
    return {
        "canary": {"name": "canary", "namespaces": ["team-01"], **QUICK},
        "waves": waves,
        **more,
    }


async def test_where_the_brake_does_not_hold_nothing_moves(world: World) -> None:
    """A VirtualService that cannot be written is a way back that cannot be gone."""
    async with upgrading(world, SMALL) as mesh:
        await world.revisions.set_faults(OLD.name, down=True)
        await mesh.ask(**_small())
        await mesh.until("it says so", lambda now: now.awaits is not None)
        assert set().union(*(await mesh.revisions()).values()) == {OLD.name}
        assert not at_rest(await mesh.status())
