import base64
import zlib
from typing import Any

import pytest
from hypothesis import given

from rollout.manifest import opaque
from tests.manifest.test_record import JSON


@given(JSON)
def test_what_was_packed_is_read_back(value: dict[str, Any]) -> None:
    made: dict[str, Any] = {"attempt": {"number": 1}}
    opaque.pack(made, {"checkpoint": value})
    kept = {"checkpoint": value} if value else {}
    assert opaque.unpacked(made) == {"attempt": {"number": 1, **kept}}


def test_it_is_one_text_however_much_it_says() -> None:
    made: dict[str, Any] = {}
    opaque.pack(made, {"checkpoint": {"trails": {str(n): [n] * 9 for n in range(99)}}})
    (text,) = made["attempt"]["checkpoint"].values()
    assert isinstance(text, str)
    assert len(text) < 2000


def test_what_was_written_before_is_as_it_was() -> None:
    stored = {"attempt": {"checkpoint": {"v": 3, "began": None}}}
    assert opaque.unpacked(stored) is stored


@pytest.mark.parametrize(
    "text",
    [
        7,
        "no base64",
        base64.b64encode(b"not deflated").decode(),
        base64.b64encode(zlib.compress(b"[1]")).decode(),
        base64.b64encode(zlib.compress(b"[" * 99_999)).decode(),
        base64.b64encode(zlib.compress(b"0" * 9_000_000)).decode(),
    ],
)
def test_what_cannot_be_opened_is_nothing(text: object) -> None:
    stored = {"attempt": {"checkpoint": {"packed": text}}}
    assert opaque.unpacked(stored) == {"attempt": {"checkpoint": {}}}
