"""RolloutSource objects are read with their status, and written back."""

from dataclasses import replace
from datetime import UTC, datetime

from rollout.manifest import sources
from rollout.model.source import Applied, Problem, RolloutSource, SourceStatus
from rollout.model.sourcespec import RolloutSourceSpec

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_a_source_of_the_cluster_is_read_with_its_status() -> None:
    metadata = {
        "name": "shop",
        "namespace": "market",
        "uid": "u-1",
        "generation": 4,
        "annotations": {"rollout.dev/accept": "c9"},
    }
    assert sources.source({"metadata": metadata, "spec": {"url": "https://git.example/x"}}) == (
        RolloutSource("shop", "market", "u-1", 4, RolloutSourceSpec("https://git.example/x"), "c9")
    )


def test_a_source_is_ready_when_a_commit_is_in_force_and_nothing_was_refused() -> None:
    status = SourceStatus("c1", applied=(Applied("Rollout", "shop", "shop.yaml", "c1"),))
    held = replace(status, held="c2")
    refused = replace(status, rejected=(Problem("a.yaml", 3, "a.yaml:3: x"),))
    for one, ready, stalled in (
        (status, "True", "False"),
        (held, "False", "True"),
        (refused, "False", "False"),
    ):
        written = sources.status_json(one, {}, NOW)
        assert [c["status"] for c in written["conditions"]] == [ready, stalled]
        assert sources.status({"status": written}) == one


def test_a_source_status_that_cannot_be_read_is_fresh() -> None:
    assert sources.status({"status": {"commit": 7}}) == SourceStatus()
