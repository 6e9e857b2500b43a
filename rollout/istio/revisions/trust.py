"""Roots of trust: the fingerprints of certificates, and until when they hold.

Two control planes whose proxies must speak with each other have one root.
Source: Istio, "Plug in CA Certificates"; RFC 7468 (PEM), RFC 5280 4.1 (``Validity``).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")
_SEQUENCE, _CONTEXT_0, _UTC_TIME, _GENERALIZED = 0x30, 0xA0, 0x17, 0x18


def pem(text: str) -> str:
    """The text of a ``caBundle``: base64 of PEM as Kubernetes writes it, or plain PEM."""
    if "-----BEGIN" in text:
        return text
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def fingerprints(text: str) -> tuple[str, ...]:
    """SHA-256 of each certificate, sorted; of the text itself where it holds none.

    So equal texts are equal roots, whoever wrote them. Empty text has no root.
    """
    whole = pem(text) or text
    if not whole.strip():
        return ()
    found = {hashlib.sha256(der).hexdigest() for der in _certificates(whole)}
    return tuple(sorted(found)) or (hashlib.sha256(whole.strip().encode()).hexdigest(),)


def until(text: str) -> datetime | None:
    """When the first of the certificates ends; None: there is none that can be read."""
    ends = [end for der in _certificates(pem(text)) if (end := _not_after(der)) is not None]
    return min(ends, default=None)


def _certificates(text: str) -> Iterator[bytes]:
    for match in _PEM.finditer(text):
        try:
            yield base64.b64decode("".join(match[1].split()), validate=True)
        except (binascii.Error, ValueError):
            continue


def _not_after(der: bytes) -> datetime | None:
    """``Certificate.tbsCertificate.validity.notAfter``; None where the bytes are something else."""
    try:
        _, inside, _ = _element(der)
        _, fields, _ = _element(inside)
        tag, _, rest = _element(fields)
        skipped = 3 if tag == _CONTEXT_0 else 2  # serial number, algorithm and issuer follow
        for _ in range(skipped):
            _, _, rest = _element(rest)
        tag, validity, _ = _element(rest)
        _, _, rest = _element(validity)
        kind, value, _ = _element(rest)
        return _moment(kind, value) if tag == _SEQUENCE else None
    except (IndexError, ValueError, OverflowError):
        return None


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what follows it. Source: X.690, 8.1."""
    tag, length, at = data[0], data[1], 2
    if length & 0x80:
        count = length & 0x7F
        at += count
        length = int.from_bytes(data[2:at])
    if at + length > len(data):
        raise ValueError("an element is longer than the data")
    return tag, data[at : at + length], data[at + length :]


def _moment(kind: int, value: bytes) -> datetime | None:
    """Source: RFC 5280, 4.1.2.5.1: two-digit years from 50 on are of the last century."""
    text = value.decode("ascii")
    if kind == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif kind != _GENERALIZED:
        return None
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
