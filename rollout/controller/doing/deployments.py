"""The Deployments of a rollout's revisions: made, scaled, pruned; ``seeing/pods.py`` sees them."""

from rollout.controller import telemetry
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import concerns, pods
from rollout.controller.seeing.pods import HPA
from rollout.errors import ConflictError, RefusedError
from rollout.model.action import EnsureWorkload, HandOver, PruneWorkloads, Scale
from rollout.model.spec import Rollout
from rollout.workloads import deployment, hpa, template


async def perform(
    kube: Kube, rollout: Rollout, action: EnsureWorkload | Scale | HandOver | PruneWorkloads
) -> None:
    """The action's state is the world's.

    Errors: ``RefusedError`` when a pod template is wanted that git no longer makes.
    """
    match action:
        case EnsureWorkload():
            await _ensure(kube, rollout, action)
        case Scale():
            await _scale(kube, rollout, action.name, action.replicas)
        case HandOver():
            await hand_over(kube, rollout, action)
        case PruneWorkloads():
            await _prune(kube, rollout, action)


async def hand_over(kube: Kube, rollout: Rollout, action: HandOver) -> None:
    """The autoscaler scales that Deployment; whoever wrote it meanwhile is not overwritten.

    A no of the API server is told and does not end the look: gates are judged on.
    """
    obj = kube.get(HPA, rollout.namespace, action.name)
    if obj is None or not (ops := hpa.hand_over(obj, action.deployment)):
        return
    try:
        await kube.patch(HPA, rollout.namespace, action.name, [unchanged(obj), *ops])
    except RefusedError as error:
        telemetry.warn("autoscaler not handed over", rollout=rollout.key, error=str(error))


async def _ensure(kube: Kube, rollout: Rollout, action: EnsureWorkload) -> None:
    """A Deployment of ours runs the revision; its copies of the configuration stand before it.

    Errors: ``RefusedError`` when it is gone and git's template makes another revision by now.
    """
    wanted, revision = rollout.spec.workload.template or {}, action.revision.name
    called = rollout.deployment(revision)
    if (there := kube.get("Deployment", rollout.namespace, called)) is not None:
        ops = [*deployment.scale(there, action.replicas), *template.settle(there, wanted)]
        if ops:
            await kube.patch("Deployment", rollout.namespace, called, ops)
        return
    configs = pods.configurations(kube, rollout)
    if template.revision(wanted, configs) != revision:
        raise RefusedError(
            f"rollout {rollout.key}: the deployment of {revision} is gone, and git's template "
            "makes another one; push the old template again"
        )
    made = template.objects(rollout, revision, configs, action.replicas)
    for obj in (*made.configs, made.deployment):
        await _create(kube, obj)


async def _scale(kube: Kube, rollout: Rollout, called: str, replicas: int) -> None:
    """The Deployment wants ``replicas`` pods; one that is not there wants none."""
    obj = kube.get("Deployment", rollout.namespace, called)
    if obj is not None and (ops := deployment.scale(obj, replicas)):
        await kube.patch("Deployment", rollout.namespace, called, ops)


async def _prune(kube: Kube, rollout: Rollout, action: PruneWorkloads) -> None:
    """Of what we made, only the revisions to keep and the newest others are left."""
    ours = concerns.rollout_itself(rollout.namespace, rollout.name)
    kinds = ("Deployment", *sorted({one.kind for one in pods.named(rollout)}))
    found = [obj for kind in kinds for obj in kube.list(kind, ours)]
    owned = [obj for obj in found if template.is_ours(obj, rollout)]
    for obj in template.beyond(owned, action.keep, action.history):
        meta = obj["metadata"]
        await kube.delete(obj["kind"], rollout.namespace, meta["name"], str(meta.get("uid", "")))


async def _create(kube: Kube, obj: Json) -> None:
    """One of that name is the same thing: names end in the hash of the content."""
    meta = obj["metadata"]
    if kube.get(str(obj["kind"]), str(meta["namespace"]), str(meta["name"])) is not None:
        return
    try:
        await kube.create(obj)
    except ConflictError:
        return
