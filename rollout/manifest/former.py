"""The status as it was written before its fields stood by lifetime, brought to today's shape.

Nothing is lost on the way but the kind of a pause, which was a sentence: it counts as a person's,
who alone may end it. See docs/decisions/0029-status-by-lifetime.md.
"""

from collections.abc import Mapping
from typing import Any

from rollout.model.reasons import PauseKind

_MOVED: Mapping[str, tuple[str, ...]] = {
    "stage": ("stage", "name"),
    "stageSince": ("stage", "since"),
    "split": ("stage", "split"),
    "askedAt": ("stage", "askedAt"),
    "confirmedAt": ("stage", "confirmedAt"),
    "confirmedBy": ("stage", "confirmedBy"),
    "attempt": ("attempt", "number"),
    "canary": ("attempt", "canary"),
    "canarySubset": ("attempt", "subset"),
    "pods": ("attempt", "stablePods"),
    "losses": ("attempt", "podLosses"),
    "step": ("attempt", "step"),
    "opened": ("attempt", "step", "opened"),
    "pause": ("attempt", "pause"),
    "drift": ("attempt", "drift"),
    "verdicts": ("attempt", "verdicts"),
    "approvals": ("attempt", "approvals"),
    "warnings": ("attempt", "warnings"),
    "checkpoint": ("attempt", "checkpoint"),
    "previous": ("draining", "revision"),
    "previousSince": ("draining", "since"),
    "subsets": ("subsetMode",),
    "apart": ("revisionsIsolated",),
    "autoscaled": ("autoscalerTarget",),
}
"""Where each field stands now; ``step`` before ``opened``, which stands in it."""


def is_former(stored: Mapping[str, Any]) -> bool:
    """Whether ``stored`` has the former shape: its stage was a word."""
    return isinstance(stored.get("stage"), str)


def brought_up(stored: Mapping[str, Any]) -> dict[str, Any]:
    """``stored``, which has the former shape, in today's."""
    status: dict[str, Any] = {k: v for k, v in stored.items() if k not in _MOVED}
    for name, path in _MOVED.items():
        if stored.get(name) is not None:
            _put(status, path, stored[name])
    attempt = status.get("attempt") or {}
    if isinstance(attempt.get("pause"), Mapping):
        attempt["pause"] = {"kind": PauseKind.PERSON.value, **attempt["pause"]}
    if "revision" not in (status.get("draining") or {}):
        status.pop("draining", None)
    if "index" not in attempt.get("step", {"index": 0}):
        attempt.pop("step")
    return status


def _put(status: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        inner = status.get(key)
        status[key] = dict(inner) if isinstance(inner, Mapping) else {}
        status = status[key]
    status[path[-1]] = value
