"""The laws of what is counted can fail: with one guard spoilt the simulator names them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rollout.analysis import counters, learning, memory, sequential, standing
from rollout.analysis.counters import Figures
from rollout.analysis.memory import Memory
from tests.sim.plan import Subject
from tests.sim.steps import CALM, PUSH, at
from tests.sim.unguarded import Case

COUNTED = replace(CALM, subjects=(Subject(counts=True, judged="latency", measured="pods"),))


def _forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written of the memory knows of no blocks."""
    dump = memory.dump

    def dumped(kept: Memory) -> dict[str, Any]:
        return {**dump(kept), "trails": {}}

    monkeypatch.setattr(memory, "dump", dumped)


def _counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    together = counters.together

    def doubled(counted: Mapping[str, Figures], revision: str, kinds: int) -> Figures:
        return tuple(2 * each for each in together(counted, revision, kinds))

    monkeypatch.setattr(counters, "together", doubled)


def _counts_half(monkeypatch: pytest.MonkeyPatch) -> None:
    together = counters.together

    def halved(counted: Mapping[str, Figures], revision: str, kinds: int) -> Figures:
        return tuple(each // 2 for each in together(counted, revision, kinds))

    monkeypatch.setattr(counters, "together", halved)


def _certifies_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fails, and everything is certain."""
    monkeypatch.setattr(standing, "is_certified", lambda *_: True)
    monkeypatch.setattr(standing, "LEAST_BAD", 1000)
    monkeypatch.setattr(standing, "SUSPICIOUS", 1000.0)


def _accuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """All evidence speaks against the canary, whatever was counted."""
    monkeypatch.setattr(sequential, "_mixed", lambda *_: 10.0)


def _asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stable's last hour is asked for in each look."""
    monkeypatch.setattr(learning, "_learn_hour", lambda case, key, source, answers: source)


BAD = at(40.0, "bad", lasts=60.0)
CASES = {
    "S51": Case(COUNTED, (PUSH,), _forgets, "S51"),
    "S52, more": Case(COUNTED, (PUSH,), _counts_twice, "S52"),
    "S52, fewer": Case(COUNTED, (PUSH,), _counts_half, "S52"),
    "S53, failed": Case(COUNTED, (PUSH,), _accuses, "S53"),
    "S54": Case(COUNTED, (PUSH,), _asks_again, "S54"),
    "S53, certified": Case(COUNTED, (PUSH, BAD), _certifies_all, "S53"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_law_is_broken_where_its_guard_is_taken_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    CASES[name].fails_unguarded(monkeypatch)
