"""What Deployments and pods say of themselves, and how one is scaled; nothing is sent from here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rollout import lenient
from rollout.workloads import selector

Obj = Mapping[str, Any]

REVISION = "rollout.dev/revision"
"""The label that we put on the pods of a revision of our own making."""


def strangers(pods: Iterable[Obj], slices: Sequence[Obj], stable: Obj | None) -> int:
    """How many ready endpoints of the service are not pods of the Deployment ``stable``."""
    select = stable["spec"].get("selector") if stable else None
    mine = {p["metadata"]["name"] for p in pods if stable and selector.selects(select, p)}
    return len({*endpoints(slices)} - mine)


def runs(pod: Obj) -> str:
    """The Deployment that a pod belongs to; empty when it is none's.

    Read off its ReplicaSet's name, which ends in the template's hash (Kubernetes,
    "Deployments", ``pod-template-hash``).
    """
    meta = pod["metadata"]
    labels, owners = meta.get("labels"), meta.get("ownerReferences")
    hashed = labels.get("pod-template-hash") if isinstance(labels, Mapping) else None
    for owner in owners if isinstance(owners, list) and hashed else ():
        if isinstance(owner, Mapping) and owner.get("kind") == "ReplicaSet":
            return str(owner.get("name")).removesuffix(f"-{hashed}")
    return ""


ARGO = "rollouts-pod-template-hash"
"""What Argo Rollouts labels its pods with, and its stable and canary Services select by.

Source: Argo Rollouts, ``DefaultRolloutUniqueLabelKey``, and its "Traffic Management" page.
"""


def argos(obj: Obj) -> bool:
    """Whether a pod is one of Argo Rollouts'."""
    return ARGO in lenient.mapping(lenient.meta(obj).get("labels"))


def selects_argos(service: Obj | None) -> bool:
    """Whether a Service sends requests to pods of Argo Rollouts alone, and so to none of ours."""
    return ARGO in lenient.mapping(lenient.under(service, "spec", "selector"))


def endpoints(slices: Iterable[Obj]) -> Iterator[str]:
    """Names of the pods that the slices list as ready; one pod may come twice (two families).

    Source: Kubernetes API, EndpointSlice v1, ``EndpointConditions``: a missing ``ready`` means
    true; ``ready`` is never true for a terminating pod unless the service publishes it.
    """
    for part in slices:
        for endpoint in part.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            gone = conditions.get("terminating") is True
            pod = (endpoint.get("targetRef") or {}).get("name")
            if pod and conditions.get("ready") is not False and not gone:
                yield pod


def replicas(deployment: Obj) -> int:
    """How many pods the Deployment wants; Kubernetes' default is 1."""
    count = deployment["spec"].get("replicas")
    return 1 if count is None else int(count)


def labels(deployment: Obj) -> dict[str, str]:
    """The labels that single out the Deployment's pods, as a subset names them.

    Ours, else ``version`` as Istio's users write it, else the Deployment's own selector, which
    must be its own alone (Kubernetes, "Deployments", "Selector").
    """
    template = deployment["spec"].get("template") or {}
    carried = (template.get("metadata") or {}).get("labels") or {}
    for label in (REVISION, "version"):
        if carried.get(label):
            return {label: carried[label]}
    return dict((deployment["spec"].get("selector") or {}).get("matchLabels") or {})


def scale(deployment: Obj, count: int) -> list[dict[str, Any]]:
    """The JSON Patch after which ``count`` pods are wanted; empty when they are already."""
    now = deployment["spec"].get("replicas")
    if replicas(deployment) == count:
        return []
    if now is None:
        return [{"op": "add", "path": "/spec/replicas", "value": count}]
    return [
        {"op": "test", "path": "/spec/replicas", "value": now},
        {"op": "replace", "path": "/spec/replicas", "value": count},
    ]
