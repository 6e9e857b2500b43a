"""istiod's ``/debug/syncz`` to nouns: who its clients are, and what they have taken or refused.

Source: istio/istio, ``pilot/pkg/xds/debug.go``, ``SyncStatus`` and ``SyncedVersions``.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rollout import lenient
from rollout.model.mesh import ProxyState

Page = Iterable[Any]
Resources = Mapping[str, Mapping[str, Any]]

_OLDER = {
    "cluster": "Cluster",
    "listener": "Listener",
    "route": "RouteConfiguration",
    "endpoint": "ClusterLoadAssignment",
    "extensionconfig": "TypedExtensionConfig",
}
"""The pairs of fields that istiods told before there was ``resources``, and still tell."""
_NEVER = datetime.min.replace(tzinfo=UTC)


def states(pages: Iterable[tuple[str, object]]) -> tuple[ProxyState, ...]:
    """The clients of all istiods: pairs of the istiod's revision and its page, one a replica.

    Every replica knows its own clients only. A proxy that two of them tell of has just gone from
    one to the other; the one that sent to it last has it.
    """
    newest: dict[tuple[str, str], ProxyState] = {}
    for revision, page in pages:
        for entry in lenient.mappings(page):
            read = state(revision, entry)
            known = newest.get((read.namespace, read.pod))
            if known is None or (read.sent or _NEVER) >= (known.sent or _NEVER):
                newest[read.namespace, read.pod] = read
    return tuple(newest[key] for key in sorted(newest))


def state(revision: str, entry: Mapping[str, Any]) -> ProxyState:
    """One client. It is synced if it was sent something, took all of it and refused nothing."""
    pod, _, namespace = lenient.text(entry.get("proxy")).rpartition(".")
    sent = {kind: each for kind, each in _resources(entry).items() if each.get("sent")}
    waiting = tuple(sorted(k for k, each in sent.items() if each.get("acked") != each["sent"]))
    refused = {
        kind: lenient.text(each.get("lastError")) for kind, each in _resources(entry).items()
    }
    errors = tuple(f"{kind}: {_line(text)}" for kind, text in sorted(refused.items()) if text)
    times = [_time(each.get("sentTime") or each["sent"]) for each in sent.values()]
    newest = max(times, default=_NEVER)
    return ProxyState(
        namespace,
        pod,
        lenient.text(entry.get("proxy_type")) or "sidecar",
        lenient.text(entry.get("istio_version")),
        revision,
        bool(sent) and not waiting and not errors,
        waiting,
        errors,
        None if newest == _NEVER else newest,
    )


def _resources(entry: Mapping[str, Any]) -> Resources:
    """By the short name of its type: what was sent, what was acknowledged."""
    told = lenient.mapping(entry.get("resources"))
    if told:
        return {str(url).rpartition(".")[2]: lenient.mapping(each) for url, each in told.items()}
    return {
        kind: {"sent": entry.get(f"{old}_sent"), "acked": entry.get(f"{old}_acked")}
        for old, kind in _OLDER.items()
    }


def _line(text: str) -> str:
    return " ".join(text.split())


def _time(value: object) -> datetime:
    """Of ``sentTime``, or of the version in front of a nonce: ``2026-11-27T15:22:17Z/7876…``."""
    try:
        return datetime.fromisoformat(lenient.text(value).partition("/")[0]).astimezone(UTC)
    except (ValueError, OverflowError):
        return _NEVER
