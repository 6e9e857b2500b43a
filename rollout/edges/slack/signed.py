"""Whether an HTTP request is Slack's: over its raw bytes, before anything of it is read.

Source: docs.slack.dev, "Verifying requests from Slack": HMAC-SHA256 of ``v0:timestamp:body`` with
the app's signing secret, and a timestamp within five minutes.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime

TOLERANCE = 300  # seconds that Slack's clock and ours may differ, either way
LARGEST = 256 << 10  # bytes of a body; an interaction carries its whole message, about 20 KiB
_STAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


def is_slacks(
    stamps: Sequence[str],
    signatures: Sequence[str],
    body: bytes,
    secrets: Sequence[str],
    now: datetime,
) -> bool:
    """Whether ``body`` was signed with one of ``secrets`` just now.

    ``stamps``, ``signatures``: every header of that name; one of each is wanted, since two let a
    proxy and us read different ones. ``secrets``: two while one is being changed.
    """
    if len(stamps) != 1 or len(signatures) != 1:
        return False
    stamp, signature = stamps[0], signatures[0]
    if not _STAMP.fullmatch(stamp) or not _SIGNATURE.fullmatch(signature):
        return False
    if abs(now.timestamp() - int(stamp)) > TOLERANCE:
        return False
    base = b"v0:" + stamp.encode("ascii") + b":" + body
    made = [
        "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest() for secret in secrets
    ]
    return any(hmac.compare_digest(one.encode(), signature.encode()) for one in made)
