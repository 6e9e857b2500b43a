"""The Kubernetes API server: one shared watch per kind behind every read, JSON Patch for writes."""

from typing import TYPE_CHECKING, Any

from rollout.edges.kube.paths import PATHS

if TYPE_CHECKING:
    from rollout.edges.kube.client import Kube
    from rollout.edges.kube.credentials import Connection, as_somebody, connect
    from rollout.edges.kube.source import Scope, scopes

__all__ = ["PATHS", "Connection", "Kube", "Scope", "as_somebody", "connect", "scopes"]


def __getattr__(name: str) -> Any:
    """The client when it is first named: whoever wants the paths alone imports no HTTP."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rollout.edges.kube import client, credentials, source  # noqa: PLC0415

    places = (client, credentials, source)
    return next(getattr(place, name) for place in places if hasattr(place, name))
