"""One action to its calls on the ports; every action says a state, so twice is once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from rollout.controller import telemetry, traffic
from rollout.controller.ports import Chat, Json, Kube
from rollout.controller.store import Held, Store, unchanged
from rollout.errors import ConflictError, RefusedError, RolloutError
from rollout.istio import destinationrule, virtualservice
from rollout.model.action import (
    Action,
    Announce,
    AskApproval,
    EnsureWorkload,
    LetGo,
    PointSubset,
    PruneWorkloads,
    ReleaseRoutes,
    RemoveSubset,
    Scale,
    SetRoute,
)
from rollout.model.spec import GROUP, VERSION

REPORTER = f"{GROUP}/controller"
NOTE = 1024  # the longest note of an Event (Kubernetes API, events.k8s.io/v1)


@dataclass(slots=True)
class Performer:
    """Does actions, and nothing that is done already.

    ``instance``: this process, as Events name who reported them.
    """

    kube: Kube
    store: Store
    chat: Chat | None
    instance: str

    async def do(self, held: Held, action: Action, now: datetime) -> None:
        """The action's state is the world's.

        Errors: any of ours; ``ConflictError`` also when an object carries a newer epoch.
        Saying something never fails: it must not keep traffic from being put right.
        """
        match action:
            case SetRoute():
                await self._set_route(action)
            case ReleaseRoutes():
                await self._release(action)
            case PointSubset():
                await self._point(action)
            case RemoveSubset():
                await self._remove(action)
            case EnsureWorkload():
                await self._ensure(held, action)
            case Scale():
                await self._scale(held, action.name, action.replicas)
            case PruneWorkloads():
                await self._prune(held, action)
            case AskApproval():
                await self._say(held, action)
            case Announce():
                await self._event(held, action, now)
                await self._say(held, action)
            case LetGo():
                await self.store.let_go(held)
            case _:
                assert_never(action)

    async def _set_route(self, action: SetRoute) -> None:
        target = action.target
        await self._patch_all(
            (obj, virtualservice.patch(obj, target, action.route, action.epoch))
            for obj in traffic.virtual_services(self.kube, target)
        )
