"""An upgrade as people read it: 80 columns, what is next, and what the way back would do."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rollout.messages import upgrades
from rollout.model.ref import Ref
from rollout.model.status import Outcome, Phase, Verdict
from rollout.model.upgrade import ControlPlaneUpgrade, ControlPlaneUpgradeSpec, Wave
from rollout.model.upgrading import (
    Attempt,
    Awaits,
    Change,
    Confidence,
    NamespaceStatus,
    Standing,
    State,
    StopStatus,
    UpgradeEntry,
    UpgradeStatus,
    WaveStatus,
)

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
UPGRADE = ControlPlaneUpgrade(
    "mesh",
    "u",
    1,
    ControlPlaneUpgradeSpec(
        "1-29-6",
        "1-30-3",
        canary=Wave("canary", namespaces=("a",)),
        waves=(Wave("rest", one_at_a_time=True),),
    ),
)
STATUS = UpgradeStatus(
    phase=Phase.PROGRESSING,
    because="shop: 1 of 2 workloads done, restarting web1",
    awaits=Awaits.PODS,
    state=State.WAVES,
    since=NOON - timedelta(minutes=3),
    attempt=Attempt(
        stop=StopStatus("rest", NOON),
        waves=(
            WaveStatus(
                "canary",
                (NamespaceStatus("a", Standing.MOVED, confidence=Confidence.ANNOTATIONS),),
                NOON - timedelta(minutes=10),
                NOON - timedelta(minutes=4),
            ),
            WaveStatus(
                "rest/1",
                (NamespaceStatus("shop", Standing.RESTARTING, workloads=2, done=1),),
                NOON,
            ),
        ),
        changes=(
            Change("canary", Ref("Namespace", name="a"), {}, {"/x": "1"}),
            Change("tag prod", Ref("Service", "istio-system", "t"), {}, {"/x": "1"}),
        ),
        verdicts=(Verdict("errors", Outcome.PASS, "errors: 0% (0/9)"),),
    ),
)


def test_one_upgrade_in_full() -> None:
    assert upgrades.facts(UPGRADE, STATUS, NOON) == [
        ("Upgrade", "upgrade/mesh: 1-29-6 to 1-30-3"),
        ("Phase", "Progressing, Waves (5 of 10), for 3m"),
        ("Because", "shop: 1 of 2 workloads done, restarting web1"),
        ("Next", "pods are on their way"),
        ("Waves", "canary: 1 of 1 namespaces moved"),
        ("Waves", "  a: Moved, by annotations only"),
        ("Waves", "rest/1: 0 of 1 namespaces moved"),
        ("Waves", "  shop: Restarting 1/2 workloads"),
        ("Evidence", "pass  errors: 0% (0/9)"),
        ("Way back", "restarts in 2 namespaces, takes back tag prod; about 8m"),
    ]


def test_what_was_not_begun_is_said() -> None:
    fresh = UpgradeStatus()
    assert list(upgrades.waves(UPGRADE, fresh)) == ["canary: not begun", "rest: not begun"]
    assert upgrades.way_back(fresh) == "nothing was changed"


def test_past_the_point_of_no_return_there_is_no_way_back() -> None:
    removing = UpgradeStatus(state=State.REMOVE, attempt=Attempt(removing=True))
    assert upgrades.way_back(removing) == "none: the old control plane is gone"


def test_why_it_waits_and_for_what() -> None:
    assert upgrades.explain(UPGRADE, STATUS) == (
        "upgrade/mesh is in Waves (5 of 10): shop: 1 of 2 workloads done, restarting web1; "
        "pods are on their way"
    )


def test_the_newest_decision_comes_first() -> None:
    past = (
        UpgradeEntry("1.1", NOON - timedelta(hours=3), State.PREFLIGHT, "begun"),
        UpgradeEntry("1.2", NOON - timedelta(minutes=5), State.WAVES, "moved", "rest"),
    )
    assert upgrades.history(UpgradeStatus(history=past), NOON) == [
        ("1.2", "5m", "Waves", "rest", "moved"),
        ("1.1", "3h", "Preflight", "-", "begun"),
    ]


def test_every_wait_has_its_words() -> None:
    assert set(upgrades.NEXT) == set(Awaits)


@given(
    st.text(alphabet=st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), max_size=79)
)
def test_nothing_is_wider_than_80_columns(because: str) -> None:
    status = UpgradeStatus(because=because, awaits=Awaits.FINDINGS, attempt=STATUS.attempt)
    lines = upgrades.facts(UPGRADE, status, NOON)
    widest = max(len(label) for label, _ in lines)
    assert all(widest + 2 + len(text) <= 80 for _, text in lines)
