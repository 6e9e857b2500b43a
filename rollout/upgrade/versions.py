"""Istio's versions: which jump is supported, which Kubernetes each needs, what changed in which.

Sources: Istio, "Supported Releases" and "Canary Upgrades"; istio/istio,
``istioctl/pkg/install/k8sversion``; Istio's upgrade notes by minor version.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

_VERSION = re.compile(
    r"(?:^|[^0-9])([0-9]{1,3})[.-]([0-9]{1,3})(?:[.-]([0-9]{1,3}))?(?:[.-]?(.*))?$"
)
_PRE = re.compile(r"alpha|beta|rc|dev|nightly", re.IGNORECASE)

MINORS = 2
"""How many minor versions a jump may span with two revisions side by side."""

KUBERNETES = ((24, 28), (26, 29), (28, 30), (30, 32))
"""From which minor version of Istio 1 on, the least minor version of Kubernetes 1."""

NATIVE = 27
"""Since 1.27 proxies are native sidecars where Kubernetes can."""


class Version(NamedTuple):
    """``1.30.3``; ``extra``: what follows, such as ``rc.1``."""

    major: int
    minor: int
    patch: int = 0
    extra: str = ""

    @property
    def release(self) -> tuple[int, int, int]:
        """To be compared: without what follows."""
        return self.major, self.minor, self.patch

    @property
    def pre(self) -> bool:
        """Whether it came before the release of that number."""
        return bool(_PRE.search(self.extra))

    def __str__(self) -> str:
        extra = f"-{self.extra}" if self.extra else ""
        return f"{self.major}.{self.minor}.{self.patch}{extra}"


def version(text: str) -> Version | None:
    """The version in a tag or in a revision's name: ``1.30.3``, ``1-30-3``, ``default-v1-30-3``.

    None: it names none.
    """
    match = _VERSION.search(text)
    if match is None:
        return None
    return Version(int(match[1]), int(match[2]), int(match[3] or 0), match[4] or "")


def kubernetes(minor: int) -> int | None:
    """The least minor version of Kubernetes that Istio 1.``minor`` runs on; None: not known."""
    known = [least for since, least in KUBERNETES if since <= minor]
    return known[-1] if known else None


@dataclass(frozen=True, slots=True)
class Note:
    """What changed with the minor version 1.``minor``, for people who come from before it."""

    minor: int
    text: str


NOTES = (
    Note(23, "`istioctl x wait` and the tracking of configuration are gone"),
    Note(24, "the chart istio/base brings the CRDs; Helm must be able to adopt older ones"),
    Note(24, "Gateways that name no revision are not programmed where there is no default"),
    Note(27, "proxies are native sidecars where Kubernetes can; compatibilityVersion=1.26 keeps"),
    Note(27, "istiod's debug endpoints want a token of its own namespace"),
    Note(28, "a tag has a Service, too; both carriers must be moved"),
)
"""Source: Istio's upgrade notes of these releases."""


def notes(old: Version, new: Version) -> tuple[Note, ...]:
    """What changed between the two, the older first."""
    return tuple(note for note in NOTES if old.minor < note.minor <= new.minor)
