"""What one istiod counts, and its page of metrics; a counter is not shown before it has counted.

Source of names and types: istio/istio, pilot/pkg/xds/monitoring.go, pkg/kube/inject/monitoring.go,
pkg/monitoring (which shows nothing of what was never recorded).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rollout.lab.metrics.exposition import Labels, inside, labels

_CONVERGENCE = (0.1, 0.5, 1, 3, 5, 10, 20, 30)
_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BUCKETS: Mapping[str, tuple[float, ...]] = {
    "pilot_proxy_convergence_time": _CONVERGENCE,
    "pilot_xds_push_time": (0.01, 0.1, 1, 3, 5, 10, 20, 30),
    "pilot_xds_send_time": (0.01, 0.1, 1, 3, 5, 10, 20, 30),
    "sidecar_injection_time_seconds": _FAST,
}


@dataclass(slots=True)
class _Histogram:
    counts: list[int]
    total: float = 0.0


@dataclass(slots=True)
class Counts:
    """Counters and histograms of one process; they begin anew with it."""

    _counters: dict[str, dict[Labels, float]] = field(default_factory=dict)
    _histograms: dict[str, dict[Labels, _Histogram]] = field(default_factory=dict)

    def add(self, name: str, **about: str) -> None:
        rows = self._counters.setdefault(name, {})
        key = labels(about)
        rows[key] = rows.get(key, 0.0) + 1

    def observe(self, name: str, value: float, **about: str) -> None:
        """``name``: one of ``BUCKETS``."""
        bounds = BUCKETS[name]
        rows = self._histograms.setdefault(name, {})
        found = rows.setdefault(labels(about), _Histogram([0] * len(bounds)))
        found.total += value
        for index, bound in enumerate(bounds):
            found.counts[index] += value <= bound
        self.add(f"{name}_count", **about)

    def value(self, name: str, **about: str) -> float:
        """0 for what was never counted."""
        return self._counters.get(name, {}).get(labels(about), 0.0)

    def page(self, gauges: Mapping[str, Mapping[Labels, float]], where: Labels = ()) -> str:
        """Prometheus' text format. ``where``: labels that every sample gets."""
        lines: list[str] = []
        for name, rows in sorted(gauges.items()):
            lines += _samples(name, "gauge", rows, where)
        for name, rows in sorted(self._counters.items()):
            if name.removesuffix("_count") not in BUCKETS:
                lines += _samples(name, "counter", rows, where)
        for name, found in sorted(self._histograms.items()):
            lines += self._histogram(name, found, where)
        return "\n".join((*lines, ""))

    def _histogram(
        self, name: str, rows: Mapping[Labels, _Histogram], where: Labels
    ) -> Iterator[str]:
        yield f"# TYPE {name} histogram"
        for key, found in rows.items():
            text, count = inside((*key, *where)), self._counters[f"{name}_count"][key]
            comma = "," if text else ""
            for bound, below in zip(BUCKETS[name], found.counts, strict=True):
                yield f'{name}_bucket{{{text}{comma}le="{bound:g}"}} {below}'
            yield f'{name}_bucket{{{text}{comma}le="+Inf"}} {count:g}'
            yield f"{name}_sum{{{text}}} {found.total:g}"
            yield f"{name}_count{{{text}}} {count:g}"


def _samples(name: str, kind: str, rows: Mapping[Labels, float], where: Labels) -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    for key, value in rows.items():
        text = inside((*key, *where))
        yield f"{name}{{{text}}} {value:g}" if text else f"{name} {value:g}"
