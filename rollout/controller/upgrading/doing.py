"""One action of an upgrade to its calls; every action says a state, so twice is once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from rollout import jsonpatch
from rollout.controller.keeping import events
from rollout.controller.keeping.events import News, Reporter
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Kube
from rollout.controller.upgrading.keeping import Held, UpgradeStore
from rollout.errors import ConflictError
from rollout.manifest.upgrades import KIND
from rollout.model.action import Announce, LetGo
from rollout.model.mesh import Restart
from rollout.model.ref import Ref
from rollout.model.upgradelook import (
    MakeObject,
    MeshAction,
    RemoveObject,
    RestartPods,
    SetLeaves,
)
from rollout.upgrade import waves

FAILED = "LookFailed"
_ANNOTATIONS = "/spec/template/metadata/annotations"


@dataclass(slots=True)
class Performer:
    """Does actions, and nothing that is done already; ``instance``: this process."""

    kube: Kube
    store: UpgradeStore
    instance: str

    async def do(self, held: Held, action: MeshAction, now: datetime) -> None:
        """The action's state is the world's.

        Errors: any of ours; ``ConflictError`` where an object has changed since it was looked at.
        """
        match action:
            case SetLeaves():
                await self._set(action)
            case MakeObject(obj):
                await self._make(obj)
            case RemoveObject(ref, uid):
                await self._remove(ref, uid)
            case RestartPods():
                await self._restart(action)
            case Announce():
                await self._event(held, action, now)
            case LetGo():
                await self.store.remove_finalizer(held)
            case _:
                assert_never(action)

    async def _set(self, action: SetLeaves) -> None:
        ref = action.ref
        obj = self._found(ref)
        if str(obj["metadata"].get("resourceVersion", "")) != action.version:
            raise ConflictError(f"{ref}: somebody wrote it meanwhile; it is looked at again")
        ops = [unchanged(obj), *_ops(obj, action)]
        await self.kube.patch(ref.kind, ref.namespace, ref.name, ops)

    def _found(self, ref: Ref) -> Json:
        obj = self.kube.get(ref.kind, ref.namespace, ref.name)
        if obj is None:
            raise ConflictError(f"{ref}: is not there any more; it is looked at again")
        return obj

    async def _make(self, obj: Json) -> None:
        meta = obj["metadata"]
        kind, namespace = str(obj["kind"]), str(meta.get("namespace", ""))
        if self.kube.get(kind, namespace, str(meta["name"])) is None:
            await self.kube.create(obj)

    async def _remove(self, ref: Ref, uid: str) -> None:
        obj = self.kube.get(ref.kind, ref.namespace, ref.name)
        if obj is None or (uid and obj["metadata"].get("uid") != uid):
            return
        await self.kube.delete(ref.kind, ref.namespace, ref.name, str(obj["metadata"]["uid"]))

    async def _restart(self, action: RestartPods) -> None:
        obj = self._found(action.ref)
        ops = [*_restarted(obj, action)]
        if ops:
            ref = action.ref
            await self.kube.patch(ref.kind, ref.namespace, ref.name, [unchanged(obj), *ops])

    async def _event(self, held: Held, action: Announce, now: datetime) -> None:
        await events.tell(
            self.kube,
            News(
                kind=KIND,
                namespace="",
                name=held.upgrade.name,
                uid=held.upgrade.uid,
                once=str(held.status.epoch),
                reason=action.reason,
                note=action.because,
                warning=action.warning,
            ),
            now,
            Reporter("upgrades", self.instance),
        )

    async def failed(self, held: Held, text: str, now: datetime) -> None:
        """People hear that the looks at this upgrade fail."""
        await self._event(held, Announce(FAILED, text, warning=True), now)


def _ops(obj: Json, action: SetLeaves) -> Iterator[Json]:
    """The operations that set the leaves; parents that are missing are made."""
    made: set[str] = set()
    for path, value in action.leaves.items():
        for parent in _parents(path):
            if parent not in made and not _is_there(obj, parent):
                made.add(parent)
                yield {"op": "add", "path": parent, "value": {}}
        yield {"op": "add", "path": path, "value": value}
    for path in action.absent:
        if _is_there(obj, path):
            yield {"op": "remove", "path": path}


def _parents(path: str) -> Iterator[str]:
    """Every pointer above ``path``, the outermost first."""
    parts = path.split("/")[1:-1]
    for length in range(1, len(parts) + 1):
        yield "/" + "/".join(parts[:length])


def _is_there(obj: Json, path: str) -> bool:
    at: object = obj
    for part in jsonpatch.parts(path):
        if not isinstance(at, dict) or part not in at:
            return False
        at = at[part]
    return at is not None


def _restarted(obj: Json, action: RestartPods) -> Iterator[Json]:
    """The operations that mark the restart; none where this or a later one is marked already."""
    moment = waves.mark(action.at)
    if action.way is Restart.RESTART_AT:
        if not _is_newer((obj.get("spec") or {}).get("restartAt"), action.at):
            yield {"op": "add", "path": "/spec/restartAt", "value": moment}
        return
    template = obj["spec"]["template"]
    notes = (template.get("metadata") or {}).get("annotations") or {}
    if _is_newer(notes.get(waves.RESTARTED_AT), action.at):
        return
    for parent in _parents(f"{_ANNOTATIONS}/x"):
        if not _is_there(obj, parent):
            yield {"op": "add", "path": parent, "value": {}}
    yield {
        "op": "add",
        "path": f"{_ANNOTATIONS}/{waves.RESTARTED_AT.replace('/', '~1')}",
        "value": moment,
    }


def _is_newer(text: object, at: datetime) -> bool:
    """Whether a restart of ``at`` or later is marked."""
    try:
        marked = datetime.fromisoformat(str(text))
    except ValueError:
        return False
    moment = marked if marked.tzinfo else marked.replace(tzinfo=UTC)
    return moment >= at.replace(microsecond=0)
