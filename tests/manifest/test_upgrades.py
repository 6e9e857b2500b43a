"""A ControlPlaneUpgrade from text and from the cluster, and what it remembers there and back."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.errors import ManifestError
from rollout.manifest import load, upgrades
from rollout.model.ref import Ref
from rollout.model.spec import OnFailure, Rollout
from rollout.model.status import Phase
from rollout.model.upgrade import (
    ControlPlaneUpgrade,
    ControlPlaneUpgradeSpec,
    DefaultMove,
    GatewayMove,
    Install,
    Sail,
    TagMove,
    Wave,
)
from rollout.model.upgrading import (
    FORWARD,
    STATE_MAY_FOLLOW,
    Attempt,
    Awaits,
    Change,
    Confidence,
    NamespaceStatus,
    Recorded,
    Refused,
    Standing,
    State,
    StopStatus,
    UpgradeEntry,
    UpgradeStatus,
    WaveStatus,
    WayBack,
)

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HEAD = """\
apiVersion: rollout.dev/v1alpha1
kind: ControlPlaneUpgrade
metadata: {name: mesh}
spec:
"""


def loaded(spec: str) -> load.Loaded:
    lines = dedent(spec).splitlines()
    return load.text("mesh.yaml", (HEAD + "".join(f"  {line}\n" for line in lines)).encode())


def errors(spec: str) -> list[str]:
    return [str(error) for error in loaded(spec).errors]


def test_a_whole_upgrade_is_read_as_it_is_written() -> None:
    found = loaded("""\
        from: 1-29-6
        to: 1-30-3
        install: {sail: {istio: default, version: v1.30.3}}
        canary: {name: canary, namespaces: [mesh-canary]}
        waves:
        - {name: inner, selector: {tier: inner}, maxConcurrent: 3}
        - {name: half, percentage: 50, bake: 10m, timeBox: 1h}
        - {name: rest, oneAtATime: true}
        gateways:
        - {deployment: ingress/istio-ingress, shares: [10, 100]}
        tags: [{name: prod}]
        default: {bake: 1h}
        bake: 2d
        onFailure: hold
        """)
    assert found.errors == ()
    assert found.manifests[0].spec == ControlPlaneUpgradeSpec(
        from_="1-29-6",
        to="1-30-3",
        install=Install(sail=Sail("default", "v1.30.3")),
        canary=Wave("canary", namespaces=("mesh-canary",)),
        waves=(
            Wave("inner", selector={"tier": "inner"}, max_concurrent=3),
            Wave(
                "half",
                percentage=0.5,
                bake=timedelta(minutes=10),
                time_box=timedelta(hours=1),
            ),
            Wave("rest", one_at_a_time=True),
        ),
        gateways=(GatewayMove(deployment="ingress/istio-ingress", shares=(10, 100)),),
        tags=(TagMove("prod"),),
        default=DefaultMove(bake=timedelta(hours=1)),
        bake=timedelta(days=2),
        on_failure=OnFailure.HOLD,
    )


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (
            "from: a\nto: a\nwaves: [{name: all, oneAtATime: true}]",
            "mesh.yaml:6: to is 'a', as from is; another revision, or allowInPlace: true for an "
            "upgrade without a way back",
        ),
        (
            "from: a\nto: b",
            "mesh.yaml:4: waves are none, so that nothing would move; "
            "a wave such as {name: rest, oneAtATime: true} is wanted",
        ),
        (
            "from: a\nto: b\nwaves: [{name: w, percentage: 5, tag: prod}]",
            "mesh.yaml:7: waves[0] wave w names its namespaces in 2 ways; exactly one of "
            "namespaces, selector, percentage, oneAtATime and tag is wanted",
        ),
        (
            "from: a\nto: b\nwaves: [{name: w, tag: prod}]\ntags: [{name: prod}]",
            "mesh.yaml:8: tags[0].name is 'prod', which a wave moves; once",
        ),
        (
            "from: a\nto: b\nwaves: [{name: w, oneAtATime: true, bake: 5m, timeBox: 1m}]",
            "mesh.yaml:7: waves[0].timeBox is 1m, shorter than the bake (5m); "
            "at least the bake is wanted",
        ),
        (
            "from: a\nto: b\nwaves: [{name: w, oneAtATime: true}]\n"
            "gateways: [{deployment: a/b, shares: [50, 10]}]",
            "mesh.yaml:8: gateways[0] shares must rise from 1 or more to 100",
        ),
        (
            "from: a\nto: b\nwaves: [{name: w, oneAtATime: true}]\n"
            "preflight: {overrule: [{rule: UPG-032, reason: we know}]}",
            "mesh.yaml:8: preflight.overrule[0].rule is UPG-032, which nobody can overrule; "
            "old and new proxies would not trust each other",
        ),
    ],
)
def test_what_cannot_be_is_told_with_its_line(spec: str, error: str) -> None:
    assert errors(spec) == [error]


def test_a_namespace_is_not_taken() -> None:
    text = (HEAD + "  {from: a, to: b, waves: [{name: w, oneAtATime: true}]}\n").replace(
        "{name: mesh}", "{name: mesh, namespace: shop}"
    )
    assert [str(error) for error in load.text("mesh.yaml", text.encode()).errors] == [
        "mesh.yaml:3: metadata.namespace is not taken; "
        "leave it out: a ControlPlaneUpgrade is the whole cluster's"
    ]


def obj(status: object = None) -> dict[str, object]:
    return {
        "metadata": {"name": "mesh", "uid": "u1", "generation": 3},
        "spec": {"from": "a", "to": "b", "waves": [{"name": "w", "oneAtATime": True}]},
        **({"status": status} if status is not None else {}),
    }


def test_an_object_of_the_cluster_is_known_by_its_name_alone() -> None:
    found = upgrades.upgrade(obj())
    assert found == ControlPlaneUpgrade(
        "mesh",
        "u1",
        3,
        ControlPlaneUpgradeSpec("a", "b", waves=(Wave("w", one_at_a_time=True),)),
    )
    assert not isinstance(found, Rollout)
    assert found.key == "upgrade/mesh"


def test_what_an_upgrade_remembers_comes_back_whole() -> None:
    webhook = {"/webhooks": [{"name": "x", "clientConfig": {"caBundle": "Zm9v"}, "n": None}]}
    status = UpgradeStatus(
        phase=Phase.PROGRESSING,
        because="restarting shop",
        awaits=Awaits.PODS,
        state=State.WAVES,
        since=NOON,
        attempt=Attempt(
            number=2,
            asked_from="a",
            asked_to="b",
            stop=StopStatus("half", NOON, part=1, asked_at=NOON),
            waves=(
                WaveStatus(
                    "half",
                    (
                        NamespaceStatus(
                            "shop",
                            Standing.RESTARTING,
                            NOON,
                            NOON,
                            Confidence.SYNCZ,
                            workloads=4,
                            done=1,
                            left=("job shop/once",),
                        ),
                    ),
                    began_at=NOON,
                ),
            ),
            changes=(
                Change(
                    "half",
                    Ref("Namespace", name="shop"),
                    {"/metadata/labels/istio-injection": "enabled"},
                    {"/metadata/labels/istio.io~1rev": "b"},
                ),
                Change("prod", Ref("MutatingWebhookConfiguration", name="t"), webhook, {}),
                Change("ingress", Ref("Deployment", "in-b", "gw"), made={"spec": {"x": None}}),
            ),
            recorded=(Recorded(Ref("Deployment", "istio-system", "istiod-a"), "u7"),),
            way_back=WayBack("errors", State.WAVES, NOON),
            checkpoint={"e": 1.5},
        ),
        refused=Refused("b", "errors", NOON),
        epoch=9,
        history=(UpgradeEntry("2.9", NOON, State.WAVES, "relabelled shop", "half"),),
        observed_generation=3,
    )
    stored = upgrades.status_json(status, {}, NOON)
    assert upgrades.status(obj(stored)) == status


def test_of_what_cannot_be_read_only_a_story_may_be_lost() -> None:
    kept = upgrades.status(obj({"state": "Waves", "history": 5, "attempt": {"verdicts": 7}}))
    assert kept == UpgradeStatus(state=State.WAVES)
    with pytest.raises(ManifestError) as caught:
        upgrades.status(obj({"state": "Waves", "attempt": {"changes": 7}}))
    assert str(caught.value) == (
        "controlplaneupgrade mesh: status.attempt cannot be read; "
        "restore the status: it is the way back"
    )


def test_the_way_there_is_one_order_and_every_state_of_it_has_a_way_back_but_the_last() -> None:
    assert all(after in STATE_MAY_FOLLOW[before] for before, after in pairwise(FORWARD))
    back = {state for state, after in STATE_MAY_FOLLOW.items() if State.RETURNING in after}
    assert back == set(FORWARD) - {State.PREFLIGHT, State.DONE}


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.text() | st.integers()))
def test_any_leaves_come_back_from_a_change(leaves: dict[str, object]) -> None:
    status = UpgradeStatus(
        attempt=Attempt(changes=(Change("w", Ref("Namespace", name="n"), leaves, {}),))
    )
    assert upgrades.status(obj(upgrades.status_json(status, {}, NOON))) == status
