"""The pods of a rollout's revisions, as the cache shows them; ``doing/deployments.py`` acts."""

from collections.abc import Sequence
from dataclasses import replace

from rollout import lenient
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import concerns, mesh
from rollout.istio import owner
from rollout.model.observation import SeenAutoscaler, SeenWorkload
from rollout.model.spec import Rollout
from rollout.model.status import Revision
from rollout.workloads import build, configuration, deployment, hpa, observed, selector, template

HPA = "HorizontalPodAutoscaler"


def asked(
    kube: Kube, rollout: Rollout, before: Revision | None = None
) -> tuple[Revision | None, str]:
    """The revision git asks for now; or None, and what is missing to tell.

    With ``deployments:`` its content is the Deployment's that is there now.
    ``before``: one that git may have gone back to, told by its copies of what is missing.
    """
    wanted = rollout.spec.workload.template
    if wanted is None:
        name = rollout.spec.revision
        runs = kube.get("Deployment", rollout.namespace, rollout.deployment(name))
        content, image = (build.of(runs), build.image(runs)) if runs else ("", "")
        return Revision(name, rollout.commit, content, image=image), ""
    configs = configurations(kube, rollout)
    if missing := configuration.missing(wanted.get("template") or {}, configs):
        if before is not None and _makes(kube, rollout, before, configs):
            return replace(before, commit=rollout.commit), ""
        return None, f"template: {missing[0]}; make it, and the revision can be told"
    made = template.revision(wanted, configs)
    image = build.image({"spec": wanted})
    return Revision(made, rollout.commit, made, image=image), ""


def _makes(kube: Kube, rollout: Rollout, revision: Revision, configs: Sequence[Json]) -> bool:
    """Whether git's template makes ``revision``, what is missing being as its copies have it."""
    here = {(obj["kind"], obj["metadata"]["name"]) for obj in configs}
    gone = [one for one in named(rollout) if (one.kind, one.name) not in here]
    copies = (kube.get(one.kind, rollout.namespace, f"{one.name}-{revision.name}") for one in gone)
    kept = configuration.originals((obj for obj in copies if obj is not None), revision.name)
    wanted = rollout.spec.workload.template or {}
    return template.revision(wanted, (*configs, *kept)) == revision.name


def interests(rollout: Rollout, revisions: Sequence[Revision]) -> frozenset[str]:
    """The concerns of the Deployments of ``revisions``, and of what the template names."""
    space = rollout.namespace
    configs = (concerns.named(one.kind, space, one.name) for one in named(rollout))
    runs = (concerns.deployment(space, rollout.deployment(one.name)) for one in revisions)
    return frozenset((*configs, *runs))


def seen(kube: Kube, rollout: Rollout, revision: str) -> SeenWorkload:
    """The pods of ``revision``; those behind the Service count as ready.

    Without the Service nobody can say which those are.
    """
    called = rollout.deployment(revision)
    if problem := mesh.unserved(kube, rollout):
        return SeenWorkload(revision, called, exists=True, problem=problem, known=False)
    obj = _deployment(kube, rollout, called)
    pods = kube.list("Pod", concerns.deployment(rollout.namespace, called))
    workload = observed.seen(revision, called, obj, pods, _slices(kube, rollout))
    service = kube.get("Service", rollout.namespace, rollout.spec.service)
    if workload.exists and not workload.ready and deployment.selects_argos(service):
        why = f"service {rollout.spec.service} selects Argo's {deployment.ARGO}"
        workload = replace(workload, problem=why)
    if obj is None or rollout.spec.workload.template is None:
        return workload
    return replace(workload, outdated=template.outdated(obj, rollout.spec.workload.template))


def of(kube: Kube, rollout: Rollout, revision: str) -> list[Json]:
    """The pods of ``revision``, ready or not; none without its Deployment."""
    called = rollout.deployment(revision)
    obj = _deployment(kube, rollout, called)
    select = lenient.mapping(lenient.under(obj, "spec", "selector"))
    pods = kube.list("Pod", concerns.deployment(rollout.namespace, called)) if select else ()
    return [pod for pod in pods if selector.selects(select, pod)]


def strangers(kube: Kube, rollout: Rollout, stable: Revision | None) -> int:
    """Ready endpoints of the Service that are not the stable revision's."""
    called = rollout.deployment(stable.name) if stable else ""
    obj = _deployment(kube, rollout, called) if stable else None
    pods = kube.list("Pod", concerns.deployment(rollout.namespace, called))
    return deployment.strangers(pods, _slices(kube, rollout), obj)


def autoscaler(kube: Kube, rollout: Rollout, name: str) -> SeenAutoscaler:
    """The autoscaler that the spec names."""
    obj = kube.get(HPA, rollout.namespace, name)
    if obj is None:
        return SeenAutoscaler(name, exists=False, problem=f"hpa {name} is missing")
    obj = mesh.sound(obj)
    return SeenAutoscaler(name, True, hpa.target(obj), hpa.problem(obj), owner.owner(obj))


def _deployment(kube: Kube, rollout: Rollout, called: str) -> Json | None:
    """Errors: ``RefusedError`` for an odd one: of its labels we would make a subset."""
    obj = kube.get("Deployment", rollout.namespace, called)
    return None if obj is None else mesh.sound(obj)


def named(rollout: Rollout) -> tuple[configuration.Named, ...]:
    """The ConfigMaps and Secrets that the pod template names; none without a template."""
    return configuration.named((rollout.spec.workload.template or {}).get("template") or {})


def configurations(kube: Kube, rollout: Rollout) -> list[Json]:
    """Those of ``named`` that are there."""
    found = (kube.get(one.kind, rollout.namespace, one.name) for one in named(rollout))
    return [obj for obj in found if obj is not None]


def _slices(kube: Kube, rollout: Rollout) -> Sequence[Json]:
    return kube.list("EndpointSlice", concerns.host(rollout.host))
