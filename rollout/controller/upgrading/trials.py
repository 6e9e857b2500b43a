"""What is tried on the API server and never done: a pod, and two objects of Istio's configuration.

Istio's webhooks declare that they have no side effects, so the API server asks them in a dry run,
too. Source: Kubernetes, "API concepts", "Dry-run".
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from rollout.controller.ports import Json, Trials
from rollout.errors import RefusedError
from rollout.istio.revisions import proxies
from rollout.model.mesh import REV
from rollout.model.upgradelook import Brake, Tried, Try

_NAME = "rollout-try"
_QUIET = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What the Pod Security Standard "restricted" asks of a container."""


def pod(wanted: Try) -> dict[str, Any]:
    """A pod that nobody could object to, so that what is refused of it is injection's."""
    small = {"cpu": "1m", "memory": "1Mi"}
    container = {
        "name": "try",
        "image": "registry.k8s.io/pause:3.10",
        "securityContext": _QUIET,
        "resources": {"requests": small, "limits": small},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": _NAME,
            "namespace": wanted.namespace,
            "labels": {"app": _NAME, **dict(wanted.labels)},
        },
        "spec": {"containers": [container], "restartPolicy": "Never"},
    }


def virtual_service(namespace: str, *, good: bool, revision: str = "") -> dict[str, Any]:
    """A VirtualService that istiod takes, or one that it must refuse.

    ``revision``: whose own webhook is asked besides; it takes objects that bear its label.
    No schema minds that the bad one has no host, and a route to nowhere; only istiod does.
    Source: istio/istio, ``pkg/config/validation/validation.go``, ``ValidateVirtualService``.
    """
    route = [{"destination": {"host": f"{_NAME}.invalid"}}]
    labels = {REV: revision} if revision else {}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": _NAME, "namespace": namespace, "labels": labels},
        "spec": {
            "hosts": [f"{_NAME}.invalid"] if good else [],
            "http": [{"route": route if good else []}],
        },
    }


async def tried(trials: Trials, wanted: Iterable[Try]) -> dict[Try, Tried]:
    """What became of every pod that was tried; one that nobody could say anything of is left out.

    Errors: ``OutsideError`` when there is no answer at all.
    """
    asked = tuple(wanted)
    answers = await asyncio.gather(*(_tried(trials, one) for one in asked))
    return dict(zip(asked, answers, strict=True))


async def _tried(trials: Trials, wanted: Try) -> Tried:
    try:
        made = await trials.attempt(pod(wanted))
    except RefusedError as error:
        return Tried(refused=str(error))
    return read(made)


def read(made: Json) -> Tried:
    """What injection made of the pod."""
    seen = proxies.pod(made)
    return Tried(seen.revision, seen.proxies, seen.image)


async def brake(trials: Trials, namespace: str, ahead: str = "") -> Brake:
    """Whether a good VirtualService would be taken, and a bad one not. Errors: as ``tried``.

    ``ahead``: the revision that is to validate next, asked by its label; empty: none.
    Source: istio/istio, the chart ``istio-control/istio-discovery``,
    ``validatingwebhookconfiguration.yaml``: each revision validates what bears its label.
    """
    asked = [
        virtual_service(namespace, good=True),
        virtual_service(namespace, good=False),
        *([virtual_service(namespace, good=True, revision=ahead)] if ahead else []),
    ]
    good, bad, *next_one = await asyncio.gather(*(_refusal(trials, obj) for obj in asked))
    return Brake(good, unguarded=not bad, ahead="".join(next_one) if not good else "")


async def _refusal(trials: Trials, obj: Json) -> str:
    try:
        await trials.attempt(obj)
    except RefusedError as error:
        return str(error) or "refused"
    return ""
