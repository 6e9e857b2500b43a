import io
import json
import logging
from collections.abc import Iterator

import pytest

from rollout.controller import telemetry


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(telemetry.Lines())
    logger = logging.getLogger("rollout")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)


def test_only_named_fields_are_written_and_no_value_can_forge_a_line(lines: io.StringIO) -> None:
    telemetry.info("v1 has everyone", rollout="shop/shop\n{}", token="hunter2", epoch=3)
    (line,) = lines.getvalue().splitlines()
    found = json.loads(line)
    del found["time"]
    assert found == {
        "level": "info",
        "event": "v1 has everyone",
        "rollout": "shop/shop\n{}",
        "epoch": 3,
    }


def test_a_page_is_cut_to_a_sentence(lines: io.StringIO) -> None:
    telemetry.warn("look failed", error="x" * 10_000)
    assert len(lines.getvalue()) < 1000


def test_a_bug_says_where_it_came_from(lines: io.StringIO) -> None:
    try:
        int("a bug")
    except ValueError as error:
        telemetry.bug("look failed", error, rollout="shop/shop")
    assert "test_telemetry.py" in json.loads(lines.getvalue())["trace"]


def test_metrics_are_text_that_prometheus_reads() -> None:
    ours = telemetry.Registry()
    ours.describe("looks_total", "counter", "Looks.")
    ours.describe("leader", "gauge", "Leads.")
    ours.count("looks_total", ended="ok")
    ours.count("looks_total", 2, ended='a "b"\n\\')
    ours.set("leader", 1)
    assert ours.text().splitlines() == [
        "# HELP leader Leads.",
        "# TYPE leader gauge",
        "leader 1",
        "# HELP looks_total Looks.",
        "# TYPE looks_total counter",
        'looks_total{ended="a \\"b\\"\\n\\\\"} 2',
        'looks_total{ended="ok"} 1',
    ]


def test_a_histogram_counts_into_every_bucket_that_holds_it() -> None:
    ours = telemetry.registry()
    ours.observe("rollout_look_seconds", 0.2)
    text = ours.text()
    assert 'rollout_look_seconds_bucket{le="0.1"} 0' in text
    assert 'rollout_look_seconds_bucket{le="0.3"} 1' in text
    assert 'rollout_look_seconds_bucket{le="+Inf"} 1' in text
    assert "rollout_look_seconds_count 1" in text


def test_ten_thousand_hostile_names_do_not_fill_the_memory() -> None:
    ours = telemetry.registry()
    for index in range(10_000):
        ours.set("rollout_canary_weight", 1, namespace=f"n{index}")
    assert len(ours.text().splitlines()) < telemetry.SERIES + 100


def test_the_bounds_of_a_histogram_rise() -> None:
    registry = telemetry.registry()
    registry.observe("rollout_look_seconds", 0.2)
    bounds = [line.split('"')[1] for line in registry.text().splitlines() if "_bucket" in line]
    assert bounds == sorted(bounds, key=float)
    assert bounds[-1] == "+Inf"
