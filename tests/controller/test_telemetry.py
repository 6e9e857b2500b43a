import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from rollout.controller import telemetry
from rollout.controller.keeping.store import Held
from rollout.controller.look import Looks
from rollout.controller.loop import Trouble
from rollout.errors import OutsideError
from rollout.model.action import Announce, Decision
from rollout.model.reasons import Cause
from rollout.model.status import Stage
from tests import make


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
    unnamed: Any = {"token": "hunter2"}  # which no caller of ours could pass
    telemetry.info("v1 has everyone", rollout="shop/shop\n{}", epoch=3, **unnamed)
    (line,) = lines.getvalue().splitlines()
    found = json.loads(line)
    del found["time"]
    assert found == {
        "level": "info",
        "event": "v1 has everyone",
        "rollout": "shop/shop\n{}",
        "epoch": 3,
    }


@pytest.mark.parametrize("kind", ["rollout", "upgrade", "switchover"])
def test_a_look_that_fails_says_whose_it_was(lines: io.StringIO, kind: Any) -> None:
    trouble = Trouble("shop/shop", OutsideError("prometheus: no answer"), 4)
    assert trouble.said(**{kind: trouble.key}) == "prometheus: no answer"
    found = json.loads(lines.getvalue())
    wanted = ("warning", "shop/shop", "prometheus: no answer", 4)
    assert tuple(found[name] for name in ("level", kind, "error", "times")) == wanted


def test_a_page_is_cut_to_a_sentence(lines: io.StringIO) -> None:
    telemetry.warn("look failed", error="x" * 10_000)
    assert len(lines.getvalue()) < 1000


def test_a_bug_says_where_it_came_from(lines: io.StringIO) -> None:
    try:
        int("a bug")
    except ValueError as error:
        telemetry.bug("look failed", error, rollout="shop/shop")
    assert "test_telemetry.py" in json.loads(lines.getvalue())["trace"]


def test_a_time_is_rfc_3339_in_milliseconds(lines: io.StringIO) -> None:
    telemetry.info("started")
    time = json.loads(lines.getvalue())["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)


def test_a_rollback_is_one_warning_with_whose_it_is_and_why(lines: io.StringIO) -> None:
    stepping = make.at_step(0)
    told = Announce("RollingBack", "errors: canary 9%", warning=True, cause=Cause.ANALYSIS_FAILED)
    back = make.changed(stepping, stage=Stage.WITHDRAWING, because="errors: canary 9%")
    held = Held({}, make.rollout(make.canary_spec(5), "v2"), stepping)
    Looks._tell(held, Decision(back, (told,), timedelta(0), back.because))
    (line,) = lines.getvalue().splitlines()
    found = json.loads(line)
    wanted = ("level", "event", "rollout", "stable", "canary", "step", "reason", "commit")
    assert {key: found[key] for key in wanted} == {
        "level": "warning",
        "event": "errors: canary 9%",
        "rollout": "shop/shop",
        "stable": "v1",
        "canary": "v2",
        "step": "step 1",
        "reason": "AnalysisFailed",
        "commit": "c1",
    }
