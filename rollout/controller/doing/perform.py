"""One action to its calls on the ports; every action says a state, so twice is once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from zlib import crc32

from rollout.controller import telemetry
from rollout.controller.doing import deployments
from rollout.controller.keeping import events
from rollout.controller.keeping.events import News, Reporter
from rollout.controller.keeping.store import Held, Store
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import mesh
from rollout.errors import RefusedError
from rollout.istio import destinationrule, fields, virtualservice
from rollout.istio import patch as jsonpatch
from rollout.istio.patch import Op
from rollout.model.action import (
    Action,
    Announce,
    EnsureWorkload,
    HandOver,
    LetGo,
    PointSubset,
    PruneWorkloads,
    ReleaseFields,
    ReleaseRoutes,
    RemoveSubset,
    Scale,
    SetRoute,
)
from rollout.model.traffic import Target

FAILED = "LookFailed"  # the reason of an Event

Patches = Callable[[Json], Sequence[Op]]


@dataclass(slots=True)
class Performer:
    """Does actions, and nothing that is done already.

    ``instance``: this process, as Events name who reported them.
    """

    kube: Kube
    store: Store
    instance: str

    async def do(self, held: Held, action: Action, now: datetime) -> None:
        """The action's state is the world's.

        Errors: any of ours; ``ConflictError`` also when an object carries a newer epoch.
        """
        match action:
            case SetRoute(target, route, epoch):
                beside = mesh.beside(self.kube, target, route)
                patches = lambda obj: virtualservice.patch(obj, target, route, epoch, beside)  # noqa: E731
                await self._route(target, patches)
            case ReleaseRoutes(target, epoch):
                await self._route(target, lambda obj: virtualservice.release(obj, target, epoch))
            case PointSubset():
                await self._point(action)
            case RemoveSubset():
                await self._remove(action)
            case ReleaseFields(target, marks):
                if marks:
                    await self._unmark(target)
                await self._release_fields(target)
            case EnsureWorkload() | Scale() | HandOver() | PruneWorkloads():
                subject = held.status.subject
                rollout = subject.named_by(held.rollout) if subject else held.rollout
                await deployments.perform(self.kube, rollout, action)
            case Announce():
                await self._event(held, action, now)
            case LetGo():
                await self.store.remove_finalizer(held)
            case _:
                assert_never(action)

    async def _route(self, target: Target, patches: Patches) -> None:
        """Every VirtualService that will take it has it, also where another one refuses."""
        objs = virtualservice.discover(mesh.virtual_services(self.kube, target), target)
        writes = (self._patch("VirtualService", obj, patches) for obj in objs)
        ended = await asyncio.gather(*writes, return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _point(self, action: PointSubset) -> None:
        target, name, labels = action.target, action.name, action.labels
        rules = mesh.destination_rules(self.kube, target)
        rule = destinationrule.chosen(rules, target, name)
        like = destinationrule.in_force(rules, target)
        if rule is None:
            made = destinationrule.manifest(target, {name: labels}, action.epoch, like)
            await self.kube.create(self._free(made))
            return
        await self._patch(
            "DestinationRule",
            rule,
            lambda obj: destinationrule.point(obj, target, name, labels, action.epoch, like),
        )

    def _free(self, made: Json) -> Json:
        """``made`` under a name that no other service's rule has."""
        meta = made["metadata"]
        if self.kube.get("DestinationRule", meta["namespace"], meta["name"]) is None:
            return made
        return {**made, "metadata": {**meta, "name": f"{meta['name']}-rollout"}}

    async def _remove(self, action: RemoveSubset) -> None:
        """A rule that we made and that has nothing left goes, too."""
        target = action.target
        rules = mesh.destination_rules(self.kube, target)
        rule = destinationrule.maker(rules, target, action.name)
        if rule is None:
            return
        if destinationrule.is_made(rule, target) and {*destinationrule.subsets(rule)} <= {
            action.name
        }:
            meta = rule["metadata"]
            uid = str(meta.get("uid", ""))
            await self.kube.delete("DestinationRule", meta["namespace"], meta["name"], uid)
            return
        await self._patch(
            "DestinationRule",
            rule,
            lambda obj: destinationrule.remove(obj, target, action.name, action.epoch),
        )

    async def _unmark(self, target: Target) -> None:
        for obj in fields.marked(mesh.virtual_services(self.kube, target), target):
            await self._patch("VirtualService", obj, lambda obj: fields.unmark(obj, target))

    async def _release_fields(self, target: Target) -> None:
        """A no of the API server is told and ends nothing: it is about words, and moves nobody."""
        routes = mesh.virtual_services(self.kube, target)
        rules = list(mesh.destination_rules(self.kube, target))
        for obj in fields.held(routes, rules, target):
            try:
                await self._patch(str(obj["kind"]), obj, fields.release)
            except RefusedError as error:
                telemetry.warn("fields not released", rollout=target.rollout, error=str(error))

    async def _patch(self, kind: str, obj: Json, patches: Patches) -> None:
        """A compare-and-swap of ``obj``, which the patch tests; nothing to do costs nothing."""
        if ops := patches(obj):
            meta = obj["metadata"]
            namespace, name = str(meta.get("namespace", "")), str(meta["name"])
            stored = self.kube.get(kind, namespace, name)
            if stored is not None and _same_version(stored, obj):
                ops = jsonpatch.fitted(ops, stored)
            await self.kube.patch(kind, namespace, name, ops)

    async def failed(self, held: Held, text: str, now: datetime) -> None:
        """An Event says why a look failed; one for each reason of an epoch."""
        once = f"{held.status.epoch}.{crc32(text.encode()):x}"
        await self._tell(held, Announce(FAILED, text, warning=True), now, once)

    async def _event(self, held: Held, told: Announce, now: datetime) -> None:
        await self._tell(held, told, now, str(held.status.epoch))

    async def _tell(self, held: Held, told: Announce, now: datetime, once: str) -> None:
        who = held.rollout
        news = News(
            *("Rollout", who.namespace, who.name, who.uid),
            once=once,
            reason=told.reason,
            note=told.because,
            warning=told.warning,
        )
        await events.tell(self.kube, news, now, Reporter("controller", self.instance))


def _same_version(one: Json, other: Json) -> bool:
    """Whether nobody wrote between the two; else the patch must fail."""
    versions = [obj["metadata"].get("resourceVersion") for obj in (one, other)]
    return bool(versions[0] == versions[1])
