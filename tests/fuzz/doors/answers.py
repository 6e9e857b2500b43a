"""What servers answer: Prometheus, a step's HTTP gate, istiod, a forge."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rollout.controller.metrics import readings
from rollout.controller.metrics.readings import Row
from rollout.edges import promapi, syncz
from rollout.edges.forge import rest
from rollout.errors import RolloutError
from rollout.model.observation import PodCount, Reply
from tests.fuzz import oracle
from tests.fuzz.bites import Bites, dumped, spliced, spoilt

AT = 1767614400.0
INSTANTS = tuple(datetime.fromtimestamp(AT + 15 * i, UTC) for i in range(2))
WORKLOADS = (("shop", "shop-v1"), ("shop", "shop-v2"))
TOKENS = (
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"null", b'"NaN"', b'"+Inf"', b'"-Inf"'),
    *(b"[", b"]", b"{", b"}", b",", b'"', b"\\u0000", b"\\ud800", b"9" * 5000, b"[" * 3000),
    *(b'"histogram":[1,{}]', b'"warnings":["x"],', b'"infos":["x"],', b"<html>", b"\xff"),
)


def labels(pod: str, part: str, **more: str) -> dict[str, str]:
    """Of a pod's series in an answer about errors or latency."""
    whose = {"destination_workload": "shop-v1", "destination_workload_namespace": "shop"}
    return {"pod": pod, "instance": "10.0.0.1:1", "rollout_part": part, **whose, **more}


def answered(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


VECTOR = answered(
    "vector",
    [
        {"metric": labels("a", "total"), "value": [AT, "120"]},
        {"metric": labels("a", "bad"), "value": [AT, "3"]},
        {"metric": labels("a", "seen"), "value": [AT, str(AT - 5)]},
    ],
)
BUCKETS = answered(
    "vector",
    [
        {"metric": labels("a", "total", le="250"), "value": [AT, "100"]},
        {"metric": labels("a", "total", le="+Inf"), "value": [AT, "120"]},
        {"metric": labels("a", "seen"), "value": [AT, str(AT)]},
    ],
)
MATRIX = answered(
    "matrix", [{"metric": labels("a", "total"), "values": [[AT, "120"], [AT + 15, "140"]]}]
)
ONE = answered("vector", [{"metric": {}, "value": [AT, "0.5"]}])
SCALAR = answered("scalar", [AT, "0.5"])
NO = {"status": "error", "errorType": "bad_data", "error": "1:5: parse error: x", "data": {}}
SAMPLES: tuple[Any, ...] = (VECTOR, BUCKETS, MATRIX, ONE, SCALAR, NO)
KIND: dict[str, promapi.Kind] = {"vector": "vector", "matrix": "matrix"}
STATUSES = (200, 200, 200, 200, 200, 200, 400, 422, 429, 500, 503, 302, 204)
SYNCZ: Any = [
    {
        "proxy": "a.shop",
        "resources": {"CDS": {"sent": "n", "acked": "n", "sentTime": "2026-01-05T12:00:00Z"}},
    }
]


def read(data: bytes) -> None:
    """One answer, from status and bytes to what a gate is told."""
    bites = Bites(data)
    way = bites.byte() % 8
    if way < 6:
        _prometheus(bites)
    elif way == 6:
        _istiod(bites)
    else:
        _forge(bites)


def _body(bites: Bites, sample: Any) -> bytes:
    way = bites.byte()
    if way < 16:
        return bites.rest()
    if way < 90:
        return spliced(dumped(sample), bites, TOKENS)
    return dumped(spoilt(sample, bites))


def _prometheus(bites: Bites) -> None:
    sample = bites.pick(SAMPLES)
    kind = KIND.get(sample["data"].get("resultType", ""), "vector")
    status = bites.pick(STATUSES)
    try:
        reply = promapi.read(status, _body(bites, sample), kind)
    except RolloutError as error:
        oracle.refused(error)
        return
    for pod in _counted(reply):
        if not min(pod.bad, default=0) >= 0 or not max(pod.bad, default=0) <= pod.total:
            raise oracle.Fault("more bad requests than requests", repr(pod))
    for value in _values(reply):
        if not math.isfinite(value):
            raise oracle.Fault("a number that is none", repr(value))


def _counted(reply: Reply) -> Iterator[PodCount]:
    """The pods of an answer, read as the mesh's counters and as a metric's own."""
    for rows in (_of_the_mesh, _own):
        try:
            found = rows(reply)
            yield from readings.counted(found, "v1")
            yield from readings.slow(found, "v1", readings.all_bounds([found])[:3])
            readings.newest([found])
        except readings.UnclearError as error:
            oracle.sentences([error])


def _of_the_mesh(reply: Reply) -> Mapping[str, Row]:
    found = readings.pages(reply, INSTANTS, WORKLOADS)[INSTANTS[0]][WORKLOADS[0]]
    if isinstance(found, readings.UnclearError):
        raise found
    return found


def _own(reply: Reply) -> Mapping[str, Row]:
    return readings.own(reply, INSTANTS)[INSTANTS[0]]


def _values(reply: Reply) -> Iterator[float]:
    try:
        yield from readings.values(reply, INSTANTS[:1]).values()
    except readings.UnclearError as error:
        oracle.sentences([error])


def _istiod(bites: Bites) -> None:
    try:
        value = json.loads(dumped(spoilt(SYNCZ, bites)))
    except ValueError:
        return
    proxies = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    sync = syncz.counted(proxies, INSTANTS[0] - timedelta(hours=1))
    if sync is not None:
        oracle.sentences([sync.complaint])


def _forge(bites: Bites) -> None:
    headers = {
        name: bites.text()
        for name in ("Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset")
        if bites.byte() < 128
    }
    headers |= {"X-RateLimit-Remaining": "0"} if bites.byte() < 128 else {}
    left = rest.limit(headers, AT)
    error = rest.meaning(bites.pick((301, 400, 401, 403, 404, 409, 429, 500)), left, "forge")
    oracle.sentences([error])
