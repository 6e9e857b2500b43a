"""Switchovers put together, to run along with the controller."""

from rollout.controller.app import Beside, Controller
from rollout.controller.switching.following import Beyond, Following


def switching(edges: Beyond) -> Beside:
    """What looks at switchovers for as long as the controller runs."""

    async def beside(controller: Controller) -> None:
        following = Following(
            edges,
            controller.clock,
            controller.leads,
            controller.settings.identity,
            controller.inbox,
            controller.metrics,
            controller.parting,
            controller.alarms,
        )
        controller.when_leading(following.begin)
        await following.run()

    return beside
