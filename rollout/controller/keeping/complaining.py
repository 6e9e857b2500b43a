"""The status of an object that cannot be read says why; all else in it stays as it is stored."""

from collections.abc import Callable
from datetime import datetime

from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Kube

Unread = Callable[[Json, str, int, datetime], Json]
"""From what is stored, why it cannot be read, the generation and the time: the status to store."""


async def complain(
    kube: Kube, ref: tuple[str, str, str], because: str, unread: Unread, now: datetime
) -> None:
    """The object ``ref`` (kind, namespace, name), if it is there, says ``because``.

    Errors: ``ConflictError`` when somebody wrote it since it was read.
    """
    kind, namespace, name = ref
    obj = kube.get(kind, namespace, name)
    if obj is None:
        return
    stored, generation = obj.get("status") or {}, obj["metadata"].get("generation", 0)
    if (stored.get("because"), stored.get("observedGeneration")) == (because, generation):
        return
    value = unread(stored, because, generation, now)
    ops = [unchanged(obj), {"op": "add", "path": "/status", "value": value}]
    await kube.patch(kind, namespace, name, ops, "status")
