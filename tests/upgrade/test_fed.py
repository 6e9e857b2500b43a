"""What the controller finds out by itself before an upgrade begins, and while it is under way."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from rollout.errors import ManifestError
from rollout.manifest import upgrades
from rollout.model.upgrading import Awaits, State
from tests.istio.revisions.objects import ROOT
from tests.upgrade.cluster import NEW, OLD, SYSTEM, Mesh, built, injector_config, version
from tests.upgrade.play import NOON, Play, manifest


def warnings(play: Play) -> str:
    play.until(lambda p: p.status.awaits is not None or p.status.state is State.BASE)
    return "\n".join(play.status.attempt.warnings)


def test_an_api_server_that_is_too_old_stops_it() -> None:
    mesh = built()
    mesh.kube.release = "1.27"
    play = Play(mesh).begin()
    assert "UPG-001: kubernetes is 1.27" in warnings(play)
    assert (play.status.state, play.status.awaits) == (State.PREFLIGHT, Awaits.FINDINGS)


def test_a_right_that_is_missing_stops_it() -> None:
    mesh = built()
    mesh.kube.forbidden.add(("patch", "Namespace", ""))
    play = Play(mesh).begin()
    assert "UPG-002: the account may not patch Namespace" in warnings(play)
    assert play.status.awaits is Awaits.FINDINGS


def test_a_prometheus_that_does_not_answer_is_told_of() -> None:
    mesh = built()
    mesh.nothing_counted = True
    play = Play(mesh).begin().to(State.BASE)
    assert "UPG-062: prometheus: does not answer" in warnings(play)
    assert "UPG-062" not in warnings(Play(built()).begin().to(State.BASE))


def test_a_certificate_that_ends_before_the_upgrade_does_stops_it() -> None:
    mesh = built()
    data = {"ca-cert.pem": b64encode(ROOT.encode()).decode()}
    meta = {"name": "istio-ca-secret", "namespace": SYSTEM}
    mesh.put({"kind": "Secret", "metadata": meta, "data": data})
    play = Play(mesh).begin()
    assert "UTC, before the upgrade does" in warnings(play)
    assert play.status.awaits is Awaits.FINDINGS


# Freezes


def freeze(after: timedelta, lasts: timedelta) -> dict[str, str]:
    begins = NOON + after
    return {
        "from": begins.isoformat(),
        "to": (begins + lasts).isoformat(),
        "reason": "the year's end",
    }


def test_in_a_freeze_no_upgrade_begins_and_after_it_one_does() -> None:
    play = Play(built()).begin(freezes=[freeze(-timedelta(hours=1), timedelta(hours=2))])
    play.until(lambda p: p.status.awaits is Awaits.FINDINGS)
    assert play.status.because == "UPG-065: freeze until 2026-11-29 13:00 UTC: the year's end"
    play.to(State.WAVES)
    assert play.now >= NOON + timedelta(hours=1)


def test_a_freeze_in_between_holds_the_next_wave_and_no_way_back() -> None:
    mesh = built()
    play = Play(mesh).begin(freezes=[freeze(timedelta(minutes=1), timedelta(days=9))])
    play.until(lambda p: p.status.awaits is Awaits.FREEZE)
    assert play.status.because == "frozen until 2026-12-08 12:01 UTC: the year's end"
    labels = {space: mesh.labels(space) for space in ("shop2", "shop3", "tagged")}
    for _ in range(5):
        play.look()
    assert {space: mesh.labels(space) for space in labels} == labels
    play.ask("abort").to(State.RETURNED)
    assert play.now < NOON + timedelta(hours=1)


def test_a_freeze_that_a_person_has_overruled_holds_nobody() -> None:
    reason = "the security fix cannot wait"
    play = Play(built()).begin(
        freezes=[freeze(-timedelta(hours=1), timedelta(days=9))],
        preflight={"overrule": [{"rule": "UPG-065", "reason": reason}]},
    )
    play.to(State.GATEWAYS)
    assert any(reason in each.because for each in play.status.history)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"from": "2026-12-20T00:00:00", "to": "2026-12-21T00:00:00Z"}, "needs a time zone"),
        ({"from": "2026-12-21T00:00:00Z", "to": "2026-12-20T00:00:00Z"}, "ends after it begins"),
    ],
)
def test_a_freeze_that_says_nothing_is_refused(spec: dict[str, str], told: str) -> None:
    with pytest.raises(ManifestError, match=told):
        upgrades.upgrade(manifest(freezes=[{**spec, "reason": "x"}]))


# In place


def in_place(mesh: Mesh) -> None:
    """Somebody has put another version into the revision itself."""
    config: Any = mesh.get("ConfigMap", SYSTEM, f"istio-sidecar-injector-{OLD}")
    mesh.put({**config, "data": {**config["data"], "values": injector_config(NEW)}})
    mesh.runs[OLD] = version(NEW)


def test_a_gateway_goes_along_with_an_upgrade_in_place_by_its_twin() -> None:
    mesh = built()
    in_place(mesh)
    play = Play(mesh).begin(to=OLD, allowInPlace=True, default=None, waves=None, remove="keep")
    play.to(State.BAKE)
    assert {tuple(found) for pod, found in mesh.proxies().items() if "ingress/gw" in pod} == {
        (NEW,)
    }
    assert mesh.get("Deployment", "ingress", "gw")["spec"]["replicas"] == 3


def test_where_it_is_allowed_an_upgrade_in_place_goes_wave_by_wave() -> None:
    mesh = built()
    in_place(mesh)
    play = Play(mesh).begin(to=OLD, allowInPlace=True, default=None, gateways=[], remove="keep")
    play.to(State.DONE)
    moved = {
        pod.partition("/")[0]: pods[0]
        for pod, pods in mesh.proxies().items()
        if "ingress" not in pod
    }
    assert moved == {"shop1": NEW, "shop2": NEW, "shop3": OLD, "tagged": NEW}  # shop3: in no wave
    assert mesh.labels("shop2")["istio.io/rev"] == OLD


# By a source


def absent(mesh: Mesh) -> list[Any]:
    """All that the new revision is, taken out of the mesh."""
    keys = [key for key in mesh.kube.objects if NEW in key[2]]
    return [mesh.kube.objects.pop(key) for key in keys]


def source(status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    meta = {"name": "istio", "namespace": "mesh"}
    return {"kind": "RolloutSource", "metadata": meta, "spec": spec, "status": status}


def test_a_source_that_is_to_apply_the_new_revision_is_waited_for_and_says_why() -> None:
    mesh = built()
    revision = absent(mesh)
    play = Play(mesh).begin(
        install={"manifests": {"source": "mesh/istio"}},
        preflight={"overrule": [{"rule": "UPG-022", "reason": "it is yet to come"}]},
    )
    told = "there is no rolloutsource mesh/istio, which was to apply 1-30-3"
    play.until(lambda p: p.status.because == told)
    mesh.put(source({}))
    told = "rolloutsource mesh/istio has no manifests: true, and so applies no 1-30-3"
    play.until(lambda p: p.status.because == told)
    problem = {"file": "a.yaml", "message": "the policy names no ClusterRole"}
    mesh.put(source({"rejected": [problem]}, manifests=True))
    play.until(lambda p: p.status.awaits is Awaits.INSTALLER)
    play.until(
        lambda p: p.status.because == "rolloutsource mesh/istio: the policy names no ClusterRole"
    )
    mesh.put(source({}, manifests=True), *revision)
    play.to(State.CANARY)
