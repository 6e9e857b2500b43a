"""One action of a switchover to its calls; every action says a state, so twice is once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from rollout import lenient
from rollout.controller.keeping import events
from rollout.controller.keeping.events import News, Reporter
from rollout.controller.ports import Json
from rollout.controller.switching import seeing
from rollout.controller.switching.clusters import Connections, Reached
from rollout.controller.switching.seeing import KIND, Observer
from rollout.controller.switching.store import Held, Store
from rollout.dns import endpoint
from rollout.errors import ConflictError, OutsideError, RefusedError
from rollout.manifest import switchovers
from rollout.model.action import Announce, LetGo
from rollout.model.switching import RestartGateway, SetWeights, SwitchAction
from rollout.model.switchover import Side, Switchover

RESTARTED = "kubectl.kubernetes.io/restartedAt"
MAY_RESTART = "rollout.dev/may-restart"
"""On a gateway of the controller's own cluster, in another namespace: its owner's consent."""


@dataclass(slots=True)
class Performer:
    """Does actions, and nothing that is done already."""

    connections: Connections
    observer: Observer
    store: Store
    instance: str

    async def do(self, held: Held, action: SwitchAction, now: datetime) -> None:
        """The action's state is the world's. Errors: any of ours."""
        match action:
            case SetWeights():
                await self._weigh(held.switchover, action)
            case RestartGateway():
                await self._restart(held.switchover, action)
            case Announce():
                await self._tell(held, action, now)
            case LetGo():
                await self.store.remove_finalizer(held)
            case _:
                assert_never(action)

    async def _weigh(self, switchover: Switchover, action: SetWeights) -> None:
        """Every record has its weight; what rises is written first, and a conflict stops it all."""
        reached = {side: await self.connections.of(switchover, side) for side in Side}
        places = await self.observer.places(switchover, reached)
        if places.silent:
            raise OutsideError(places.silent[0])
        _unchanged(places.objs, action.versions)
        records = endpoint.found(switchover.spec, places.objs).records
        patches = endpoint.patches(records, places.objs, action.split)
        for name, ops in patches.items():
            await self._patch(switchover, reached, name, ops)

    async def _patch(
        self, switchover: Switchover, reached: Mapping[Side, Reached], name: str, ops: list[Json]
    ) -> None:
        for entry in switchover.spec.dns.endpoints:
            if seeing.place(switchover, entry) != name:
                continue
            remote = seeing.where(self.connections, reached, entry)
            if isinstance(remote, str):
                raise OutsideError(f"{name}: {remote}")
            namespace = entry.namespace or switchover.namespace
            await seeing.timely(name, remote.patch(KIND, namespace, entry.name, ops))

    async def _restart(self, switchover: Switchover, action: RestartGateway) -> None:
        """As ``kubectl rollout restart`` does it; pods that were begun since are left alone."""
        cluster, one = switchover.spec.cluster(action.side), action.side
        gateway, reached = cluster.gateway, await self.connections.of(switchover, one)
        where = f"{one}: deployment {gateway.namespace}/{gateway.workload}"
        if reached.remote is None:
            raise OutsideError(f"{where}: {reached.problem}")
        obj = await reached.remote.fetch("Deployment", gateway.namespace, gateway.workload)
        if obj is None:
            raise RefusedError(f"{where}: is not there")
        abroad = cluster.kubeconfig is None and gateway.namespace != switchover.namespace
        if abroad and lenient.annotations(obj).get(MAY_RESTART) != switchover.key:
            wanted = f"annotation {MAY_RESTART}: {switchover.key}"
            raise RefusedError(f"{where}: is another namespace's; {wanted} is wanted on it")
        at = action.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if ops := _restarting(obj, at):
            name = gateway.workload
            await reached.remote.patch("Deployment", gateway.namespace, name, ops)

    async def _tell(self, held: Held, told: Announce, now: datetime) -> None:
        who = held.switchover
        news = News(
            *(switchovers.KIND, who.namespace, who.name, who.uid),
            once=str(held.status.epoch),
            reason=told.reason,
            note=told.because,
            warning=told.warning,
        )
        reporter = Reporter("controller", self.instance)
        await events.tell(self.connections.home, news, now, reporter)


def _unchanged(objs: Mapping[str, Json], versions: Mapping[str, str]) -> None:
    for name in sorted({*objs, *versions}):
        if lenient.meta(objs.get(name, {})).get("resourceVersion") != versions.get(name):
            raise ConflictError(f"{name}: was written since it was seen; looked at again")


def _restarting(obj: Json, at: str) -> list[Json]:
    """The patch that begins the pods anew, unless they were since ``at``."""
    version = lenient.text(lenient.meta(obj).get("resourceVersion"))
    template = lenient.mapping(lenient.under(obj, "spec", "template"))
    known = lenient.annotations(template)
    if known.get(RESTARTED, "") >= at:
        return []
    path = "/spec/template/metadata"
    ops: list[Json] = [{"op": "test", "path": "/metadata/resourceVersion", "value": version}]
    if not lenient.mapping(template.get("metadata")):
        ops.append({"op": "add", "path": path, "value": {}})
    if not known:
        ops.append({"op": "add", "path": f"{path}/annotations", "value": {}})
    key = RESTARTED.replace("/", "~1")
    return [*ops, {"op": "add", "path": f"{path}/annotations/{key}", "value": at}]
