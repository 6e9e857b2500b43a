"""The pods of a rollout's revisions: what is seen of them, and what is done to them."""

from collections.abc import Sequence

from rollout.controller import concerns
from rollout.controller.ports import Json, Kube
from rollout.errors import ConflictError, RefusedError
from rollout.model.action import EnsureWorkload, PruneWorkloads, Scale
from rollout.model.observation import SeenWorkload
from rollout.model.spec import Rollout
from rollout.model.status import Revision
from rollout.workloads import configuration, deployment, template


def asked(kube: Kube, rollout: Rollout) -> tuple[Revision | None, str]:
    """The revision git asks for now; or None, and what is missing to tell."""
    wanted = rollout.spec.workload.template
    if wanted is None:
        return Revision(rollout.spec.revision, rollout.commit), ""
    configs = _configs(kube, rollout)
    if missing := configuration.missing(wanted.get("template") or {}, configs):
        return None, f"template: {missing[0]}; make it, and the revision can be told"
    made = template.revision(wanted, configs)
    return Revision(made, rollout.commit, made), ""


def name(rollout: Rollout, revision: str) -> str:
    """The name of the Deployment that runs ``revision``."""
    pattern = rollout.spec.workload.deployments
    if pattern is None:
        return template.name(rollout.name, revision)
    return deployment.name(pattern, revision)


def interests(rollout: Rollout, revisions: Sequence[Revision]) -> frozenset[str]:
    """The concerns of the Deployments of ``revisions``, and of what the template names."""
    space = rollout.namespace
    configs = (concerns.named(one.kind, space, one.name) for one in _named(rollout))
    runs = (concerns.deployment(space, name(rollout, one.name)) for one in revisions)
    return frozenset((*configs, *runs))


def seen(kube: Kube, rollout: Rollout, revision: str) -> SeenWorkload:
    """The pods of ``revision``; those behind the Service count as ready."""
    called = name(rollout, revision)
    obj = kube.get("Deployment", rollout.namespace, called)
    pods = kube.list("Pod", concerns.deployment(rollout.namespace, called))
    return deployment.seen(revision, called, obj, pods, _slices(kube, rollout))


def strangers(kube: Kube, rollout: Rollout, stable: Revision | None) -> int:
    """Ready endpoints of the Service that are not the stable revision's."""
    called = name(rollout, stable.name) if stable else ""
    obj = kube.get("Deployment", rollout.namespace, called) if stable else None
    pods = kube.list("Pod", concerns.deployment(rollout.namespace, called))
    return deployment.strangers(pods, _slices(kube, rollout), obj)


async def ensure(kube: Kube, rollout: Rollout, action: EnsureWorkload) -> None:
    """A Deployment of ours runs the revision; its copies of the configuration stand before it.

    Errors: ``RefusedError`` when it is gone and git's template makes another revision by now.
    """
    wanted, revision = rollout.spec.workload.template or {}, action.revision.name
    if kube.get("Deployment", rollout.namespace, name(rollout, revision)) is not None:
        await scale(kube, rollout, name(rollout, revision), action.replicas)
        return
    configs = _configs(kube, rollout)
    if template.revision(wanted, configs) != revision:
        raise RefusedError(
            f"rollout {rollout.key}: the deployment of {revision} is gone, and git's template "
            "makes another one; push the old template again"
        )
    made = template.objects(rollout, revision, configs, action.replicas)
    for obj in (*made.configs, made.deployment):
        await _create(kube, obj)


async def scale(kube: Kube, rollout: Rollout, called: str, replicas: int) -> None:
    """The Deployment wants ``replicas`` pods; one that is not there wants none."""
    obj = kube.get("Deployment", rollout.namespace, called)
    if obj is not None and (ops := deployment.scale(obj, replicas)):
        await kube.patch("Deployment", rollout.namespace, called, ops)


async def prune(kube: Kube, rollout: Rollout, action: PruneWorkloads) -> None:
    """Of what we made, only the revisions to keep and the newest others are left."""
    ours = concerns.rollout_itself(rollout.namespace, rollout.name)
    kinds = ("Deployment", *sorted({one.kind for one in _named(rollout)}))
    found = [obj for kind in kinds for obj in kube.list(kind, ours)]
    owned = [obj for obj in found if template.is_ours(obj, rollout)]
    for kind, called in template.beyond(owned, action.keep, action.history):
        await kube.delete(kind, rollout.namespace, called)


async def perform(
    kube: Kube, rollout: Rollout, action: EnsureWorkload | Scale | PruneWorkloads
) -> None:
    """The action's state is the world's."""
    match action:
        case EnsureWorkload():
            await ensure(kube, rollout, action)
        case Scale():
            await scale(kube, rollout, action.name, action.replicas)
        case PruneWorkloads():
            await prune(kube, rollout, action)


async def _create(kube: Kube, obj: Json) -> None:
    """One of that name is the same thing: names end in the hash of the content."""
    meta = obj["metadata"]
    if kube.get(str(obj["kind"]), str(meta["namespace"]), str(meta["name"])) is not None:
        return
    try:
        await kube.create(obj)
    except ConflictError:
        return


def _named(rollout: Rollout) -> tuple[configuration.Named, ...]:
    return configuration.named((rollout.spec.workload.template or {}).get("template") or {})


def _configs(kube: Kube, rollout: Rollout) -> list[Json]:
    found = (kube.get(one.kind, rollout.namespace, one.name) for one in _named(rollout))
    return [obj for obj in found if obj is not None]


def _slices(kube: Kube, rollout: Rollout) -> Sequence[Json]:
    return kube.list("EndpointSlice", concerns.host(rollout.host))
