from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.errors import ManifestError
from rollout.manifest import opaque, record, schema
from rollout.model.reasons import Cause, PauseKind
from rollout.model.spec import OpenObject
from rollout.model.status import (
    Answer,
    ConfirmedBy,
    Counted,
    Draining,
    Drift,
    Entry,
    Opened,
    Outcome,
    Pause,
    Phase,
    Rejected,
    Revision,
    RolloutStatus,
    Stage,
    Standing,
    StepStatus,
    Verdict,
)
from rollout.model.traffic import Split, SubsetMode
from tests import make

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)

TIMES = st.datetimes(min_value=datetime(2000, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware beside it
TEXT = st.text(max_size=20)
REVISIONS = st.builds(Revision, TEXT, TEXT, TEXT)
JSON: st.SearchStrategy[OpenObject] = st.dictionaries(
    TEXT,
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)
STATUSES = st.builds(
    make.status,
    phase=st.sampled_from(Phase),
    stage=st.sampled_from(Stage),
    because=TEXT,
    stable=st.none() | REVISIONS,
    canary=st.none() | REVISIONS,
    step=st.none() | st.builds(StepStatus, st.integers(0, 9), TEXT, TIMES),
    split=st.integers(0, 100).map(Split.giving_canary),
    attempt=st.integers(0, 99),
    verdicts=st.lists(
        st.builds(
            Verdict,
            *(TEXT, st.sampled_from(Outcome), TEXT, st.none() | st.sampled_from(Standing)),
            st.none() | st.builds(Counted, TEXT, *[st.floats(0, 1e9)] * 4),
            st.none() | st.floats(0, 1e9),
        ),
        max_size=2,
    ).map(tuple),
    approvals=st.lists(
        st.builds(Answer, st.booleans(), TIMES, st.integers(0, 9), st.integers(0, 9), who=TEXT),
        max_size=2,
    ).map(tuple),
    pause=st.none() | st.builds(Pause, st.sampled_from(PauseKind), TEXT, TIMES, TEXT),
    rejected=st.none()
    | st.builds(Rejected, REVISIONS, TEXT, TIMES, st.none() | st.sampled_from(Cause)),
    checkpoint=JSON,
    history=st.lists(
        st.builds(Entry, TEXT, TIMES, st.sampled_from(Stage), TEXT, TEXT), max_size=2
    ).map(tuple),
)


def stored(status: RolloutStatus) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": "cart"},
        "status": record.rollout_json(status, {}, NOW),
    }


@given(STATUSES)
def test_what_was_written_is_read_back(status: RolloutStatus) -> None:
    assert record.status(stored(status)) == status


def test_nothing_stored_is_a_fresh_status() -> None:
    assert record.status({"metadata": {}}) == RolloutStatus()
    assert record.status({"status": None}) == RolloutStatus()


def test_fields_of_a_later_version_are_dropped() -> None:
    status = RolloutStatus(stable=Revision("v1"))
    obj = stored(status)
    obj["status"] |= {"fromTomorrow": {"a": 1}}
    obj["status"]["stable"]["colour"] = "blue"
    assert record.status(obj) == status


def test_a_story_that_cannot_be_read_is_dropped() -> None:
    status = make.status(stable=Revision("v1"), because="x", attempt=3)
    obj = stored(status)
    obj["status"] |= {"history": "long", "because": None}
    obj["status"]["attempt"] |= {"verdicts": [{"metric": 7}], "checkpoint": 7}
    assert record.status(obj) == replace(status, because="")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stage", "Flying"),
        ("stage", {"split": {"stable": 1, "canary": 1}}),
        ("attempt", {"canary": 7}),
        ("draining", {}),
        ("stable", 7),
        ("epoch", "many"),
        ("rejected", {}),
    ],
)
def test_what_says_where_traffic_is_must_be_readable(field: str, value: object) -> None:
    obj = stored(RolloutStatus())
    obj["status"][field] = value
    with pytest.raises(ManifestError) as caught:
        record.status(obj)
    assert str(caught.value) == (
        f"rollout shop/cart: status.{field} cannot be read; restore the status, or delete it to "
        "take what git asks for now as stable"
    )


def test_numbers_that_json_cannot_say_are_written_as_ones_it_can() -> None:
    verdict = Verdict("errors", Outcome.FAIL, "x", evidence=float("inf"))
    status = make.status(verdicts=(verdict,), checkpoint={"e": float("nan"), "f": [float("inf")]})
    written = record.rollout_json(status, {}, NOW)
    assert written["attempt"]["verdicts"][0]["evidence"] == 1e300
    plain = opaque.unpacked(written)["attempt"]
    assert plain["checkpoint"] == {"e": None, "f": [1e300]}


@pytest.mark.parametrize(
    ("phase", "by", "ready", "reconciling", "stalled"),
    [
        (Phase.HEALTHY, None, "True", "False", "False"),
        (Phase.PROGRESSING, None, "False", "True", "False"),
        (Phase.ROLLING_BACK, None, "False", "True", "False"),
        (Phase.PAUSED, "ann", "False", "True", "False"),
        (Phase.PAUSED, "", "False", "False", "True"),
        (Phase.DEGRADED, None, "False", "False", "True"),
    ],
)
def test_conditions_say_the_phase_in_the_words_of_kstatus(
    phase: Phase, by: str | None, ready: str, reconciling: str, stalled: str
) -> None:
    pause = None if by is None else Pause(PauseKind.PERSON, "asked", NOW, by)
    written = record.rollout_json(make.status(phase=phase, pause=pause), {}, NOW)
    found = {one["type"]: one["status"] for one in written["conditions"]}
    assert found == {"Ready": ready, "Reconciling": reconciling, "Stalled": stalled}


def test_a_condition_keeps_its_time_until_it_turns() -> None:
    moving = RolloutStatus(phase=Phase.PROGRESSING)
    first = record.rollout_json(moving, {}, NOW)
    second = record.rollout_json(replace(moving, because="x"), first, LATER)
    third = record.rollout_json(RolloutStatus(), second, LATER)
    times = [
        [one["lastTransitionTime"] for one in written["conditions"]]
        for written in (first, second, third)
    ]
    early, late = "2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z"
    assert times == [[early, early, early], [early, early, early], [late, late, early]]


FORMER: dict[str, object] = {
    "phase": "Paused",
    "stage": "Stepping",
    "because": "drift: virtualservice shop/shop http[0]",
    "stable": {"name": "v1", "commit": "c1"},
    "canary": {"name": "v2", "commit": "c2"},
    "previous": {"name": "v0"},
    "previousSince": "2026-03-01T11:00:00Z",
    "losses": 1,
    "step": {"index": 1, "name": "step 2", "enteredAt": "2026-03-01T12:00:00Z"},
    "stageSince": "2026-03-01T12:00:00Z",
    "split": {"stable": 50, "canary": 50},
    "askedAt": "2026-03-01T12:00:00Z",
    "confirmedAt": "2026-03-01T12:00:00Z",
    "confirmedBy": "syncz",
    "subsets": "role",
    "stableSubset": "stable",
    "canarySubset": "canary",
    "apart": True,
    "pods": 4,
    "autoscaled": "shop-v1",
    "drift": {"count": 2, "last": "2026-03-01T12:00:00Z", "what": "x"},
    "attempt": 3,
    "epoch": 9,
    "opened": {"nonce": "n", "because": "ok", "at": "2026-03-01T12:00:00Z"},
    "pause": {"because": "drift: x", "since": "2026-03-01T12:00:00Z"},
    "warnings": ["ROL-010: x"],
    "checkpoint": {"k": 1},
    "lastHandledRequest": "pause@1",
    "observedGeneration": 5,
}
"""As version 0.1 of the controller wrote it in mid-journey."""


def test_a_status_of_the_former_shape_is_read_whole() -> None:
    step = StepStatus(1, "step 2", NOW, Opened("n", NOW, because="ok"))
    assert record.status({"status": FORMER}) == make.status(
        phase=Phase.PAUSED,
        because="drift: virtualservice shop/shop http[0]",
        stable=Revision("v1", "c1"),
        draining=Draining(Revision("v0"), NOW - timedelta(hours=1)),
        subset_mode=SubsetMode.ROLE,
        stable_subset="stable",
        revisions_isolated=True,
        autoscaler_target="shop-v1",
        epoch=9,
        last_handled_request="pause@1",
        observed_generation=5,
        stage=Stage.STEPPING,
        since=NOW,
        split=Split(50, 50),
        asked_at=NOW,
        confirmed_at=NOW,
        confirmed_by=ConfirmedBy.SYNCZ,
        attempt=3,
        canary=Revision("v2", "c2"),
        subset="canary",
        stable_pods=4,
        pod_losses=1,
        step=step,
        pause=Pause(PauseKind.PERSON, "drift: x", NOW),
        drift=Drift(2, NOW, "x"),
        warnings=("ROL-010: x",),
        checkpoint={"k": 1},
    )


@given(st.sets(st.sampled_from(sorted(FORMER))))
def test_a_former_status_without_some_of_its_fields_says_who_is_stable(gone: set[str]) -> None:
    kept = {key: value for key, value in FORMER.items() if key not in gone}
    status = record.status({"status": {**kept, "stage": "Stepping", "stable": FORMER["stable"]}})
    assert (status.stable, status.stage.name) == (Revision("v1", "c1"), Stage.STEPPING)


def test_what_was_under_way_is_known_of_either_shape() -> None:
    stepping = make.status(stage=Stage.STEPPING)
    found = [{"status": FORMER}, stored(stepping), {"status": {"stage": "Idle"}}, {}]
    assert [record.is_idle(obj) for obj in found] == [False, False, True, True]


def test_the_reason_why_a_rollout_cannot_be_read_brings_its_status_up_to_date() -> None:
    written = record.unread_json(FORMER, "weight is 101", 6, NOW)
    assert (written["because"], written["observedGeneration"]) == ("weight is 101", 6)
    assert record.status({"status": written}).attempt == record.status({"status": FORMER}).attempt


def test_the_columns_of_kubectl_have_what_people_know_a_revision_by() -> None:
    made = Revision("f46tmnjwhr", "c1", "f46tmnjwhr", image="shop:2.0")
    moving = make.status(stable=made, canary=Revision("v2", "c2", "h2", image="shop:2.1"))
    shown = record.rollout_json(moving, {}, NOW)["shown"]
    assert shown == {"stable": "shop:2.0", "canary": "v2"}
    assert record.rollout_json(RolloutStatus(), {}, NOW)["shown"] == {}
    columns = {title: path for title, path, _ in schema.KINDS["Rollout"].columns}
    assert (columns["Stable"], columns["Canary"]) == (
        ".status.shown.stable",
        ".status.shown.canary",
    )
