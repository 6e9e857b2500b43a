"""Why pods do not come up, in words for a tired person; the worst reason first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rollout.model.units import sentence

Obj = Mapping[str, Any]

_PULL = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_LONGEST = 160
"""Of a foreign message: enough for a name and a reason."""


def words(deployment: Obj, pods: Sequence[Obj]) -> str:
    """One phrase for why the pods are not all ready, or "" when they are only not there yet."""
    name = deployment["metadata"]["name"]
    if deployment["spec"].get("paused"):
        return f"deployment {name} is paused: kubectl rollout resume deployment {name}"
    refused = _refused(deployment)
    if refused:
        return f"deployment {name} may not start pods: {refused}"
    found = sorted(t for pod in pods for t in _of_pod(pod))
    return found[0][1] if found else ""


def _refused(deployment: Obj) -> str:
    """Quota, admission, missing service account: the API server said no.

    Source: Kubernetes API, DeploymentCondition ``ReplicaFailure``.
    """
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            message = str(condition.get("message") or condition.get("reason") or "no reason given")
            return _quota(message) or _short(message.partition(" is forbidden: ")[2] or message)
    return ""


def _quota(message: str) -> str:
    """A quota's refusal with its decisive words last; empty for any other.

    Source: Kubernetes, plugin/pkg/admission/resourcequota/controller.go, "exceeded quota".
    """
    name, _, amounts = message.partition("exceeded quota: ")[2].partition(", requested: ")
    requested, _, rest = amounts.partition(", used: ")
    limited = rest.partition(", limited: ")[2]
    if not (name and requested and limited):
        return ""
    return f"quota {name} allows {limited}, {requested} more is wanted"


def _of_pod(pod: Obj) -> Iterator[tuple[int, str]]:
    """What is wrong with one pod: rank (0 is worst) and phrase; nothing if it is ready."""
    name = pod["metadata"]["name"]
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return
    conditions = {c.get("type"): c for c in status.get("conditions") or ()}
    placed = conditions.get("PodScheduled") or {}
    if placed.get("status") == "False":
        yield 2, f"pod {name} has no node: {_short(placed.get('message') or 'none fits')}"
    if status.get("reason") == "Evicted":
        yield 1, f"pod {name} was evicted: {_short(status.get('message') or 'no reason given')}"
    starting = status.get("initContainerStatuses") or ()
    for container in (*starting, *(status.get("containerStatuses") or ())):
        yield from _of_container(name, container)
    unready = (conditions.get("Ready") or {}).get("status") == "False"
    if unready and status.get("phase") == "Running":
        yield 3, f"pod {name} runs but is not ready"


def _of_container(pod: str, status: Obj) -> Iterator[tuple[int, str]]:
    waiting = (status.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason")
    if reason in _PULL:
        yield 0, f"pod {pod} cannot pull image {status.get('image')} ({reason})"
    elif reason in _CONFIG:
        yield 0, f"pod {pod} cannot start {status.get('name')}: {_short(waiting.get('message'))}"
    elif reason == "CrashLoopBackOff":
        yield 0, f"pod {pod} crashes: {_last(status)}"


def _last(status: Obj) -> str:
    """How a container ended last, and how often it did."""
    ended = (status.get("lastState") or {}).get("terminated") or {}
    why = ended.get("reason") or "CrashLoopBackOff"
    if why == "Error":
        why = f"exit code {ended.get('exitCode')}"
    return f"{status.get('name')} ended with {why}, {status.get('restartCount', 0)} restarts"


def _short(text: object) -> str:
    return sentence(" ".join(str(text or "no reason given").split()), _LONGEST)
