"""The pods of a rollout's revisions: what is seen of them, and what is done to them."""

from collections.abc import Mapping

from rollout.controller import concerns
from rollout.controller.ports import Json, Kube
from rollout.controller.store import Held
from rollout.errors import RefusedError
from rollout.model.action import EnsureWorkload, PruneWorkloads, Scale
from rollout.model.observation import SeenWorkload
from rollout.model.spec import Rollout
from rollout.model.status import Revision
from rollout.reconcile import wanted

HASH = "pod-template-hash"


def asked(rollout: Rollout) -> Revision:
    """The revision git asks for now."""
    return Revision(rollout.spec.revision, rollout.commit)


def deployments(rollout: Rollout, revisions: tuple[Revision, ...]) -> frozenset[str]:
    """The names of the Deployments that run ``revisions``."""
    return frozenset(wanted.deployment(rollout, revision.name) for revision in revisions)


def seen(kube: Kube, rollout: Rollout, revision: str) -> SeenWorkload:
    """The pods of ``revision``, those behind the Service counted as ready."""
    name = wanted.deployment(rollout, revision)
    obj = kube.get("Deployment", rollout.namespace, name)
    if obj is None:
        return SeenWorkload(revision, name, exists=False)
    template = obj["spec"]["template"]["metadata"].get("labels") or {}
    return SeenWorkload(
        revision=revision,
        deployment=name,
        exists=True,
        wanted=int(obj["spec"].get("replicas", 1)),
        ready=len(_ready(kube, rollout) & _pods(kube, rollout.namespace, name)),
        labels=_single_out(kube, rollout, template),
    )


def strangers(kube: Kube, rollout: Rollout, stable: Revision | None) -> int:
    """Ready endpoints of the Service that are not the stable revision's."""
    mine: frozenset[str] = frozenset()
    if stable is not None:
        mine = _pods(kube, rollout.namespace, wanted.deployment(rollout, stable.name))
    return len(_ready(kube, rollout) - mine)


async def perform(kube: Kube, held: Held, action: EnsureWorkload | Scale | PruneWorkloads) -> None:
    """The action's state is the world's."""
    if not isinstance(action, Scale):
        raise RefusedError(f"rollout {held.key}: templates are not supported yet")
    namespace = held.rollout.namespace
    obj = kube.get("Deployment", namespace, action.name)
    if obj is None:
        return
    now = obj["spec"].get("replicas", 1)
    if now == action.replicas:
        return
    test = {"op": "test", "path": "/spec/replicas", "value": now}
    change = {"op": "replace", "path": "/spec/replicas", "value": action.replicas}
    await kube.patch("Deployment", namespace, action.name, [test, change])


def _single_out(kube: Kube, rollout: Rollout, template: Mapping[str, str]) -> Mapping[str, str]:
    service = kube.get("Service", rollout.namespace, rollout.spec.service)
    selector = (service or {}).get("spec", {}).get("selector") or {}
    return {k: v for k, v in template.items() if k not in selector and k != HASH}


def _pods(kube: Kube, namespace: str, name: str) -> frozenset[str]:
    found = kube.list("Pod", concerns.deployment(namespace, name))
    return frozenset(str(pod["metadata"]["name"]) for pod in found)


def _ready(kube: Kube, rollout: Rollout) -> frozenset[str]:
    """Names of the pods behind the Service that are ready."""
    slices = kube.list("EndpointSlice", concerns.host(rollout.host))
    return frozenset(
        str(endpoint["targetRef"]["name"])
        for one in slices
        for endpoint in one.get("endpoints") or ()
        if _is_ready(endpoint) and (endpoint.get("targetRef") or {}).get("kind") == "Pod"
    )


def _is_ready(endpoint: Json) -> bool:
    """Unknown means ready (Kubernetes API, EndpointConditions)."""
    return (endpoint.get("conditions") or {}).get("ready", True) is not False
