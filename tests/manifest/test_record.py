from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.errors import ManifestError
from rollout.manifest import record
from rollout.model.source import Applied, Problem, SourceStatus
from rollout.model.spec import OpenObject
from rollout.model.status import (
    Answer,
    Entry,
    Outcome,
    Pause,
    Phase,
    Rejected,
    Revision,
    RolloutStatus,
    Stage,
    StepStatus,
    Verdict,
)
from rollout.model.traffic import Split

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
    RolloutStatus,
    phase=st.sampled_from(Phase),
    stage=st.sampled_from(Stage),
    because=TEXT,
    stable=st.none() | REVISIONS,
    canary=st.none() | REVISIONS,
    step=st.none() | st.builds(StepStatus, st.integers(0, 9), TEXT, TIMES),
    split=st.integers(0, 100).map(Split.giving_canary),
    attempt=st.integers(0, 99),
    verdicts=st.lists(
        st.builds(Verdict, TEXT, st.sampled_from(Outcome), TEXT, st.none() | st.floats(0, 1e9)),
        max_size=2,
    ).map(tuple),
    approvals=st.lists(
        st.builds(Answer, TEXT, st.booleans(), TIMES, st.integers(0, 9), st.integers(0, 9)),
        max_size=2,
    ).map(tuple),
    pause=st.none() | st.builds(Pause, TEXT, TIMES, TEXT),
    rejected=st.none() | st.builds(Rejected, REVISIONS, TEXT, TIMES),
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
    status = RolloutStatus(stable=Revision("v1"), because="x", attempt=3)
    obj = stored(status)
    obj["status"] |= {"history": "long", "verdicts": [{"metric": 7}], "because": None}
    assert record.status(obj) == replace(status, because="")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stage", "Flying"),
        ("split", {"stable": 1, "canary": 1}),
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
    status = RolloutStatus(verdicts=(verdict,), checkpoint={"e": float("nan"), "f": [float("inf")]})
    written = record.rollout_json(status, {}, NOW)
    assert written["verdicts"][0]["evidence"] == 1e300
    assert written["checkpoint"] == {"e": None, "f": [1e300]}


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
    pause = None if by is None else Pause("asked", NOW, by)
    written = record.rollout_json(RolloutStatus(phase=phase, pause=pause), {}, NOW)
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


def test_a_source_is_ready_when_a_commit_is_in_force_and_nothing_was_refused() -> None:
    status = SourceStatus("c1", applied=(Applied("Rollout", "shop", "shop.yaml", "c1"),))
    held = replace(status, held="c2")
    refused = replace(status, rejected=(Problem("a.yaml", 3, "a.yaml:3: x"),))
    for one, ready, stalled in (
        (status, "True", "False"),
        (held, "False", "True"),
        (refused, "False", "False"),
    ):
        written = record.source_json(one, {}, NOW)
        assert [c["status"] for c in written["conditions"]] == [ready, stalled]
        assert record.source_status({"status": written}) == one


def test_a_source_status_that_cannot_be_read_is_fresh() -> None:
    assert record.source_status({"status": {"commit": 7}}) == SourceStatus()
