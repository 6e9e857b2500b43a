"""What one look sees of the mesh, remembered while nothing of it changes."""

from rollout.controller.ports import Kube
from rollout.controller.seeing import mesh
from rollout.istio import traffic
from rollout.istio.beside import NOBODY
from rollout.memo import Memo
from rollout.model.observation import SeenTraffic
from rollout.model.traffic import Route, Target

_SEEN: Memo[SeenTraffic] = Memo()


def seen(kube: Kube, target: Target, route: Route | None) -> SeenTraffic:
    """What one look sees of the mesh, as ``traffic.seen`` has it; of sound objects.

    The very value of the look before while each object is the same, and so is what is asked.
    """
    services = mesh.virtual_services(kube, target)
    rules = mesh.destination_rules(kube, target)
    near = mesh.beside(kube, target, route)

    def work() -> SeenTraffic:
        return traffic.seen(services, rules, target, route, near)

    if near is not NOBODY:
        return work()
    return _SEEN.of((*services, *rules), (len(services), target, route), work)
