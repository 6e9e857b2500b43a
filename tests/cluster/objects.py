"""Services with everything around them, one for each kind of journey."""

from typing import Any

from rollout.lab.kube.client import Object

STEPS = [{"weight": 10, "bake": "1s"}, {"weight": 50, "bake": "1s"}]
LIMIT = {"name": "errors-limit", "query": "errors", "max": 1, "failures": {"consecutive": 1}}
ISTIO = "networking.istio.io/v1"


def rollout(space: str, name: str, revision: str | None = "v1", **spec: Any) -> Object:
    """A canary over two Deployments, judged by a value of Prometheus; ``spec`` says otherwise."""
    plain = {
        "service": name,
        "workload": {"deployments": name + "-{revision}"},
        "strategy": {"canary": {"steps": STEPS}},
        "analysis": {"interval": "1s", "metrics": [LIMIT]},
    }
    if revision is not None:
        plain["revision"] = revision
    return _obj("rollout.dev/v1alpha1", "Rollout", space, name, plain | spec)


def service(space: str, name: str) -> list[Object]:
    """A Service and the VirtualService that sends to it."""
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]}
    return [_obj("v1", "Service", space, name, spec), mesh(space, name, name)]


def mesh(space: str, name: str, host: str) -> Object:
    route = [{"destination": {"host": host}}]
    spec = {"hosts": [host], "http": [{"route": route}]}
    return _obj(ISTIO, "VirtualService", space, name, spec)


def quota(space: str, name: str, hard: Any) -> Object:
    return _obj("v1", "ResourceQuota", space, name, {"hard": hard})


def deployment(space: str, name: str, revision: str, replicas: int = 1) -> Object:
    labels = {"app": name, "version": revision}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container(revision)]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    return _obj("apps/v1", "Deployment", space, f"{name}-{revision}", spec)


def with_subsets(space: str, name: str) -> list[Object]:
    """Subsets by version, as many people write them: none is ours to make."""
    subsets = [{"name": one, "labels": {"version": one}} for one in ("v1", "v2")]
    rule = {"host": name, "subsets": subsets}
    route = [{"destination": {"host": name, "subset": "v1"}}]
    mesh = {"hosts": [name], "http": [{"route": route}]}
    return [
        _obj(ISTIO, "DestinationRule", space, name, rule),
        _obj(ISTIO, "VirtualService", space, name, mesh),
    ]


def template(image: str, name: str, **pod: Any) -> Object:
    labels = {"app": name}
    spec = {"containers": [container(image)], **pod}
    return {
        "replicas": 1,
        "minReadySeconds": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": spec},
    }


def container(tag: str) -> Object:
    probe = {"httpGet": {"path": "/", "port": 8080}}
    ports = [{"name": "http", "containerPort": 8080}]
    return {"name": "app", "image": f"shop:{tag}", "ports": ports, "readinessProbe": probe}


def config_map(space: str, name: str, value: str) -> Object:
    meta = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"value": value}}


def secret(space: str, name: str, value: str) -> Object:
    meta = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"key": value}}


def configured(
    image: str, name: str, settings: str = "settings", password: str = "password"
) -> Object:
    """A template whose pods read a ConfigMap and a Secret."""
    plain = container(image)
    sources = [{"configMapRef": {"name": settings}}, {"secretRef": {"name": password}}]
    return template(image, name, containers=[{**plain, "envFrom": sources}])


def analysis(space: str, name: str, limit: int = 1) -> Object:
    metrics = [{**LIMIT, "name": "shared-limit", "max": limit}]
    return _obj("rollout.dev/v1alpha1", "AnalysisTemplate", space, name, {"metrics": metrics})


def source(space: str, name: str, url: str) -> Object:
    """Its repository is asked often, and what is not in it any more goes."""
    spec = {"url": url, "interval": "5s", "prune": True}
    return _obj("rollout.dev/v1alpha1", "RolloutSource", space, name, spec)


def autoscaler(space: str, name: str, of: str) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": of}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3}
    return _obj("autoscaling/v1", "HorizontalPodAutoscaler", space, name, spec)


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _obj(version: str, kind: str, space: str, name: str, spec: Any) -> Object:
    meta = {"name": name, "namespace": space}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}
