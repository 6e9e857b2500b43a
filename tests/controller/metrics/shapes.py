"""What may come back from Prometheus, shape by shape, and what a gate must say of it.

Two questions are asked: for one number (a metric's own ``query`` with ``max: 100``) and for
counters by pod (the metric ``errors``). Sources of the shapes: prometheus.io, "HTTP API" and
"Native histograms"; thanos.io, "Partial response"; and what proxies between us and it do.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.analysis.world import START

AT = START
STAMP = AT.timestamp()


class Word(StrEnum):
    """What the gate says of one answer."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "inconclusive"  # there is an answer, and it means nothing
    ERROR = "error"  # there is none


@dataclass(frozen=True, slots=True)
class Shape:
    """One answer as it comes over the wire."""

    name: str
    body: bytes
    word: Word
    status: int = 200

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def body(data: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": data, **more}).encode()


def vector(*samples: Any, **more: Any) -> bytes:
    return body({"resultType": "vector", "result": list(samples)}, **more)


def sample(value: Any, at: Any = STAMP, **labels: Any) -> dict[str, Any]:
    return {"metric": labels, "value": [at, value]}


GOOD = vector(sample("50"))
TOO_MUCH = vector(sample("500"))


def each(*values: Any) -> tuple[Any, ...]:
    """Values of any kind, one shape each."""
    return values


def _numbers() -> Iterator[Shape]:
    inside = ("0", "50", "100", "99.99999", "-1", "-0", "+5", "1e2", "1E-3", "1e-320", ".5", "5.")
    for text in each(*inside, "100.0", "00050", "1" + "0" * 200 + "e-200"):
        yield Shape(f"the number {text[:20]}", vector(sample(text)), Word.PASS)
    for text in each("101", "100.0000001", "1e300", "1e308", "9" * 300, "9007199254740993"):
        yield Shape(f"the number {text[:20]}", vector(sample(text)), Word.FAIL)
    for text in each("NaN", "nan", "+Inf", "-Inf", "Inf", "inf", "Infinity", "1e400", "-1e400"):
        yield Shape(f"the number {text}", vector(sample(text)), Word.UNKNOWN)
    odd = (
        "",
        " ",
        "50 ",
        " 50",
        "5 0",
        "1_0",
        "\u0665\u0660",
        "\uff15\uff10",
        "0x32",
        "50%",
        "50ms",
        "5,0",
        "--5",
    )
    for text in each(*odd, "1e", "e5", "null", "true", "5\n0", "50\0", "½", "NaN5", "1e5.5", "+-5"):
        yield Shape(f"text that is no number {text!r}", vector(sample(text)), Word.ERROR)
    for value in each(50, 50.0, None, True, False, [], ["50"], {}, {"50": 1}, 10**30):
        yield Shape(f"a value that is {value!r:.20}", vector(sample(value)), Word.ERROR)


def _times() -> Iterator[Shape]:
    for near in each(0, 0.1, -0.4, 0.499):
        yield Shape(f"{near} s beside", vector(sample("50", STAMP + near)), Word.PASS)
    for far in each(0.6, -1, 15, -15, 600, -600, 86400, -STAMP, -2 * STAMP):
        yield Shape(f"{far} s beside", vector(sample("50", STAMP + far)), Word.UNKNOWN)
    for at in each(None, True, "1", str(STAMP), [], {}, 1e300, -1e300, 10**30):
        yield Shape(f"a time that is {at!r:.20}", vector(sample("50", at)), Word.ERROR)


def _series() -> Iterator[Shape]:
    two = (sample("50", pod="a"), sample("60", pod="b"))
    yield Shape("no series", vector(), Word.UNKNOWN)
    yield Shape("two series", vector(*two), Word.UNKNOWN)
    yield Shape("a series and its like", vector(sample("50"), sample("50")), Word.UNKNOWN)
    yield Shape("a series and one too high", vector(sample("50"), sample("500")), Word.UNKNOWN)
    yield Shape("many series", vector(*(sample("5", pod=str(i)) for i in range(500))), Word.UNKNOWN)
    for labels in each({"__name__": "queue"}, {"a": ""}, {"": "a"}, {"é": "\ud800"}, {"a.b": "c"}):
        yield Shape(f"labels {labels!r}", vector(sample("50", **labels)), Word.PASS)
    for labels in each({"a": 5}, {"a": None}, {"a": []}):
        yield Shape(f"labels {labels!r}", vector(sample("50", **labels)), Word.PASS)
    for metric in each(None, [], "a", 5, True):
        one = {"metric": metric, "value": [STAMP, "50"]}
        yield Shape(f"labels that are {metric!r}", vector(one), Word.ERROR)
    for value in each(
        None, [], [STAMP], [STAMP, "50", "x"], {}, "50", 50, [[STAMP, "50"]], ["a", "b"]
    ):
        one = {"metric": {}, "value": value}
        yield Shape(f"a sample that is {value!r:.30}", vector(one), Word.ERROR)
    for one in each({}, None, [], "a", 5, {"value": [STAMP, "50"]}, {"metric": {}}):
        yield Shape(f"a series that is {one!r:.30}", vector(one), Word.ERROR)
    yield Shape("a hole among series", vector(sample("50"), None), Word.ERROR)
    values = {"metric": {}, "values": [[STAMP, "50"]]}
    yield Shape("a vector of ranges", vector(values), Word.ERROR)
    more = {**sample("50"), "exemplar": {}, "x": None}
    yield Shape("a sample with more to say", vector(more), Word.PASS)


def _histograms() -> Iterator[Shape]:
    drawn = {"count": "10", "sum": "5", "buckets": [[0, "0", "1", "10"]]}
    only = {"metric": {}, "histogram": [STAMP, drawn]}
    yield Shape("a native histogram", vector(only), Word.ERROR)
    yield Shape("a native histogram beside a value", vector({**sample("5"), **only}), Word.ERROR)
    yield Shape("a native histogram among values", vector(sample("5"), only), Word.ERROR)
    yield Shape("an empty histogram", vector({"metric": {}, "histogram": None}), Word.ERROR)
    many = {"metric": {}, "histograms": [[STAMP, drawn]]}
    yield Shape("ranges of native histograms", vector(many), Word.ERROR)


def _kinds() -> Iterator[Shape]:
    for number, word in (("50", Word.PASS), ("500", Word.FAIL), ("NaN", Word.UNKNOWN)):
        data = {"resultType": "scalar", "result": [STAMP, number]}
        yield Shape(f"a scalar of {number}", body(data), word)
    for result in each(None, [], [STAMP], [STAMP, 50], "50", {}, [None, "50"], [STAMP, "50", "x"]):
        data = {"resultType": "scalar", "result": result}
        yield Shape(f"a scalar that is {result!r:.30}", body(data), Word.ERROR)
    late = {"resultType": "scalar", "result": [STAMP - 600, "50"]}
    yield Shape("a scalar of another time", body(late), Word.UNKNOWN)
    for kind in each("matrix", "string", "streams", "Vector", "VECTOR", "", None, 5, True, [], {}):
        data = {"resultType": kind, "result": [sample("50")]}
        yield Shape(f"a result of the kind {kind!r}", body(data), Word.ERROR)
    for result in each(None, {}, "", "a", 5, True, {"metric": {}, "value": [STAMP, "50"]}):
        data = {"resultType": "vector", "result": result}
        said = Word.UNKNOWN if result in ({}, "") else Word.ERROR
        yield Shape(f"a vector that is {result!r:.30}", body(data), said)
    for data in each(
        None, [], {}, "a", 5, {"result": []}, {"resultType": "vector"}, [sample("50")]
    ):
        yield Shape(f"data that is {data!r:.30}", body(data), Word.ERROR)
    matrix = [{"metric": {}, "values": [[STAMP, "50"]]}]
    yield Shape("a matrix", body({"resultType": "matrix", "result": matrix}), Word.ERROR)


def _envelopes() -> Iterator[Shape]:
    data = {"resultType": "vector", "result": [sample("50")]}
    for status in each("error", "Success", "SUCCESS", "ok", "", "partial", None, True, 200, [], {}):
        text = json.dumps({"status": status, "data": data}).encode()
        yield Shape(f"the status {status!r}", text, Word.ERROR)
    yield Shape("no status", json.dumps({"data": data}).encode(), Word.ERROR)
    for kind in each("timeout", "execution", "bad_data", "internal", "made_up", None, 5):
        told = {"status": "error", "errorType": kind, "error": "x", "data": data}
        yield Shape(f"an error {kind!r} in a 200", json.dumps(told).encode(), Word.ERROR)
    for warnings in each(["one store did not answer"], ["a", "b"], "text", {"a": 1}, 1, True, [[]]):
        yield Shape(f"warnings {warnings!r}", vector(sample("50"), warnings=warnings), Word.UNKNOWN)
        high = vector(sample("500"), warnings=warnings)
        yield Shape(f"warnings {warnings!r} and too much", high, Word.UNKNOWN)
    for none in each([], None, "", {}, 0, False):
        yield Shape(f"no warnings {none!r}", vector(sample("50"), warnings=none), Word.PASS)
    infos = vector(sample("50"), infos=["metric might not be a counter"])
    yield Shape("infos alone", infos, Word.PASS)
    both = vector(sample("50"), infos=["x"], warnings=["y"])
    yield Shape("infos and warnings", both, Word.UNKNOWN)
    yield Shape("statistics", vector(sample("50"), stats={"timings": {}}), Word.PASS)
    for other in each(b"null", b"true", b"5", b'"success"', b"[]", b"{}", b'["status"]'):
        yield Shape(f"the body {other.decode()}", other, Word.ERROR)


def _bodies() -> Iterator[Shape]:
    for cut in range(0, len(GOOD), 3):
        yield Shape(f"cut off after {cut} bytes", GOOD[:cut], Word.ERROR)
    yield Shape("whole", GOOD, Word.PASS)
    yield Shape("whole with blanks around", b" \n" + GOOD + b"\r\n\t ", Word.PASS)
    for name, text in {
        "twice": GOOD + GOOD,
        "with a line behind": GOOD + b"\nbye",
        "with a comma behind": GOOD[:-1] + b",}",
        "a page": b"<!doctype html><title>Log in</title>",
        "a page with an answer": b"<html>" + GOOD,
        "XML": b"<?xml version='1.0'?><status>success</status>",
        "YAML": b"status: success\ndata: {}",
        "bytes": bytes(range(256)),
        "NUL bytes": b"\0" * 100,
        "a byte order mark": b"\xef\xbb\xbf" + GOOD,
        "UTF-16": GOOD.decode().encode("utf-16"),
        "UTF-32": GOOD.decode().encode("utf-32"),
        "latin-1": GOOD.replace(b'"metric": {}', b'"metric": {"a": "\xe9"}'),
        "gzip as it is": b"\x1f\x8b\x08\x00" + bytes(40),
        "single quotes": GOOD.replace(b'"', b"'"),
        "a comment": b"/* x */" + GOOD,
        "JSON's NaN": GOOD.replace(b'"50"', b"NaN"),
        "JSON's Infinity": GOOD.replace(b'"50"', b"Infinity"),
        "a time of 5,000 digits": GOOD.replace(str(STAMP).encode(), b"9" * 5000),
        "a time that is NaN": GOOD.replace(str(STAMP).encode(), b"NaN"),
        "a time that is 1e999": GOOD.replace(str(STAMP).encode(), b"1e999"),
        "100,000 lists": b"[" * 100_000,
        "100,000 objects": b'{"a":' * 100_000,
        "a status twice": GOOD.replace(b'"data"', b'"status": "success", "data"', 1),
        "an error, then a success": b'{"status": "error", ' + GOOD[1:],
        "data twice": GOOD[:-1] + b', "data": {"resultType": "vector", "result": []}}',
        "a value twice": GOOD.replace(b'"value"', b'"value": [1, "1"], "value"'),
        "a label twice": GOOD.replace(b'"metric": {}', b'"metric": {"a": "1", "a": "2"}'),
        "warnings, then none": GOOD[:-1] + b', "warnings": ["x"], "warnings": []}',
    }.items():
        yield Shape(name, text, Word.ERROR)
    escaped = GOOD.replace(b'"50"', b'"\\u0035\\u0030"')
    yield Shape("a number in escapes", escaped, Word.PASS)


def _statuses() -> Iterator[Shape]:
    for status in each(201, 202, 203, 204, 206, 207, 226):
        yield Shape(f"a good answer with {status}", GOOD, Word.ERROR, status)
    for status in each(
        300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 408, 413, 414, 422, 429
    ):
        yield Shape(f"a good answer with {status}", GOOD, Word.ERROR, status)
    for status in each(431, 451, 499, 500, 501, 502, 503, 504, 511, 520, 522, 530):
        yield Shape(f"a good answer with {status}", GOOD, Word.ERROR, status)
        yield Shape(f"a bad answer with {status}", TOO_MUCH, Word.ERROR, status)
    for status in each(400, 422, 503):
        for text in (b"", b"null", b"[" * 5000, b'{"errorType": [], "error": {}}', b"\xff"):
            yield Shape(f"{status} and {text[:12]!r}", text, Word.ERROR, status)


NUMBERS: Sequence[Shape] = (
    *_numbers(),
    *_times(),
    *_series(),
    *_histograms(),
    *_kinds(),
    *_envelopes(),
    *_bodies(),
    *_statuses(),
)
"""Answers to the question for one number."""
