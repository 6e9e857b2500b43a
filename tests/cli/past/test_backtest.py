"""``backtest`` and a plan's forecast, over a past that a real Prometheus holds."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli import clock
from tests.cli.conftest import Put, Run
from tests.ports.test_metrics_port import prometheus

pytestmark = pytest.mark.lab

EVERY = timedelta(seconds=15)
HOURS = 3
PODS = ("p0", "p1", "p2", "p3")
BUCKETS = "istio_request_duration_milliseconds_bucket"
SPEC: dict[str, Any] = {
    "service": "reviews",
    "revision": "v1",
    "workload": {"deployments": "reviews-{revision}"},
    "strategy": {
        "canary": {
            "steps": [
                {"weight": 5, "bake": "1m", "timeBox": "2m"},
                {"weight": 40, "bake": "1m", "timeBox": "10m"},
            ]
        }
    },
}
STATUS: dict[str, Any] = {
    "phase": "Healthy",
    "stage": {"name": "Idle"},
    "because": "v1 has everyone",
    "stable": {"name": "v1"},
    "observedGeneration": 1,
}


def past(now: datetime) -> str:
    """Three hours of forty requests a second; one pod fails one of five in the last hour."""
    workload = 'destination_workload_namespace="shop",destination_workload="reviews-v1"'
    mesh = f'{workload},reporter="destination"'
    requests: list[str] = []
    buckets: list[str] = []
    count = HOURS * timedelta(hours=1) // EVERY
    for pod in PODS:
        who = f'pod="{pod}",instance="{pod}:15020",{mesh}'
        for code in ("200", "500"):
            for step in range(count):
                at = (now - EVERY * (count - 1 - step)).timestamp()
                late = max(0, step - count * 2 // 3) if pod == "p0" else 0
                bad = step * 1 + late * 30
                value = bad if code == "500" else step * 150 - bad
                labels = f'{who},request_protocol="http",response_flags="-",response_code="{code}"'
                requests.append(f"istio_requests_total{{{labels}}} {value} {at}")
        for le, share in (("100.0", 100), ("250.0", 147), ("+Inf", 150)):
            for step in range(count):
                at = (now - EVERY * (count - 1 - step)).timestamp()
                buckets.append(f'{BUCKETS}{{{who},le="{le}"}} {share * step} {at}')
    heads = "# TYPE istio_requests counter", f"# TYPE {BUCKETS.removesuffix('_bucket')} unknown"
    return "\n".join([heads[0], *requests, heads[1], *buckets, "# EOF", ""])


@pytest.fixture
async def url(tmp_path: Path) -> Any:
    async with prometheus(tmp_path, past(clock.now())) as found:
        yield found


def test_a_backtest_tells_which_releases_would_have_been_sent_back_and_by_what(
    put: Put, config: Path, url: str
) -> None:
    put(SPEC, STATUS)
    words = ("backtest", "reviews", "-n", "shop", "--past", "3h", "--every", "15m")
    told = json.loads(rollout(config, url, *words, "-o", "json"))
    print(rollout(config, url, *words))
    ends = [release["ended"] for release in told["releases"]]
    print(ends)
    assert told["pods"] == len(PODS)
    assert set(ends[:3]) == {"promoted"}
    back = [release for release in told["releases"] if release["ended"] == "sent back"]
    assert back
    assert all("errors: canary" in release["evidence"] for release in back)


def test_a_plan_says_what_its_steps_will_see(put: Put, config: Path, url: str) -> None:
    put(SPEC, STATUS)
    file = config.parent / "release.yaml"
    manifest = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "reviews", "namespace": "shop"},
        "spec": SPEC | {"revision": "v2"},
    }
    file.write_text(yaml.safe_dump_all([manifest, *objects()]))
    told = rollout(config, url, "plan", file, "--cluster", "--brief")
    print(told)
    assert "about 240 canary requests in 2m" in told
    assert "errors: sends back" in told


def objects() -> Iterator[dict[str, Any]]:
    """What the cluster has besides."""
    meta = {"namespace": "shop"}
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta | {"name": "reviews"},
        "spec": {"selector": {"app": "reviews"}, "ports": [{"name": "http", "port": 80}]},
    }
    for version in ("v1", "v2"):
        labels = {"app": "reviews", "version": version}
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta | {"name": f"reviews-{version}"},
            "spec": {
                "replicas": 4,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": []}},
            },
        }
    yield {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": meta | {"name": "reviews"},
        "spec": {
            "hosts": ["reviews"],
            "http": [{"name": "primary", "route": [{"destination": {"host": "reviews"}}]}],
        },
    }


def rollout(config: Path, url: str, *words: object) -> str:
    """What the command line answers; in a process of its own, since a loop runs here."""
    command = [sys.executable, "-m", "rollout", "--kubeconfig", str(config), *map(str, words)]
    done = subprocess.run(
        [*command, "--prometheus", url], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "give --prometheus URL"),
        (("--prometheus", "http://x", "--past", "soon"), "a duration is written"),
        (("--prometheus", "http://x", "--every", "0s"), "more than nothing is wanted"),
    ],
)
def test_a_backtest_says_what_it_lacks(
    run: Run, put: Put, words: tuple[str, ...], complaint: str
) -> None:
    put(SPEC, STATUS)
    found = run("backtest", "reviews", "-n", "shop", *words)
    assert found.exit_code
    assert complaint in " ".join(f"{found.output} {found.exception}".replace("│", " ").split())
