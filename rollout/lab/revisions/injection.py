"""A pod as the injector of a revision wants it; pure.

Source: istio/istio, pkg/kube/inject (``inject.go``, ``webhook.go``): what is skipped, what is
merged by name, and what the annotations say of it.
"""

import json
from copy import deepcopy

from rollout.lab.cluster import identity, pods
from rollout.lab.kube.client import Object
from rollout.lab.revisions import sidecar
from rollout.lab.revisions.names import REV, Revision
from rollout.lab.revisions.sidecar import INIT, PROXY

STATUS = "sidecar.istio.io/status"
_INJECT = "sidecar.istio.io/inject"
_TEMPLATES = "inject.istio.io/templates"
_IGNORED = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
_SCRAPED = {
    "prometheus.io/path": "/stats/prometheus",
    "prometheus.io/port": "15020",
    "prometheus.io/scrape": "true",
}


def injected(pod: Object, namespace: str, revision: Revision) -> Object | None:
    """The pod with its proxy; None where none is wanted.

    An ``istio-proxy`` that is there already, of a person or of another injector, keeps what it
    says: of two injectors the first gives the image, the second the annotations. Where one makes
    it a container and the other an init container, the API server refuses the pod.
    """
    if _is_skipped(pod, namespace):
        return None
    found = deepcopy(pod)
    owner = _owner(pod, namespace)
    gateway = is_gateway(pod)
    proxy = sidecar.proxy(revision, pod, owner, gateway=gateway)
    spec = found["spec"]
    native = revision.native and not gateway
    inits = [] if gateway else [sidecar.init(revision)]
    spec["initContainers"] = _merged(
        spec.get("initContainers") or [], [*inits, *([proxy] if native else [])], first=native
    )
    spec["containers"] = _merged(spec["containers"], [] if native else [proxy], first=False)
    if not spec["initContainers"]:
        del spec["initContainers"]
    spec["volumes"] = _merged(spec.get("volumes") or [], sidecar.volumes(), first=True)
    found["metadata"]["labels"] = _labels(pod, owner[0], gateway=gateway)
    found["metadata"]["annotations"] = _annotations(pod, revision, native=native, gateway=gateway)
    return found


def revision_of(pod: Object) -> str:
    """Whose injector the pod met, by its annotation; empty if it met none."""
    return str((pod["metadata"].get("annotations") or {}).get(REV, ""))


def proxies(pod: Object) -> list[Object]:
    """The proxy's containers of a pod: one, or none, or too many."""
    spec = pod["spec"]
    boxes = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return [each for each in boxes if each["name"] == PROXY]


def _is_skipped(pod: Object, namespace: str) -> bool:
    meta = pod["metadata"]
    said = {**(meta.get("annotations") or {}), **(meta.get("labels") or {})}.get(_INJECT)
    return bool(pod["spec"].get("hostNetwork")) or namespace in _IGNORED or said == "false"


def is_gateway(pod: Object) -> bool:
    """It wants the proxy of a gateway: nothing beside it, and nothing behind it."""
    return (pod["metadata"].get("annotations") or {}).get(_TEMPLATES) == "gateway"


def _owner(pod: Object, namespace: str) -> tuple[str, str]:
    """The workload's name, and its path in the API."""
    digest = pods.labels(pod).get("pod-template-hash", "")
    for each in pod["metadata"].get("ownerReferences") or ():
        if each["kind"] == "ReplicaSet" and digest:
            name = str(each["name"]).removesuffix(f"-{digest}")
            return name, f"apps/v1/namespaces/{namespace}/deployments/{name}"
        plural = f"{str(each['kind']).lower()}s"
        name = str(each["name"])
        return name, f"{each['apiVersion']}/namespaces/{namespace}/{plural}/{name}"
    name = str(pod["metadata"].get("name") or pod["metadata"].get("generateName", "").rstrip("-"))
    return name, f"v1/namespaces/{namespace}/pods/{name}"


def _merged(own: list[Object], added: list[Object], *, first: bool) -> list[Object]:
    """By name: what is there keeps what the template does not say, but for an ``auto`` image."""
    named = {each["name"]: each for each in own}
    fresh = [each for each in added if each["name"] not in named]
    kept = [
        _overlaid(each, next((new for new in added if new["name"] == each["name"]), None))
        for each in own
    ]
    return [*fresh, *kept] if first else [*kept, *fresh]


def _overlaid(own: Object, template: Object | None) -> Object:
    """Source: istio/istio, pkg/kube/inject/webhook.go, ``reapplyOverwrittenContainers``."""
    if template is None:
        return own
    said = {key: value for key, value in own.items() if value not in ("auto", None, {})}
    for field, key in (("ports", "containerPort"), ("env", "name"), ("volumeMounts", "mountPath")):
        there = {each[key] for each in own.get(field) or ()}
        more = [each for each in template.get(field, ()) if each[key] not in there]
        said[field] = [*(own.get(field) or ()), *more]
    return {**template, **said}


def discovery(pod: Object) -> str:
    """The istiod that its proxy goes to, as host and port; empty without a proxy."""
    for box in proxies(pod)[:1]:
        for each in box.get("env") or ():
            if each["name"] == "CA_ADDR":
                return str(each.get("value", ""))
    return ""


def _labels(pod: Object, workload: str, *, gateway: bool) -> dict[str, str]:
    named = deepcopy(pod)
    named["metadata"].setdefault("name", workload)
    found = {
        "service.istio.io/canonical-name": identity.canonical_service(named),
        "service.istio.io/canonical-revision": identity.canonical_revision(named),
    }
    return pods.labels(pod) | found | ({} if gateway else {"security.istio.io/tlsMode": "istio"})


def _annotations(pod: Object, revision: Revision, *, native: bool, gateway: bool) -> dict[str, str]:
    own = dict(pod["metadata"].get("annotations") or {})
    first = next(
        (each["name"] for each in pod["spec"]["containers"] if each["name"] != PROXY), PROXY
    )
    logs = {
        "kubectl.kubernetes.io/default-container": first,
        "kubectl.kubernetes.io/default-logs-container": first,
    }
    inits = [] if gateway else [INIT, *([PROXY] if native else [])]
    status = {
        "initContainers": inits or None,
        "containers": None if native else [PROXY],
        "volumes": list(sidecar.VOLUMES),
        "imagePullSecrets": None,
        "revision": revision.name,
    }
    text = json.dumps(status, separators=(",", ":"))
    return ({} if gateway else logs) | own | {REV: revision.name, **_SCRAPED, STATUS: text}
