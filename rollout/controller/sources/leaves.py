"""Where a rollout writes and git, too: git's object is dressed as the rollout has it now.

So a source never puts back what a rollout of ours has written; see docs/sources.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rollout import jsonpatch
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import mesh
from rollout.errors import ManifestError, OutsideError, RefusedError
from rollout.istio import destinationrule, virtualservice
from rollout.manifest import objects, record
from rollout.model.spec import Rollout
from rollout.model.status import RolloutStatus
from rollout.model.traffic import SubsetMode, Target
from rollout.reconcile import subject, wanted


class Busy(OutsideError):
    """A rollout is writing the object, or asks about it: what git says of it waits."""


@dataclass(frozen=True, slots=True)
class Driver:
    """One rollout that has adopted its service, with what it remembers."""

    rollout: Rollout
    status: RolloutStatus

    @property
    def target(self) -> Target:
        return wanted.target(self.rollout, self.status)


def drivers(kube: Kube) -> Sequence[Driver]:
    """All rollouts, whose words are those that they were adopted with."""
    return tuple(_drivers(kube.list("Rollout")))


def _drivers(objs: Iterable[Json]) -> Iterator[Driver]:
    for obj in objs:
        status = record.status(obj)
        if status.stable is None:
            continue
        try:
            rollout = objects.rollout(obj)
        except ManifestError:
            continue  # it writes nothing until it can be read
        yield Driver(subject.in_force(rollout, status), status)


def dressed(body: Json, live: Json | None, driving: Iterable[Driver], kube: Kube) -> Json:
    """``body``, git's object, with what rollouts have written on ``live`` in its place.

    One that is driven has ``live``'s resourceVersion: who writes in between is not overwritten.
    Errors: ``Busy`` where ``live`` is not as its rollout has it, ``RefusedError`` where git's
    routes cannot be joined with what the rollout asks.
    """
    group = str(body["apiVersion"]).partition("/")[0]
    if group != "networking.istio.io" or body["kind"] not in ("VirtualService", "DestinationRule"):
        return body
    made = body
    for driver in driving:
        if body["kind"] == "VirtualService":
            made = _virtual_service(made, live, driver, kube)
        elif live is not None:
            made = _destination_rule(made, live, driver)
    if live is not None and made is not body:
        version = {"resourceVersion": live["metadata"]["resourceVersion"]}
        made = {**made, "metadata": {**made["metadata"], **version}}
    return made


def _virtual_service(body: Json, live: Json | None, driver: Driver, kube: Kube) -> Json:
    target, status = driver.target, driver.status
    if not virtualservice.discover([o for o in (body, live) if o is not None], target):
        return body
    mesh.sound(body)
    route = None if wanted.released(status) else wanted.route(driver.rollout, status)
    beside = mesh.beside(kube, target, route)
    if live is not None and virtualservice.differences(mesh.sound(live), target, route, beside):
        metadata = live["metadata"]
        where = f"virtualservice {metadata['namespace']}/{metadata['name']}"
        raise Busy(f"{where}: is not as rollout {driver.rollout.name} has it; git's waits for that")
    if route is None:
        ops = virtualservice.release(body, target, status.epoch)
    else:
        ops = virtualservice.patch(body, target, route, status.epoch, beside)
    made: Json = jsonpatch.apply(body, ops)
    return made if ops else {**body}


def _destination_rule(body: Json, live: Json, driver: Driver) -> Json:
    """By role what both sides select is the rollout's word; by version it is the author's.

    What its routes name stays, whatever git has dropped: requests would have nowhere to go.
    """
    target, status = driver.target, driver.status
    if not destinationrule.governs(body, target):
        if destinationrule.governs(live, target):
            raise RefusedError(f"{_needs(driver)}, and git has it for another host")
        return body
    by_version = status.subset_mode is SubsetMode.VERSION
    alone = by_version and wanted.released(status)
    sides = {target.stable} if alone else {target.stable, target.canary}
    if by_version:
        sides -= {*destinationrule.subsets(mesh.sound(body))}
    names = {*destinationrule.made(live, target), *sides} - {""}
    return destinationrule.carried(mesh.sound(body), mesh.sound(live), names)


def use(obj: Json, driving: Iterable[Driver]) -> str:
    """Which rollout still needs ``obj``, in words; empty: none does."""
    return next((_needs(driver) for driver in driving if _uses(obj, driver)), "")


def _needs(driver: Driver) -> str:
    return f"rollout {driver.rollout.namespace}/{driver.rollout.name} still needs it"


def _uses(obj: Json, driver: Driver) -> bool:
    rollout, status, kind = driver.rollout, driver.status, str(obj["kind"])
    metadata: dict[str, Any] = obj["metadata"]
    if kind == "VirtualService":
        return not wanted.released(status) and bool(virtualservice.discover([obj], driver.target))
    if metadata.get("namespace") != rollout.namespace:
        return False
    if kind == "Deployment":
        draining = status.draining.revision if status.draining else None
        sides = (status.stable, status.attempt.canary, draining)
        return metadata["name"] in {rollout.deployment(one.name) for one in sides if one}
    if kind == "Service":
        return bool(metadata["name"] == rollout.spec.service)
    if kind == "DestinationRule":
        return destinationrule.governs(obj, driver.target)
    scaler = rollout.spec.workload.autoscaler
    return kind == "HorizontalPodAutoscaler" and bool(scaler and scaler.name == metadata["name"])
