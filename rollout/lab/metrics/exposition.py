"""Istio's standard metrics, counted and written for Prometheus; who counts is not known here."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

# Source: istio/istio, pilot bootstrap `istioStatsHistogramBuckets` and "Istio Standard Metrics".
BUCKETS_MS = (
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
    300_000, 600_000, 1_800_000, 3_600_000,
)  # fmt: skip

Labels = tuple[tuple[str, str], ...]
"""Name and value, sorted by name, so that equal sets are equal keys."""


def labels(values: Mapping[str, str]) -> Labels:
    """``values`` as a key for a series."""
    return tuple(sorted(values.items()))


class RequestMetrics:
    """``istio_requests_total`` and ``istio_request_duration_milliseconds`` per set of labels."""

    def __init__(self) -> None:
        self._series: dict[Labels, list[float]] = {}  # per bucket, then the rest, sum and count

    def count(self, series: Labels, milliseconds: float) -> None:
        """One more request of ``series`` that took ``milliseconds``."""
        found = self._series.get(series)
        if found is None:
            found = self._series[series] = [0.0] * (len(BUCKETS_MS) + 3)
        found[bisect_left(BUCKETS_MS, milliseconds)] += 1
        found[-2] += milliseconds
        found[-1] += 1

    def totals(self) -> dict[Labels, int]:
        """How many requests each series has, for tests and for the demo's closing words."""
        return {series: int(values[-1]) for series, values in self._series.items()}

    def series(self) -> Mapping[Labels, Sequence[float]]:
        """Per labels: how many in each bucket and above all, the sum, the count."""
        return self._series


def page(parts: Iterable[tuple[Mapping[str, str], RequestMetrics]]) -> str:
    """All series in Prometheus' text format 0.0.4, each with the labels of its part added."""
    rows = [
        (inside(labels({**dict(series), **extra})), values)
        for extra, metrics in parts
        for series, values in metrics.series().items()
    ]
    return "\n".join((*_requests(rows), *_durations(rows), ""))


_Rows = Sequence[tuple[str, Sequence[float]]]


def _requests(rows: _Rows) -> Iterator[str]:
    yield "# TYPE istio_requests_total counter"
    for text, values in rows:
        yield f"istio_requests_total{{{text}}} {values[-1]:.0f}"


def _durations(rows: _Rows) -> Iterator[str]:
    name = "istio_request_duration_milliseconds"
    yield f"# TYPE {name} histogram"
    for text, values in rows:
        running = 0.0
        for bound, amount in zip((*BUCKETS_MS, "+Inf"), values, strict=False):
            running += amount
            yield f'{name}_bucket{{{text},le="{bound}"}} {running:.0f}'
        yield f"{name}_sum{{{text}}} {values[-2]:.3f}"
        yield f"{name}_count{{{text}}} {values[-1]:.0f}"


def inside(series: Iterable[tuple[str, str]]) -> str:
    """What stands between the braces of a sample, escaped as the text format wants it."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in series)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
