"""What the next look at an upgrade must see; nothing is fetched from here."""

from datetime import datetime

from rollout.model.inventory import Inventory
from rollout.model.ref import Ref
from rollout.model.upgrade import ControlPlaneUpgrade
from rollout.model.upgradelook import MeshObservation, MeshQuestions, Try
from rollout.model.upgrading import Standing, State, UpgradeStatus
from rollout.upgrade import gateways, gating, journal, stages, tags, waves, wayback
from rollout.upgrade.installing import source
from rollout.upgrade.look import UNDER_WAY, Look, namespaces
from rollout.upgrade.stops import current


def ask(
    upgrade: ControlPlaneUpgrade, status: UpgradeStatus, inventory: Inventory, now: datetime
) -> MeshQuestions:
    """Everything the next ``decide`` at about ``now`` must see besides ``inventory`` itself."""
    if status.state not in UNDER_WAY:
        return MeshQuestions(brake=False)
    counts, values = gating.questions(upgrade, status, now)
    rules = status.state in (State.PREFLIGHT, State.NODES)
    old = status.attempt.asked_from or upgrade.spec.from_
    return MeshQuestions(
        preflight=rules,
        record=old if status.state is State.PREFLIGHT else "",
        objects=_objects(upgrade, status, inventory),
        tries=_tries(upgrade, status, inventory, now),
        brake_ahead=status.attempt.asked_to if status.state is State.TAGS else "",
        counts=counts,
        values=values,
        groups=gating.groups(upgrade, status, now),
    )


def _objects(
    upgrade: ControlPlaneUpgrade, status: UpgradeStatus, inventory: Inventory
) -> tuple[Ref, ...]:
    """What we changed, and what the next change is made from."""
    refs = [*journal.refs(status.attempt.changes)]
    stop, new = current(upgrade.spec, status), status.attempt.asked_to
    if status.state is State.TAGS:
        refs += tags.carriers(inventory, stop.tag or stop.name, new)
    if stop.wave is not None and stop.wave.tag is not None:
        refs += tags.carriers(inventory, stop.wave.tag, new)
    if stop.gateway is not None:
        refs += gateways.objects(stop.gateway, inventory, new)
    if status.state is State.INSTALL and upgrade.spec.install.sail is not None:
        refs.append(Ref("SailIstio", "", upgrade.spec.install.sail.istio))
    if status.state is State.INSTALL and upgrade.spec.install.manifests is not None:
        refs.append(source(upgrade.spec.install.manifests))
    if status.state is State.REMOVE:
        refs += [each.ref for each in status.attempt.recorded]
    return tuple(dict.fromkeys(refs))


def _tries(
    upgrade: ControlPlaneUpgrade, status: UpgradeStatus, inventory: Inventory, now: datetime
) -> tuple[Try, ...]:
    """Pods to try: where the next restart would make them."""
    if status.state is State.INSTALL:
        wanted = stages.probe(Look(upgrade, status, MeshObservation(inventory), now))
        return (wanted,) if wanted else ()
    labelled = [n.name for n in namespaces(status) if n.standing is Standing.LABELLED]
    if status.state is State.RETURNING:
        unit = wayback.unit(status)
        labelled = [name for name in labelled if unit and name in unit.spaces]
    return tuple(waves.tries(name) for name in labelled)
