"""A mesh in memory: what Kubernetes and two istiods make of the objects in a ``FakeKube``.

Only objects are kept. Pods follow their templates at ``settle``, and who injects them follows from
the webhooks' selectors at that moment; nothing here knows of an upgrade.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollout.controller.ports import Answers, Json
from rollout.errors import RefusedError
from rollout.istio.revisions import webhooks
from rollout.istio.revisions.selection import Selection
from rollout.model.mesh import Hook
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    NoAnswer,
    PodCount,
    Value,
    ValueQuestion,
)
from rollout.model.status import Outcome
from tests.fakes import FakeKube

SYSTEM = "istio-system"
OLD, NEW = "1-29-6", "1-30-3"
MUTATING, VALIDATING = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
BUCKETS = tuple(timedelta(milliseconds=ms) for ms in (50, 250, 1000))


def version(revision: str) -> str:
    return revision.replace("-", ".")


def istiod(revision: str, replicas: int = 2) -> list[dict[str, Any]]:
    """A control plane's objects, as the chart ``istiod`` names and labels them."""
    labels = {"app": "istiod", "istio.io/rev": revision, "istio": "pilot"}
    name = f"istiod-{revision}"
    container = {"name": "discovery", "image": f"docker.io/istio/pilot:{version(revision)}"}
    pods = {
        "metadata": {"labels": {**labels, "sidecar.istio.io/inject": "false"}},
        "spec": {"containers": [container]},
    }
    where = {"namespace": SYSTEM, "labels": labels}
    return [
        {
            "kind": "Deployment",
            "apiVersion": "apps/v1",
            "metadata": {"name": name, **where},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": pods,
            },
            "status": {"readyReplicas": replicas, "replicas": replicas, "updatedReplicas": replicas,
                       "observedGeneration": 9},
        },
        {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {"name": name, **where},
            "spec": {"selector": {"app": "istiod", "istio.io/rev": revision}},
        },
        endpoints(name, replicas),
        {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {"name": f"istio-{revision}", **where},
            "data": {"mesh": "trustDomain: cluster.local\n"},
        },
        {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {"name": f"istio-sidecar-injector-{revision}", **where},
            "data": {"values": injector_config(revision), "config": "{}"},
        },
        injector(f"istio-sidecar-injector-{revision}", revision),
        validator(f"istio-validator-{revision}-{SYSTEM}", revision),
    ]  # fmt: skip


def injector_config(revision: str) -> str:
    """What a revision's injector says of the proxies that it injects."""
    proxy = {"image": "proxyv2"}
    values = {"global": {"hub": "docker.io/istio", "tag": version(revision), "proxy": proxy}}
    return json.dumps(values)


def endpoints(service: str, count: int) -> dict[str, Any]:
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": f"{service}-x",
            "namespace": SYSTEM,
            "labels": {"kubernetes.io/service-name": service},
        },
        "endpoints": [
            {"addresses": [f"10.0.0.{n}"], "conditions": {"ready": True}} for n in range(count)
        ],
    }


def _in(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


def _not(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "DoesNotExist"}


_YES = {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}


def injector(name: str, revision: str, tag: str = "") -> dict[str, Any]:
    """Selectors as ``istioctl tag set`` and the chart write them."""
    called = tag or revision
    hooks = [
        ("rev.namespace", [_in("istio.io/rev", called), _not("istio-injection")], [_YES]),
        (
            "rev.object",
            [_not("istio.io/rev"), _not("istio-injection")],
            [_YES, _in("istio.io/rev", called)],
        ),
    ]
    if tag == "default":
        hooks += [
            ("namespace", [_in("istio-injection", "enabled")], [_YES]),
            (
                "object",
                [_not("istio-injection"), _not("istio.io/rev")],
                [_in("sidecar.istio.io/inject", "true"), _not("istio.io/rev")],
            ),
        ]
    return {
        "kind": MUTATING,
        "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {
            "name": name,
            "labels": {
                "istio.io/rev": revision,
                **({"istio.io/tag": tag} if tag else {"app": "sidecar-injector"}),
            },
        },
        "webhooks": [
            {
                "name": f"{short}.sidecar-injector.istio.io",
                "clientConfig": _calls(revision, "/inject"),
                "failurePolicy": "Fail",
                "namespaceSelector": {"matchExpressions": namespace},
                "objectSelector": {"matchExpressions": pod},
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                    }
                ],
            }
            for short, namespace, pod in hooks
        ],
    }


def _calls(revision: str, path: str) -> dict[str, Any]:
    service = {"name": f"istiod-{revision}", "namespace": SYSTEM, "path": path, "port": 443}
    return {"caBundle": "cm9vdA==", "service": service}


def validator(name: str, revision: str, *, default: bool = False) -> dict[str, Any]:
    own = {} if default else {"matchExpressions": [_in("istio.io/rev", revision)]}
    hook = "validation.istio.io" if default else "rev.validation.istio.io"
    return {
        "kind": VALIDATING,
        "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {"name": name, "labels": {"app": "istiod", "istio.io/rev": revision}},
        "webhooks": [
            {
                "name": hook,
                "clientConfig": _calls(revision, "/validate"),
                "failurePolicy": "Fail",
                "objectSelector": own,
            }
        ],
    }


def tag(name: str, revision: str) -> list[dict[str, Any]]:
    """Both carriers of a tag."""
    return [
        injector(f"istio-revision-tag-{name}", revision, name),
        {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {
                "name": f"istiod-revision-tag-{name}",
                "namespace": SYSTEM,
                "labels": {"app": "istiod", "istio.io/rev": revision, "istio.io/tag": name},
            },
            "spec": {"selector": {"app": "istiod", "istio.io/rev": revision}},
        },
    ]


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}},
        "status": {"phase": "Active"},
    }


def root(space: str) -> dict[str, Any]:
    """The root that proxies trust, as istiod writes it into every namespace."""
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "istio-ca-root-cert", "namespace": space},
        "data": {"root-cert.pem": "root"},
    }


def definition(name: str) -> dict[str, Any]:
    """One of Istio's CRDs."""
    return {
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {"name": f"{name}.istio.io"},
        "spec": {"versions": [{"name": "v1", "served": True}]},
    }


def workload(
    space: str, name: str, replicas: int = 2, kind: str = "Deployment", **labels: str
) -> dict[str, Any]:
    """A Deployment, or another that makes pods from a template."""
    own = {"app": name, **labels}
    container = {"name": "app", "image": "shop:1", "readinessProbe": {}}
    return {
        "kind": kind,
        "apiVersion": "apps/v1",
        "metadata": {"name": name, "namespace": space},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": own},
            "template": {"metadata": {"labels": own}, "spec": {"containers": [container]}},
        },
    }


def gateway(space: str, name: str, replicas: int = 3) -> dict[str, Any]:
    """An injected gateway, as the chart ``gateway`` writes it."""
    made = workload(space, name, replicas, istio="ingress")
    template = made["spec"]["template"]
    template["metadata"]["labels"] |= {"istio.io/rev": OLD, "sidecar.istio.io/inject": "true"}
    template["metadata"]["annotations"] = {"inject.istio.io/templates": "gateway"}
    template["spec"]["containers"] = [{"name": "istio-proxy", "image": "auto"}]
    return made


@dataclass
class Mesh:
    """The cluster; ``unready``: namespaces whose new pods never get ready.

    ``deaf``: istiods that do not answer webhooks. ``silent``: ``/debug/syncz`` cannot be asked.
    ``refusing``: pods (``namespace``) whose proxies refuse what ``NEW`` sends.
    ``naked``: namespaces whose pods start without a proxy whatever the webhooks say.
    ``runs``: the version of a revision that is not the one of its name.
    ``machines``: revisions at which a proxy outside of the cluster is connected.
    ``native``: the proxies of ``NEW`` stand among the init containers.
    ``rejects``, ``convergence``: what the new istiod counts, and its seconds to the proxies.
    ``broken``: namespaces whose requests fail since then, one in five.
    ``watch``: told after every change of pods.
    """

    kube: FakeKube = field(default_factory=FakeKube)
    unready: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    silent: bool = False
    refusing: set[str] = field(default_factory=set)
    naked: set[str] = field(default_factory=set)
    machines: set[str] = field(default_factory=set)
    broken: dict[str, datetime] = field(default_factory=dict)
    rejects: float = 0.0
    convergence: float = 0.0
    native: bool = False
    runs: dict[str, str] = field(default_factory=dict)
    nothing_counted: bool = False
    at_once: int = 2
    watch: Callable[["Mesh"], None] = lambda _: None

    def __post_init__(self) -> None:
        self.kube.admit = self.admitted

    def put(self, *objs: Mapping[str, Any]) -> None:
        for obj in objs:
            meta = obj["metadata"]
            key = str(obj["kind"]), str(meta.get("namespace", "")), str(meta["name"])
            self.kube.put(obj)
            assert key in self.kube.objects

    def get(self, kind: str, space: str, name: str) -> Json:
        return self.kube.objects[kind, space, name]

    def labels(self, space: str) -> dict[str, str]:
        return dict(self.get("Namespace", "", space)["metadata"].get("labels") or {})

    # Admission

    def called(self, space: Mapping[str, str], pod: Mapping[str, str]) -> Sequence[Hook]:
        """The webhooks that are asked about a pod of these labels, in a namespace of those."""
        found = map(webhooks.injector, self.kube.list(MUTATING))
        return Selection(each for each in found if each is not None).called(space, pod)

    def admitted(self, obj: Json) -> Json:
        """What the API server makes of an object that is to be made: webhooks are asked."""
        if obj["kind"] == "Pod":
            return self.injected(obj)
        if obj["kind"] == "VirtualService":
            return self.validated(obj)
        return obj

    def injected(self, pod: Json) -> Json:
        space, meta = str(pod["metadata"]["namespace"]), pod["metadata"]
        if (meta.get("annotations") or {}).get("sidecar.istio.io/inject") == "false":
            return pod
        for hook in self.called(self.labels(space), meta.get("labels") or {}):
            revision = hook.calls.service.removeprefix("istiod-")
            if not self.serves(revision):
                raise RefusedError(f'failed calling webhook "{hook.name}": no endpoints')
            pod = with_proxy(pod, revision, native=self.native and revision == NEW)
            if revision in self.runs:
                pod = json.loads(json.dumps(pod).replace(version(revision), self.runs[revision]))
        return pod

    def serves(self, revision: str) -> bool:
        """Whether an istiod is there and answers."""
        there = self.kube.objects.get(("Deployment", SYSTEM, f"istiod-{revision}"))
        service = self.kube.objects.get(("Service", SYSTEM, f"istiod-{revision}"))
        return there is not None and service is not None and revision not in self.deaf

    def validated(self, obj: Json) -> Json:
        for each in self.kube.list(VALIDATING):
            hook = each["webhooks"][0]
            own = (hook.get("objectSelector") or {}).get("matchExpressions") or ()
            labels = obj["metadata"].get("labels") or {}
            if any(labels.get(one["key"]) not in one["values"] for one in own):
                continue
            name = hook["clientConfig"]["service"]["name"]
            if not self.serves(name.removeprefix("istiod-")):
                raise RefusedError(f'failed calling webhook "{hook["name"]}": {name} is gone')
            if not obj["spec"]["hosts"]:
                raise RefusedError("virtual service must have at least one host")
        return obj

    # What runs

    def settle(self, steps: int = 1) -> None:
        """Every controller of Kubernetes does the next thing it has to do."""
        for _ in range(steps):
            for kind in ("Deployment", "ArgoRollout", "StatefulSet", "DaemonSet"):
                for obj in self.kube.list(kind):
                    if obj["metadata"]["namespace"] != SYSTEM and "template" in obj["spec"]:
                        self._rolled(obj)
            self._orphans()
            self.watch(self)

    def _rolled(self, obj: Json) -> None:
        if obj["kind"] not in SETS_OF_REPLICAS:
            self._set(obj)
            return
        space, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        wanted, template = obj["spec"].get("replicas", 1), obj["spec"]["template"]
        made_of = [template, at] if (at := obj["spec"].get("restartAt")) else template
        stamp = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:8]
        pods = self.pods_of(obj)
        fresh = [pod for pod in pods if stamp_of(pod) == stamp]
        stale = [pod for pod in pods if pod not in fresh]
        ready = [pod for pod in fresh if is_ready(pod)]
        for pod in stale[: max(0, len(ready) + len(stale) - wanted)]:
            self._drop(pod)
        for pod in fresh[wanted:]:
            self._drop(pod)
        for place in range(len(fresh), min(wanted, len(fresh) + self.at_once)):
            try:
                self._make(obj, space, name, stamp, place)
            except RefusedError:
                return

    def _set(self, obj: Json) -> None:
        """A StatefulSet or DaemonSet, one pod at a time, and in order where there is one.

        A StatefulSet waits until every pod is ready, also before it replaces one that is not.
        Source: kubernetes, ``pkg/controller/statefulset/stateful_set_control.go``.
        """
        spec, space, name = obj["spec"], obj["metadata"]["namespace"], obj["metadata"]["name"]
        wanted = spec.get("replicas", NODES) if obj["kind"] == "StatefulSet" else NODES
        stamp = hashlib.sha256(json.dumps(spec["template"]).encode()).hexdigest()[:8]
        pods = {place_of(pod): pod for pod in self.pods_of(obj)}
        missing = [place for place in range(wanted) if place not in pods]
        waits = obj["kind"] == "StatefulSet" and not all(map(is_ready, pods.values()))
        if missing and not waits:
            self._make(obj, space, name, stamp, missing[0])
        strategy = spec.get("updateStrategy") or {}
        least = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        if missing or strategy.get("type") == "OnDelete" or not all(map(is_ready, pods.values())):
            return
        stale = [n for n, pod in pods.items() if n >= least and stamp_of(pod) != stamp]
        if stale:
            self._drop(pods[max(stale)])

    def pods_of(self, obj: Json) -> list[Json]:
        meta = obj["metadata"]
        wanted = obj["kind"], meta["namespace"], meta["name"]
        return [pod for pod in self.kube.list("Pod") if made_by(pod) == wanted]

    def _make(self, obj: Json, space: str, name: str, stamp: str, place: int) -> None:
        template = obj["spec"]["template"]
        marked = SETS_OF_REPLICAS.get(obj["kind"], "pod-template-hash")
        labels = {**template["metadata"]["labels"], marked: stamp, "kind": obj["kind"]}
        owner = "ReplicaSet" if obj["kind"] in SETS_OF_REPLICAS else obj["kind"]
        by = f"{name}-{stamp}" if owner == "ReplicaSet" else name
        called, own = f"{by}-{place}", {"kind": owner, "name": by, "controller": True}
        pod = {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {
                "name": called if owner == "StatefulSet" else f"{called}-{self.kube._version}",
                "namespace": space,
                "labels": labels,
                "annotations": dict(template["metadata"].get("annotations") or {}),
                "ownerReferences": [own],
            },
            "spec": dict(template["spec"]),
        }
        made = pod if space in self.naked else self.injected(pod)
        ready = "False" if space in self.unready else "True"
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
        self.kube.put({**made, "status": status})

    def heal(self) -> None:
        """Every pod that was not ready gets ready."""
        self.unready.clear()
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        for pod in self.kube.list("Pod"):
            if not is_ready(pod):
                self.kube.put({**pod, "status": ready})

    def _drop(self, pod: Json) -> None:
        meta = pod["metadata"]
        del self.kube.objects["Pod", meta["namespace"], meta["name"]]

    def _orphans(self) -> None:
        """Pods go with what made them."""
        for pod in self.kube.list("Pod"):
            if made_by(pod) not in self.kube.objects:
                self._drop(pod)

    def proxies(self) -> dict[str, list[str]]:
        """Pod to the revisions of its proxies."""
        return {
            f"{p['metadata']['namespace']}/{p['metadata']['name']}": revisions_of(p)
            for p in self.kube.list("Pod")
        }

    # istiod, as it is asked

    async def pages(
        self, revisions: Sequence[tuple[str, str, str]]
    ) -> Sequence[tuple[str, object]] | None:
        if self.silent:
            return None
        return [(name, list(self._page(name))) for name, _, _ in revisions]

    def _page(self, revision: str) -> Iterable[dict[str, Any]]:
        if revision in self.machines:
            yield {"proxy": "vm.far", "cluster_sent": "n1", "cluster_acked": "n1"}
        for pod in self.kube.list("Pod"):
            meta = pod["metadata"]
            by = (meta.get("annotations") or {}).get("istio.io/rev")
            if by == revision and revisions_of(pod) and is_ready(pod):
                refuses = revision == NEW and meta["namespace"] in self.refusing
                yield {
                    "proxy": f"{meta['name']}.{meta['namespace']}",
                    "istio_version": version(revision),
                    "cluster_sent": "n1",
                    "cluster_acked": "" if refuses else "n1",
                    "resources": {
                        "type.googleapis.com/envoy.config.cluster.v3.Cluster": {
                            "sent": "n1",
                            "acked": "" if refuses else "n1",
                            "lastError": "unknown filter" if refuses else "",
                        }
                    },
                }

    # Prometheus, as it is asked

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        if self.nothing_counted:
            names = dict.fromkeys(q.metric for q in counts)
            return (), (), tuple(NoAnswer(n, Outcome.ERROR, "prometheus is down") for n in names)
        found = tuple(
            Counts(q.metric, at, tuple(self._counted(q, at)), BUCKETS if slow(q) else ())
            for q in counts
            for at in q.instants
        )
        return found, tuple(Value(q.metric, q.instant, self._value(q)) for q in values), ()

    def _value(self, question: ValueQuestion) -> float:
        if "pilot_xds{" in question.promql:
            return 10.0
        if "convergence" in question.promql:
            return self.convergence
        return self.rejects if "rejects" in question.promql else 0.0

    def _counted(self, question: CountsQuestion, at: datetime) -> Iterable[PodCount]:
        for side, whose in question.sides.items():
            then = at - whose.ago
            for space in whose.namespaces:
                total = int(then.timestamp()) % 10_000_000 * 20
                since = self.broken.get(space)
                bad = int((then - since).total_seconds() * 4) if since and then > since else 0
                bads = tuple(0 for _ in question.bounds or BUCKETS) if slow(question) else (bad,)
                yield PodCount(side, f"{space}/pod", bads, total)


def slow(question: CountsQuestion) -> bool:
    return question.counting is Counting.SLOW


def with_proxy(pod: Json, revision: str, *, native: bool = False) -> Json:
    """The pod after injection; injected twice it has two proxies."""
    meta, spec = pod["metadata"], pod["spec"]
    image = f"docker.io/istio/proxyv2:{version(revision)}"
    others = [c for c in spec["containers"] if c.get("image") != "auto"]
    place = "initContainers" if native else "containers"
    beside = list(spec.get("initContainers") or ()) if native else others
    proxy = {"name": "istio-proxy", "image": image} | (
        {"restartPolicy": "Always"} if native else {}
    )
    return {
        **pod,
        "metadata": {
            **meta,
            "annotations": {**(meta.get("annotations") or {}), "istio.io/rev": revision},
        },
        "spec": {**spec, "containers": others, place: [*beside, proxy]},
    }


NODES = 3
"""So many nodes has the cluster, and so many pods a DaemonSet."""


SETS_OF_REPLICAS: Mapping[str, str] = {
    "Deployment": "pod-template-hash",
    "ArgoRollout": "rollouts-pod-template-hash",
}
"""Kinds whose pods ReplicaSets make, and the label by which each of these knows its own.

An Argo Rollout's pods are made anew by ``spec.restartAt``, too. Source: Argo Rollouts, "Restarting
Rollout Pods".
"""


def made_by(pod: Json) -> tuple[str, str, str]:
    """The workload that the pod belongs to, as ``FakeKube`` keeps it."""
    meta, name = pod["metadata"], pod["metadata"]["ownerReferences"][0]["name"]
    kind = meta["labels"]["kind"]
    return kind, meta["namespace"], name.rpartition("-")[0] if kind in SETS_OF_REPLICAS else name


def place_of(pod: Json) -> int:
    """A pod's number among those of its set."""
    owner = pod["metadata"]["ownerReferences"][0]["name"]
    return int(pod["metadata"]["name"].removeprefix(f"{owner}-").partition("-")[0])


def stamp_of(pod: Json) -> str:
    """The template that the pod was made from."""
    labels = pod["metadata"]["labels"]
    return str(labels[SETS_OF_REPLICAS.get(labels["kind"], "pod-template-hash")])


def is_ready(pod: Json) -> bool:
    return any(c["status"] == "True" for c in pod["status"]["conditions"])


def revisions_of(pod: Json) -> list[str]:
    spec = pod["spec"]
    every = (*spec["containers"], *(spec.get("initContainers") or ()))
    images = [c["image"] for c in every if c["name"] == "istio-proxy"]
    return [image.rpartition(":")[2].replace(".", "-") for image in images]


def ground(*spaces: str) -> list[dict[str, Any]]:
    """What Istio's base brings, and what istiod writes into every namespace."""
    crds = ("virtualservices.networking.istio.io", "peerauthentications.security.istio.io")
    return [
        *(
            {
                "kind": "CustomResourceDefinition",
                "metadata": {"name": name},
                "spec": {"versions": [{"name": "v1", "served": True}]},
            }
            for name in crds
        ),
        *(
            {
                "kind": "ConfigMap",
                "metadata": {"name": "istio-ca-root-cert", "namespace": space},
                "data": {"root-cert.pem": "root"},
            }
            for space in spaces
        ),
    ]


def front(space: str, name: str) -> dict[str, Any]:
    """The Service before a gateway's pods."""
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": space},
        "spec": {"selector": {"app": name, "istio": "ingress"}},
    }


def built(*, spaces: int = 3, works: int = 2, on: FakeKube | None = None) -> Mesh:
    """A mesh at ``OLD`` with ``NEW`` beside it, a tag and the default, and pods at rest.

    ``on``: where its objects are; by default on a server of its own.
    ``shop1`` … by ``istio-injection``, every second by ``istio.io/rev``; ``tagged`` by tag prod.
    """
    mesh = Mesh(on or FakeKube())
    mesh.put(namespace(SYSTEM), *istiod(OLD), *istiod(NEW), *tag("prod", OLD), *tag("default", OLD))
    mesh.put(validator("istiod-default-validator", OLD, default=True))
    for number in range(1, spaces + 1):
        by = {"istio-injection": "enabled"} if number % 2 else {"istio.io/rev": OLD}
        mesh.put(namespace(f"shop{number}", **by))
        mesh.put(*(workload(f"shop{number}", f"web{n}") for n in range(works)))
    mesh.put(namespace("tagged", **{"istio.io/rev": "prod"}), workload("tagged", "web"))
    mesh.put(namespace("ingress"), gateway("ingress", "gw"))
    mesh.put(
        {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {"name": "gw", "namespace": "ingress"},
            "spec": {"selector": {"istio": "ingress"}},
        }
    )
    names = [f"shop{number}" for number in range(1, spaces + 1)]
    mesh.put(*(root(name) for name in (SYSTEM, *names, "tagged", "ingress")))
    mesh.put(*map(definition, ("virtualservices.networking", "peerauthentications.security")))
    mesh.settle(4)
    return mesh


def carriers(mesh: Mesh) -> dict[str, object]:
    """Everything that says which revision something is at, byte by byte but for versions."""
    found: dict[str, object] = {}
    for (kind, space, name), obj in mesh.kube.objects.items():
        if kind in ("Namespace", MUTATING, VALIDATING, "Service"):
            meta = obj["metadata"]
            found[f"{kind} {space}/{name}"] = json.dumps(
                [meta.get("labels"), meta.get("annotations"), obj.get("webhooks"), obj.get("spec")],
                sort_keys=True,
            )
    return found
