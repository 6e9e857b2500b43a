"""P-SLK: what Slack takes of the largest worlds, by the stand-in's own reading of its limits."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from rollout import journeys as kinds
from rollout.lab.slack import blocks
from rollout.manifest import upgrades
from rollout.messages import journeys, slack
from rollout.model.journey import Journey
from rollout.model.upgrading import (
    Attempt,
    Awaits,
    NamespaceStatus,
    Standing,
    State,
    StopStatus,
    UpgradeEntry,
    UpgradeStatus,
    WaveStatus,
)
from tests.stories.test_mesh_people import MADE
from tests.upgrade.play import manifest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPOSITORY = f"https://github.com/{'a' * 100}/{'b' * 100}"
MANY = [f"U0{number:018d}" for number in range(299)]
CROWD = [*MANY, "S0EVERYBODY"]
Json = dict[str, Any]


def swollen(obj: Json) -> Journey:
    """``obj`` with names as long as Kubernetes has them, and as much more as anybody may write."""
    annotations = {"rollout.dev/commit": "ж" * 9000, "rollout.dev/author": "<!channel>" * 900}
    meta = {**obj["metadata"], "name": "n" * 253, "uid": "u" * 36, "annotations": annotations}
    if meta.get("namespace"):
        meta["namespace"] = "s" * 63
    text = json.dumps({**obj, "metadata": meta})
    text = text.replace('["U0LABANN1", "U0LABBOB1"]', json.dumps(CROWD))
    assert CROWD[0] in text
    return kinds.of(obj).read(json.loads(text))


@pytest.mark.parametrize("name", [*MADE])
def test_a_question_of_the_longest_names_and_300_people_is_taken_whole(name: str) -> None:
    journey = swollen(MADE[name](NOW))
    [shown] = journeys.shown(journey, REPOSITORY)
    for words in (shown.top, *shown.replies):
        blocks.check(list(words.blocks))
        assert len(words.text) <= 4000
    [actions] = [one for one in shown.top.blocks if one["type"] == "actions"]
    for button in actions["elements"]:
        assert slack.ticket(button["value"]) == journeys.ticket(journey)
    asking = shown.replies[-1].text
    assert asking.startswith("<!subteam^S0EVERYBODY>, <@U0000000000000000000>")
    assert "and 260 more: " in asking
    assert "<!channel>" not in json.dumps([words.blocks for words in (shown.top, *shown.replies)])


@pytest.mark.parametrize("name", [*MADE])
def test_the_form_for_a_reason_carries_the_longest_ticket(name: str) -> None:
    journey = swollen(MADE[name](NOW))
    view = slack.reason_view(journeys.ticket(journey), "C0LABREL1", journey.key)
    blocks.check(view["blocks"], blocks.MOST_OF_VIEW)
    assert len(view["private_metadata"]) <= 3000
    assert slack.of_view(view["private_metadata"]) == ("C0LABREL1", journeys.ticket(journey))


def wide(moved: int, now: datetime) -> Json:
    """An upgrade of 200 namespaces in 40 waves of five, of which ``moved`` have moved whole."""
    names = [f"{'x' * 50}-{number}" for number in range(200)]
    waves = [{"name": f"wave-{n}", "namespaces": names[5 * n : 5 * n + 5]} for n in range(40)]
    obj = manifest(waves=waves)
    done = tuple(
        WaveStatus(
            f"wave-{n}",
            tuple(
                NamespaceStatus(name, Standing.MOVED if n < moved else Standing.WAITING)
                for name in names[5 * n : 5 * n + 5]
            ),
        )
        for n in range(moved + 1)
    )
    stop = StopStatus(f"wave-{moved}", now, number=moved, confirmed_at=now)
    status = UpgradeStatus(
        state=State.WAVES,
        awaits=Awaits.BAKE,
        because="baking for 10m",
        attempt=Attempt(1, "1-29-6", "1-30-3", stop=stop, waves=done, warnings=("look at this",)),
        epoch=1,
        history=(UpgradeEntry("1.1", now, State.WAVES, "begun", "wave-0"),),
    )
    meta = {**obj["metadata"], "generation": 1, "uid": "u1"}
    obj = {**obj, "metadata": meta, "spec": {**obj["spec"], "notify": {"slack": "#mesh"}}}
    return {**obj, "status": upgrades.status_json(status, {}, now)}


@pytest.mark.parametrize(
    ("moved", "lines"),
    [
        (0, ["wave-0: 0 of 5 namespaces moved", "not begun: 40 more"]),
        (
            20,
            [
                "moved: 20 waves",
                "wave-20: 0 of 5 namespaces moved",
                "not begun: 20 more",
            ],
        ),
        (39, ["moved: 39 waves", "wave-39: 0 of 5 namespaces moved", "not begun: 1 more"]),
    ],
)
def test_of_forty_waves_those_under_way_are_told_and_the_verdicts_too(
    moved: int, lines: list[str]
) -> None:
    obj = wide(moved, NOW)
    [shown] = journeys.shown(kinds.of(obj).read(obj))
    blocks.check(list(shown.top.blocks))
    told = shown.top.blocks[2]["text"]["text"].split("\n")
    assert told == [*(f"• {line}" for line in lines), "• warning: look at this"]


@pytest.mark.parametrize("made", [lambda: wide(20, NOW), *(lambda n=n: MADE[n](NOW) for n in MADE)])
def test_what_the_slash_command_answers_has_bounds(made: Callable[[], Json]) -> None:
    obj = made()
    said = journeys.joined(kinds.of(obj).read(obj), kinds.of(obj).facts(obj, NOW))
    assert 0 < len(said) <= 3000
