"""One revision's Deployment and its pods as a SeenWorkload."""

from collections.abc import Iterable, Mapping
from typing import Any

from rollout.model.observation import SeenWorkload
from rollout.workloads import build, selector, trouble
from rollout.workloads import deployment as deployments

Obj = Mapping[str, Any]


def seen(
    revision: str,
    name: str,
    deployment: Obj | None,
    pods: Iterable[Obj],
    slices: Iterable[Obj],
) -> SeenWorkload:
    """What is to be known of ``revision``'s pods.

    ``pods``, ``slices``: all of the namespace that might matter; ``slices`` only those of the
    service (label ``kubernetes.io/service-name``). Ready are pods that the service sends
    requests to: a pod that is ready and not an endpoint yet carries nothing.
    """
    if deployment is None:
        problem = f"there is no deployment {name}"
        return SeenWorkload(revision, name, exists=False, problem=problem)
    mine = [p for p in pods if selector.selects(deployment["spec"].get("selector"), p)]
    ready = {*deployments.endpoints(slices)} & {p["metadata"]["name"] for p in mine}
    wanted = deployments.replicas(deployment)
    short = len(ready) < max(wanted, 1)
    return SeenWorkload(
        revision=revision,
        deployment=name,
        exists=True,
        wanted=wanted,
        ready=len(ready),
        labels=deployments.labels(deployment),
        problem=trouble.words(deployment, mine) if short else "",
        build=build.of(deployment),
        replacing=build.replacing(deployment),
    )
