"""SEC-02: whatever is not signed by Slack just now is refused before it is read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier

from rollout.edges.slack.signed import is_slacks

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = datetime.fromtimestamp(1531420618, UTC)
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
    b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGl"
    b"gcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
"""The example of docs.slack.dev, "Verifying requests from Slack"."""


def signed(secret: str, body: bytes) -> str:
    class Fixed(Clock):
        def now(self) -> float:
            return NOW.timestamp()

    verifier = SignatureVerifier(secret, Fixed())
    made = verifier.generate_signature(timestamp=STAMP, body=body)
    assert made is not None
    return made


STAMP = "1531420618"


def test_the_example_of_slacks_own_page_is_slacks() -> None:
    assert is_slacks([STAMP], [SIGNATURE], BODY, [SECRET], NOW)


def test_while_a_secret_is_changed_either_one_proves_sec_26() -> None:
    assert is_slacks([STAMP], [SIGNATURE], BODY, ["new" * 10, SECRET], NOW)
    assert not is_slacks([STAMP], [SIGNATURE], BODY, ["new" * 10], NOW)
    assert not is_slacks([STAMP], [SIGNATURE], BODY, [], NOW)


@pytest.mark.parametrize(
    ("stamps", "signatures"),
    [
        ([], [SIGNATURE]),
        ([STAMP], []),
        ([STAMP, STAMP], [SIGNATURE]),
        ([STAMP], [SIGNATURE, SIGNATURE]),
        ([STAMP], [SIGNATURE[:-1]]),
        ([STAMP], [SIGNATURE.upper()]),
        ([STAMP], [SIGNATURE.replace("v0", "v1")]),
        ([STAMP], ["v0=" + "ä" * 64]),
        ([STAMP], ["v0=" + "0" * 64]),
        ([f" {STAMP}"], [SIGNATURE]),
        (["١٥٣١٤٢٠٦١٨"], [SIGNATURE]),
        (["9" * 13], [SIGNATURE]),
        (["-1"], [SIGNATURE]),
        (["1e9"], [SIGNATURE]),
    ],
)
def test_missing_double_short_and_foreign_headers_are_refused_sec_02(
    stamps: list[str], signatures: list[str]
) -> None:
    assert not is_slacks(stamps, signatures, BODY, [SECRET], NOW)


@pytest.mark.parametrize(
    ("seconds", "good"), [(300, True), (301, False), (-300, True), (-301, False)]
)
def test_a_request_is_good_for_five_minutes_either_way(seconds: int, good: bool) -> None:
    now = datetime.fromtimestamp(1531420618 + seconds, UTC)
    assert is_slacks([STAMP], [SIGNATURE], BODY, [SECRET], now) is good


@given(st.text(max_size=200).map(str.encode), st.text(min_size=16, max_size=40).filter(str.isascii))
def test_slack_sdks_own_signature_proves_and_one_bit_less_does_not(body: bytes, key: str) -> None:
    signature = signed(key, body)
    assert is_slacks([STAMP], [signature], body, [key], NOW)
    assert not is_slacks([STAMP], [signature], body + b"x", [key], NOW)
