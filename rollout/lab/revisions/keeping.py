"""What istiods write by themselves: bundles and strictness of webhooks, and the root everywhere.

Source: istio/istio, pkg/webhooks/webhookpatch.go (``caBundle`` of every injection webhook that
carries the own revision), pkg/webhooks/validation/controller (bundle and ``failurePolicy: Fail``
once it can answer), pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go.
"""

from base64 import b64encode
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime

from rollout.lab.cluster import pods
from rollout.lab.kube.client import CONFIGMAP, MUTATING, NAMESPACE, POD, VALIDATING, Kind, Object
from rollout.lab.kube.watched import Create, Patch, Plan, Watched, Write
from rollout.lab.revisions import config
from rollout.lab.revisions.names import REV
from rollout.lab.revisions.planes import Planes

KINDS = (MUTATING, VALIDATING, NAMESPACE, CONFIGMAP, POD)


def plan(planes: Planes, watched: Watched, now: datetime) -> Plan:
    """What makes webhooks and roots as the istiods that answer want them."""
    del now  # who answers decides
    writes: list[Write] = []
    for kind in (MUTATING, VALIDATING):
        for obj in watched.all(kind):
            writes += _hooked(planes, kind, obj)
    if any(True for _ in planes.replicas()):
        for space in watched.all(NAMESPACE):
            writes += _rooted(planes, watched, space)
    return Plan(writes)


def _hooked(planes: Planes, kind: Kind, obj: Object) -> Iterator[Write]:
    """Only webhooks that say whose they are, and whose istiod answers."""
    pem = planes.bundle(pods.labels(obj).get(REV, ""))
    if not pem:
        return
    hooks = deepcopy(obj.get("webhooks") or [])
    for hook in hooks:
        hook["clientConfig"]["caBundle"] = b64encode(pem.encode()).decode()
        if kind is VALIDATING:
            hook["failurePolicy"] = "Fail"
    if hooks != obj.get("webhooks"):
        # With the version it was read at: whoever has written meanwhile is not written over.
        meta = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        yield Patch(kind, "", obj["metadata"]["name"], {"metadata": meta, "webhooks": hooks})


def _rooted(planes: Planes, watched: Watched, space: Object) -> Iterator[Write]:
    if pods.leaving(space):
        return
    wanted = config.root(space["metadata"]["name"], planes.root)
    meta = wanted["metadata"]
    there = watched.find(CONFIGMAP, meta["namespace"], meta["name"])
    if there is None:
        yield Create(CONFIGMAP, wanted)
    elif there.get("data") != wanted["data"]:
        yield Patch(CONFIGMAP, meta["namespace"], meta["name"], {"data": wanted["data"]})
