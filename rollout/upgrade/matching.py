"""Which proxies an EnvoyFilter is for: a regex of Istio's over the proxy's version."""

import re
import warnings

from rollout.upgrade.versions import Version

LONGEST = 200


def applies(pattern: str, version: Version) -> bool | None:
    """Whether ``proxyVersion`` names this version; None: it cannot be told.

    Istio matches anywhere in the version. Source: istio/istio, ``pilot/pkg/model/envoyfilter.go``.
    A pattern that repeats what repeats is not tried: Istio's RE2 bears it, and Python does not.
    """
    if len(pattern) > LONGEST or re.search(r"[*+}]\)?[*+{]", pattern):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # Python reads it otherwise one day
            return re.search(pattern, str(version)) is not None
    except (re.error, OverflowError, RecursionError, FutureWarning):
        return None
