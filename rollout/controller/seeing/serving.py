"""Whose pods the routes of a service really reach: subset, labels, pods, Deployment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rollout import lenient
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import choosing, concerns
from rollout.model.observation import SeenTraffic, Serving
from rollout.model.spec import Rollout
from rollout.model.status import Revision
from rollout.workloads import build, deployment, selector, template


def reached(
    kube: Kube, rollout: Rollout, traffic: SeenTraffic
) -> Mapping[str, tuple[Serving, ...]]:
    """By subset the Deployments that its requests come to; "" is the whole service.

    A pod counts by its own labels, a Deployment without ready pods by its template's.
    A subset that no rule defines reaches nobody.
    """
    serve, idle = _serve(kube, rollout), _Idle(kube, rollout)
    names = dict.fromkeys(name for division in traffic.divisions for name in division.shares)
    found: dict[str, tuple[Serving, ...]] = {}
    for name in names:
        selects = traffic.subsets.get(name) if name else {}
        if selects is None:
            found[name] = ()
            continue
        ready = ((obj, pods, _ready(pods, selects)) for obj, pods in serve)
        here = tuple(_serving(rollout, obj, count, pods) for obj, pods, count in ready if count)
        found[name] = here or tuple(_serving(rollout, obj, 0) for obj in idle.selected(selects))
    return found


Runs = tuple[Json | None, tuple[Json, ...]]
"""A Deployment, or None, and those of its pods that are endpoints."""


def _serve(kube: Kube, rollout: Rollout) -> list[Runs]:
    """Every Deployment with pods behind the Service, and the pods there that belong to none."""
    space = rollout.namespace
    slices = kube.list("EndpointSlice", concerns.host(rollout.host))
    pods: dict[tuple[str, bool], list[Json]] = {}
    for name in sorted({*deployment.endpoints(slices)}):
        if (pod := kube.get("Pod", space, name)) is not None:
            runs = deployment.runs(pod)
            there = runs and kube.get("Deployment", space, runs) is not None
            argos = not there and deployment.argos(pod)
            pods.setdefault((runs if there else "", argos), []).append(pod)
    return [
        (kube.get("Deployment", space, name) if name else None, tuple(mine))
        for (name, _), mine in pods.items()
    ]


def _ready(pods: Iterable[Json], selects: Mapping[str, str]) -> int:
    return sum(selector.matches(selects, _labels(pod)) for pod in pods)


@dataclass(slots=True)
class _Idle:
    """Deployments whose pods would stand behind the Service, if they had any; looked up once."""

    kube: Kube
    rollout: Rollout
    _found: list[Json] | None = None

    def selected(self, selects: Mapping[str, str]) -> Iterator[Json]:
        if self._found is None:
            self._found = list(self._behind())
        return (obj for obj in self._found if selector.matches(selects, _pod_labels(obj)))

    def _behind(self) -> Iterator[Json]:
        """Found by one label that the Service asks for; a name tells more apart than a word."""
        space = self.rollout.namespace
        service = self.kube.get("Service", space, self.rollout.spec.service)
        wanted = lenient.texts(lenient.under(service, "spec", "selector"))
        if wanted:
            key, value = max(wanted.items(), key=lambda pair: (len(pair[1]), pair))
            for obj in self.kube.list("Deployment", choosing.carried(space, key, value)):
                if selector.matches(wanted, _pod_labels(obj)):
                    yield obj


def _serving(rollout: Rollout, obj: Json | None, ready: int, pods: Sequence[Json] = ()) -> Serving:
    if obj is None:
        return Serving("", None, ready, argo=any(map(deployment.argos, pods)))
    name = str(obj["metadata"]["name"])
    revision = rollout.revision_of(name)
    if rollout.spec.workload.template is not None:
        content = revision if template.is_ours(obj, rollout) else ""
    else:
        content = build.of(obj) if revision else ""
    found = Revision(revision, "", content, image=build.image(obj)) if content else None
    return Serving(name, found, ready)


def _labels(obj: Json) -> Mapping[str, str]:
    """The labels of an object, or of a pod template."""
    found: Mapping[str, str] = (obj.get("metadata") or {}).get("labels") or {}
    return found


def _pod_labels(obj: Json) -> Mapping[str, str]:
    return _labels(obj["spec"].get("template") or {})
