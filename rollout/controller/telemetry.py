"""What operators see of us: log lines of allow-listed fields, and our own metrics as text.

Nothing secret can be logged by accident: a field that is not named here is not written.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

FIELDS = (
    "rollout", "source", "upgrade", "kind", "object", "commit", "revision", "phase", "stage",
    "step", "split", "attempt", "epoch", "because", "action", "error", "seconds", "times",
    "address", "holder",
)  # fmt: skip
LONGEST = 500  # of one value: a sentence fits, a page does not
SERIES = 2000  # label sets of one metric; a hostile namespace cannot fill our memory
BUCKETS = (0.01, 0.05, 0.1, 0.3, 1.0, 5.0, 30.0)

_LOG = logging.getLogger("rollout")


def info(event: str, **fields: object) -> None:
    """One line that says ``event``, with those of ``fields`` that are allowed."""
    _LOG.info(event, extra={"fields": fields})


def warn(event: str, **fields: object) -> None:
    """As ``info``, for what a person should look at."""
    _LOG.warning(event, extra={"fields": fields})


def bug(event: str, error: BaseException, **fields: object) -> None:
    """As ``warn``, for an error that is not one of ours, with where it came from."""
    _LOG.error(event, exc_info=error, extra={"fields": {**fields, "error": repr(error)}})


class Lines(logging.Formatter):
    """One JSON object a line; control characters are escaped, so no value can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "event": _capped(record.getMessage()),
        }
        fields: Mapping[str, object] = getattr(record, "fields", {})
        line |= {name: _capped(fields[name]) for name in FIELDS if fields.get(name) is not None}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)[-4000:]
        return json.dumps(line, ensure_ascii=True)


def _capped(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    return str(value)[:LONGEST]


Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Registry:
    """Our metrics by name and labels, with what each means.

    Source of the text form: Prometheus, "Exposition formats".
    """

    _kinds: dict[str, tuple[str, str]] = field(default_factory=dict)
    _values: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def describe(self, name: str, kind: str, means: str) -> None:
        self._kinds[name] = (kind, means)
        self._values.setdefault(name, {})

    def count(self, metric: str, by: float = 1, **labels: str) -> None:
        """The counter ``metric`` with ``labels`` is ``by`` higher."""
        series, key = self._values[metric], _labels(labels)
        if key in series or len(series) < SERIES:
            series[key] = series.get(key, 0.0) + by

    def set(self, metric: str, value: float, **labels: str) -> None:
        """The gauge ``metric`` with ``labels`` is ``value``."""
        series, key = self._values[metric], _labels(labels)
        if key in series or len(series) < SERIES:
            series[key] = value

    def drop(self, metric: str, **labels: str) -> None:
        """The series is no more: what it spoke of is gone."""
        self._values[metric].pop(_labels(labels), None)

    def observe(self, name: str, seconds: float) -> None:
        """The histogram ``name`` has one more observation."""
        for bound in BUCKETS:
            self.count(f"{name}_bucket", float(seconds <= bound), le=str(bound))
        self.count(f"{name}_bucket", 1, le="+Inf")
        self.count(f"{name}_sum", seconds)
        self.count(f"{name}_count", 1)

    def text(self) -> str:
        """All metrics, by name and labels."""
        lines: list[str] = []
        for name, (kind, means) in sorted(self._kinds.items()):
            parts = [f"{name}{end}" for end in _ENDS] if kind == "histogram" else [name]
            lines += [f"# HELP {name} {means}", f"# TYPE {name} {kind}"]
            lines += [line for part in parts for line in self._series(part)]
        return "\n".join([*lines, ""])

    def _series(self, name: str) -> list[str]:
        return [
            f"{name}{_written(labels)} {value:.10g}"
            for labels, value in sorted(self._values.get(name, {}).items(), key=_place)
        ]


_ENDS = ("_bucket", "_sum", "_count")


def _place(series: tuple[Labels, float]) -> tuple[tuple[str, float, str], ...]:
    """By labels; bounds of a histogram rise, as its readers want."""
    return tuple((name, float(value) if name == "le" else 0.0, value) for name, value in series[0])


def _labels(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _written(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def registry() -> Registry:
    """Every metric the controller has, at nothing."""
    ours = Registry()
    for name, kind, means in _OURS:
        ours.describe(name, kind, means)
        if kind == "histogram":
            for end in _ENDS:
                ours._values.setdefault(f"{name}{end}", {})
    return ours


_OURS = (
    ("rollout_looks_total", "counter", "Looks by how they ended."),
    ("rollout_look_seconds", "histogram", "From the start of a look to its end."),
    ("rollout_actions_total", "counter", "Actions done, by kind."),
    ("rollout_weight_down_seconds", "histogram", "From the decision to take weight away to done."),
    ("rollout_rollouts", "gauge", "Rollouts by phase."),
    ("rollout_canary_weight", "gauge", "The canary's share asked for, in percent."),
    ("rollout_upgrade_phase", "gauge", "1 for the phase that an upgrade of the mesh is in."),
    ("rollout_watch_silence_seconds", "gauge", "Since the quietest watch gave a sign of life."),
    ("rollout_audit_records_total", "counter", "Records that the audit log has taken."),
    ("rollout_audit_waiting", "gauge", "Records that wait for an audit log that takes none."),
    ("rollout_leader", "gauge", "1 on the replica that acts."),
)
