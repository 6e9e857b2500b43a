"""Upgrades put together, to run along with the controller."""

from collections.abc import Mapping

from rollout.controller.app import Beside, Controller
from rollout.controller.instruments import Planes
from rollout.controller.keeping.inbox import Box
from rollout.controller.ports import Istiods
from rollout.controller.upgrading.doing import Performer
from rollout.controller.upgrading.following import Upgrades
from rollout.controller.upgrading.keeping import UpgradeStore
from rollout.controller.upgrading.looks import UpgradeLooks
from rollout.controller.upgrading.seeing import Surveyor
from rollout.manifest.upgrades import KIND
from rollout.upgrade.requests import answered_in_chat


def upgrading(istiods: Istiods | None, definitions: Mapping[str, str]) -> Beside:
    """What looks at upgrades for as long as the controller runs.

    ``definitions``: kinds that an API server may lack, to the names of their definitions.
    """

    async def beside(controller: Controller) -> None:
        outside, kube = controller.outside, controller.outside.kube
        store = UpgradeStore(kube, controller.parting)
        looks = UpgradeLooks(
            store=store,
            surveyor=Surveyor(
                kube, kube, kube, outside.metrics, istiods, definitions, controller.inbox
            ),
            performer=Performer(kube, store, controller.settings.identity),
            metrics=controller.metrics,
            clock=controller.clock,
            leads=controller.leads,
        )
        upgrades = Upgrades(looks, kube, kube, alarms=controller.alarms)
        box = Box(store, answered_in_chat, upgrades.wake)
        upgrades.when_seen = lambda: controller.inbox.boxes.update({KIND: box})
        controller.metrics.watch(Planes(upgrades.known))
        controller.moved_by = upgrades.moving
        controller.when_leading(upgrades.wake_all)
        await upgrades.run()

    return beside
