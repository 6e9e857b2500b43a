"""Roots of trust by their fingerprints."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.istio.revisions import trust
from tests.istio.revisions.objects import BUNDLE, ROOT

DER = "".join(ROOT.splitlines()[1:-1])


def test_a_bundle_and_its_pem_have_one_fingerprint() -> None:
    assert trust.fingerprints(BUNDLE) == trust.fingerprints(ROOT)
    assert trust.fingerprints(ROOT + ROOT) == trust.fingerprints(ROOT)
    assert len(trust.fingerprints(ROOT)) == 1


def test_what_holds_no_certificate_is_compared_as_it_stands() -> None:
    words = "(base64 of the PEM root, written by istiod)"
    assert trust.fingerprints(words) == (sha256(words.encode()).hexdigest(),)
    assert trust.fingerprints(f" {words}\n") == trust.fingerprints(words)
    assert trust.fingerprints(" ") == ()


@pytest.mark.parametrize("text", [ROOT, BUNDLE])
def test_the_end_of_a_certificate_is_read(text: str) -> None:
    assert trust.until(text) == datetime(2018, 10, 20, 19, 43, 6, tzinfo=UTC)


@given(st.data())
def test_broken_certificates_end_nowhere_and_hide_no_other(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(DER) - 1))
    spoiled = DER[:at] + data.draw(st.sampled_from("A/+z9=")) + DER[at + 1 :]
    broken = f"-----BEGIN CERTIFICATE-----\n{spoiled}\n-----END CERTIFICATE-----\n"
    assert trust.until(broken) is None or isinstance(trust.until(broken), datetime)
    assert set(trust.fingerprints(ROOT)) <= set(trust.fingerprints(ROOT + broken))


@given(st.binary(max_size=40))
def test_any_bytes_between_the_marks_are_read(der: bytes) -> None:
    text = b64encode(der).decode()
    assert trust.until(f"-----BEGIN CERTIFICATE-----{text}-----END CERTIFICATE-----") is None
