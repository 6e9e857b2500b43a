"""Which proxies an EnvoyFilter is for: a regex of Istio's over the proxy's version."""

from rollout import re2
from rollout.upgrade.versions import Version


def applies(pattern: str, version: Version) -> bool | None:
    """Whether ``proxyVersion`` names this version; None: it cannot be told.

    Istio matches anywhere in the version. Source: istio/istio, ``pilot/pkg/model/envoyfilter.go``.
    """
    try:
        return re2.matches(pattern, str(version), within=True)
    except re2.UnreadableError:
        return None
