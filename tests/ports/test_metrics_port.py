"""The same questions to a real Prometheus: the answers must be what it holds."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rollout.analysis import query
from rollout.controller.metrics.batcher import Batcher
from rollout.edges.prometheus import Access, Prometheus
from rollout.errors import OutsideError, RefusedError
from rollout.lab.programs import processes
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    PodCount,
    ValueQuestion,
    View,
)

FETCHED = Path.home() / ".cache" / "prometheus-test"
S = timedelta(seconds=1)
BASE = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
BUCKETS = "istio_request_duration_milliseconds_bucket"
pytestmark = pytest.mark.lab


def program(name: str) -> str:
    """On PATH, else Debian's package, unpacked into our cache and never installed."""
    if found := shutil.which(name):
        return found
    fetched = FETCHED / "usr" / "bin" / name
    if not fetched.exists():
        FETCHED.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["apt-get", "download", "prometheus"], cwd=FETCHED, check=True, capture_output=True
        )
        package = next(FETCHED.glob("prometheus_*.deb"))
        subprocess.run(["dpkg", "-x", package, FETCHED], check=True)
    return str(fetched)


def exposition() -> str:
    """Two minutes of counters every 15 s, as OpenMetrics with times."""
    mesh = 'destination_workload_namespace="shop",reporter="destination",job="mesh"'
    rows: dict[str, list[str]] = {"istio_requests_total": [], "buckets": []}
    for step in range(9):
        at = (BASE + step * 15 * S).timestamp()
        for pod, workload, errors in (("a", "cart-v1", 0), ("b", "cart-v2", 3)):
            who = f'pod="{pod}",instance="{pod}:15020",destination_workload="{workload}",{mesh}'
            http = f'{who},request_protocol="http",response_flags'
            grpc = f'{who},request_protocol="grpc",response_flags="-",grpc_response_status'
            for labels, count in (
                (f'{http}="-",response_code="200"', 100),
                (f'{http}="-",response_code="503"', errors),
                (f'{http}="DC",response_code="0"', 1),
                (f'{grpc}="14",response_code="200"', errors),
            ):
                row = f"istio_requests_total{{{labels}}} {count * step} {at}"
                rows["istio_requests_total"].append(row)
            for le, count in (("100.0", 50), ("250.0", 80), ("+Inf", 100)):
                rows["buckets"].append(f'{BUCKETS}{{{who},le="{le}"}} {count * step} {at}')
    lines = ["# TYPE istio_requests counter", *sorted(rows["istio_requests_total"])]
    buckets = [f"{line}" for line in sorted(rows["buckets"], key=lambda r: r.split("}")[0])]
    return "\n".join(
        [*lines, "# TYPE istio_request_duration_milliseconds unknown", *buckets, "# EOF", ""]
    )


@asynccontextmanager
async def prometheus(folder: Path, text: str = "") -> AsyncIterator[str]:
    """A Prometheus that holds ``text``, or the two minutes above."""
    (folder / "metrics").write_text(text or exposition())
    (folder / "prometheus.yml").write_text("global: {}\n")
    data = folder / "data"
    tool: list[str | Path] = [
        program("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        folder / "metrics",
        data,
    ]
    subprocess.run(tool, check=True, capture_output=True)
    port = processes.free_port()
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen(
        processes.mortal("prometheus", command),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield await _ready(f"http://127.0.0.1:{port}")
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(10)


async def _ready(url: str) -> str:
    edge = Prometheus(Access(url))
    for _ in range(10_000):
        try:
            await edge.instant("vector(1)", BASE)
        except OutsideError:
            await asyncio.sleep(0.1)
        else:
            return url
    raise TimeoutError(url)


def question(
    counting: Counting, *instants: datetime, **more: tuple[timedelta, ...]
) -> CountsQuestion:
    names = {"v1": "cart-v1", "v2": "cart-v2"}
    bounds = more.get("bounds", ())
    return CountsQuestion("m", counting, View.DESTINATION, instants, "shop", names, bounds)


async def test_a_real_prometheus_gives_exact_counts(tmp_path: Path) -> None:
    async with prometheus(tmp_path) as url:
        edge = Prometheus(Access(url))
        batcher = Batcher(edge)
        at = BASE + 60 * S
        found, _, missing = await batcher.ask((question(Counting.ERRORS, at),), ())
        pods = (PodCount("v1", "a", (0,), 404), PodCount("v2", "b", (24,), 428))
        assert (found, missing) == ((Counts("m", at, pods, newest=at),), ())

        bound = (timedelta(milliseconds=250),)
        instants = tuple(BASE + n * 15 * S for n in range(9))
        found, _, _ = await batcher.ask((question(Counting.SLOW, *instants, bounds=bound),), ())
        assert [(c.at, c.pods[1].bad, c.pods[1].total) for c in found] == [
            (BASE + n * 15 * S, (20 * n,), 100 * n) for n in range(9)
        ]
        every, _, _ = await batcher.ask((question(Counting.SLOW, at),), ())
        assert every[0].bounds == (timedelta(milliseconds=100), timedelta(milliseconds=250))

        stale, _, _ = await batcher.ask((question(Counting.ERRORS, BASE + 200 * S),), ())
        assert stale[0].pods == ()

        number = ValueQuestion("v", "sum(istio_requests_total)", at)
        nothing = ValueQuestion("n", "sum(no_such_metric)", at)
        nan = ValueQuestion("z", "vector(0) / 0", at)
        _, values, missing = await batcher.ask((), (number, nothing, nan))
        assert [v.value for v in values] == [832.0]
        assert [(m.metric, m.because) for m in missing] == [
            ("n", "nothing came, one number is wanted (`or vector(0)` where nothing is none)"),
            ("z", "nan came, a finite number is wanted"),
        ]

        scalar = ValueQuestion("s", "1 +\n2", at)
        odd = ValueQuestion("o", "rate(istio_requests_total)", at)
        one = ValueQuestion("a", 'sum(istio_requests_total{pod="a"}) or vector(-1)', at)
        for again in (at, at + 15 * S):  # the first refuses all of them together
            together = tuple(replace(q, instant=again) for q in (scalar, odd, one, number))
            _, values, missing = await batcher.ask((), together)
            assert {v.metric: v.value for v in values} == {
                "s": 3.0,
                "a": 404.0 * (again - BASE) / (60 * S),
                "v": 832.0 * (again - BASE) / (60 * S),
            }
            assert [m.metric for m in missing] == ["o"]
            assert "status 400 (bad_data)" in missing[0].because

        hostile = query.fill(
            'count(up{a="{{args.x}}"}) or vector(7)', {"args.x": '"} or vector(1) #\n\\'}
        )
        assert (await edge.instant(hostile, at)).series[0].points[0][1] == 7.0
        with pytest.raises(RefusedError, match=r"status 400 \(bad_data\)"):
            await edge.instant("sum(", at)
        with pytest.raises(RefusedError, match="a matrix came, the query must give a vector"):
            await edge.instant("istio_requests_total[5m]", at)
        unreached = CountsQuestion("u", Counting.UNREACHED, View.SOURCE, (at,), "", {"": "x.y"})
        found, _, missing = await batcher.ask((unreached,), ())
        assert (found, missing) == ((Counts("u", at, ()),), ())
