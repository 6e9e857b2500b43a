"""Proxies are their revision's: where they are connected, what they took, and how they fail."""

from __future__ import annotations

import re

import pytest

from rollout.lab.kube.client import DEPLOYMENT, Object
from rollout.lab.load import Ask, Tally
from rollout.lab.revisions import town
from rollout.lab.revisions.town import EDGE, GATEWAY, Town
from tests.lab.revisions import real
from tests.lab.revisions.mesh import NEW, OLD, Mesh, eventually

pytestmark = pytest.mark.lab
REV = "istio.io/rev"
LATER = ("galley_validation_passed", "pilot_proxy_convergence_time")
"""Of names that real istiods show once there is something to count."""


async def test_the_replicas_of_an_istiod_share_its_proxies(mesh: Mesh) -> None:
    space = await mesh.space("many", {REV: NEW.name})
    await mesh.deploy(space, replicas=6)
    found = await mesh.connected(NEW)
    pods = {f"{each['metadata']['name']}.{space}" for each in await mesh.pods(space)}
    assert set(found) == pods
    assert {each["istio_version"] for each in found.values()} == {NEW.version}
    assert await mesh.connected(OLD) == {}
    pages = [await mesh.syncz(key) for key, _ in mesh.world.revisions.planes.replicas()]
    assert sum(len(page) for _, page in pages) == 6


async def test_a_proxys_line_has_the_fields_of_a_real_one(mesh: Mesh) -> None:
    space = await mesh.space("line", {REV: NEW.name})
    await mesh.deploy(space)
    (found,) = (await mesh.connected(NEW)).values()
    (wanted,) = real.parsed("syncz.json")[NEW.name]
    assert _shape(found) == _shape(wanted)
    assert found["cluster_sent"] == found["cluster_acked"]


def _shape(entry: Object) -> Object:
    """Keys, and times and nonces as patterns."""
    text = r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)(/\d+[0-9a-f]{7,8}-[-0-9a-f]+)?"

    def shaped(value: object) -> object:
        if isinstance(value, dict):
            return {key: shaped(part) for key, part in value.items()}
        return "time" if re.fullmatch(text, str(value)) else type(value).__name__

    found = shaped(entry)
    assert isinstance(found, dict)
    return found


async def test_debug_pages_are_for_those_with_a_token(mesh: Mesh) -> None:
    key, _ = next(mesh.world.revisions.planes.replicas())
    mesh.world.revisions.planes.may_read = lambda token: token == "istio-ca"
    assert (await mesh.syncz(key))[0] == 401
    assert await mesh.syncz(key, token="istio-ca") == (200, [])


async def test_metrics_have_the_names_and_types_of_real_ones_and_nothing_before_it_counts(
    mesh: Mesh,
) -> None:
    space = await mesh.space("counted", {REV: NEW.name})
    before = await mesh.metrics()
    assert "pilot_total_xds_rejects" not in before
    assert "sidecar_injection_failure_total" not in before
    await mesh.deploy(space)
    await mesh.connected(NEW)
    known = set(real.text(f"metrics-{NEW.name}.txt").splitlines())
    types = set(re.findall(r"^# TYPE .*$", await mesh.metrics(), re.MULTILINE))
    assert {each for each in types if not any(name in each for name in LATER)} <= known
    assert f'pilot_xds{{version="{NEW.version}"' in await mesh.metrics()


async def test_a_proxy_that_refuses_keeps_what_it_had_and_is_counted(mesh: Mesh) -> None:
    space = await mesh.space("nack", {REV: NEW.name})
    await mesh.deploy(space)
    (before,) = (await mesh.connected(NEW)).values()
    await mesh.world.revisions.set_faults(NEW.name, nack="lds")
    (found,) = (await mesh.connected(NEW)).values()
    assert found["listener_acked"] == before["listener_acked"] != found["listener_sent"]
    assert found["cluster_acked"] == found["cluster_sent"] != before["cluster_sent"]
    errors = [each for each in found["resources"].values() if "lastError" in each]
    assert len(errors) == 1
    assert re.search(r'pilot_total_xds_rejects\{type="lds",.*\} 1\n', await mesh.metrics())


async def test_a_slow_istiod_is_behind_for_as_long_as_it_is_slow(mesh: Mesh) -> None:
    await mesh.world.revisions.set_faults(NEW.name, push_seconds=3600.0)
    space = await mesh.space("slow", {REV: NEW.name})
    await mesh.deploy(space)
    (found,) = (await mesh.connected(NEW)).values()
    assert (found["cluster_acked"], bool(found["cluster_sent"])) == ("", True)
    await mesh.world.revisions.set_faults(NEW.name, push_seconds=0.0, nack="eds")
    (found,) = (await mesh.connected(NEW)).values()
    assert found["cluster_acked"] == found["cluster_sent"]


async def test_an_istiod_that_is_down_has_no_proxies(mesh: Mesh) -> None:
    space = await mesh.space("down", {REV: NEW.name})
    await mesh.deploy(space)
    assert len(await mesh.connected(NEW)) == 1
    await mesh.world.revisions.set_faults(NEW.name, down=True)
    assert await mesh.connected(NEW) == {}


async def test_visitors_of_a_bad_revisions_pods_and_gateways_feel_it_and_no_others(
    mesh: Mesh,
) -> None:
    if mesh.real:
        return  # requests are the lab's own either way; one API server is enough for them
    await mesh.world.apply(*Town(OLD.name, spaces=1, workloads=1).objects())
    await mesh.world.apply(*Town(OLD.name, spaces=2, workloads=1).objects())
    await mesh.relabel("team-02", {REV: NEW.name})
    for space, name in (("team-01", "app-1"), ("team-02", "app-1"), (EDGE, GATEWAY)):
        await mesh.world.settled(space, name)
    restarted = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
    spec = {"spec": {"template": restarted}}
    await mesh.world.kube.patch(DEPLOYMENT, "team-02", "app-1", spec)
    await mesh.world.settled("team-02", "app-1")
    for fault in ({"errors": 1.0}, {"resets": 1.0}):
        await mesh.world.revisions.set_faults(NEW.name, **fault)
        good, bad = await _visited(mesh, "team-01"), await _visited(mesh, "team-02")
        assert (set(good.statuses), set(bad.statuses)) == ({200}, {503})
        await mesh.world.revisions.set_faults(NEW.name)
    assert set((await _visited(mesh, "team-02")).statuses) == {200}


async def _visited(mesh: Mesh, space: str) -> Tally:
    ask = Ask(host=f"{space}.example", path="/app-1")
    async with mesh.world.edge_load(0, EDGE, GATEWAY, lambda: ask) as load:
        return await load.send(40)


async def test_a_second_gateway_takes_its_share_of_the_same_service(mesh: Mesh) -> None:
    if mesh.real:
        return
    await mesh.world.apply(*Town(OLD.name, spaces=1, workloads=1).objects())
    await mesh.world.settled("team-01", "app-1")
    await mesh.world.settled(EDGE, GATEWAY)
    await mesh.world.apply(town.gateway(NEW.name, f"{GATEWAY}-canary", replicas=1))
    await mesh.world.settled(EDGE, f"{GATEWAY}-canary")
    await eventually("three ready", lambda: len(mesh.world.ready_pods(EDGE, GATEWAY)) == 3)
    assert {each["proxy_type"] for each in (await mesh.connected(NEW)).values()} == {"router"}
    assert (await _visited(mesh, "team-01")).failures == 0
    await mesh.world.revisions.set_faults(NEW.name, errors=1.0)
    tally = await _visited(mesh, "team-01")
    while not tally.failures:  # Envoy's worker takes a listener a moment after it was accepted
        tally = await _visited(mesh, "team-01")
    assert 0 < tally.failures < tally.requests
