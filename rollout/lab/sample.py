"""The sample shop: two versions behind one Service, a gateway, and a split; plain objects."""

from rollout.lab.kube.client import Object

NAMESPACE = "shop"
HOST = "shop.example"
_NETWORKING = "networking.istio.io/v1"


def deployment(version: str, replicas: int = 2, name: str = "shop", **annotations: str) -> Object:
    """One version of the shop; ``annotations`` are faults, underscores for dashes."""
    labels = {"app": name, "version": version}
    faults = {f"lab.rollout.dev/{key.replace('_', '-')}": v for key, v in annotations.items()}
    box = {
        "name": "shop",
        "image": f"rollout.dev/lab/shop:{version}",
        "ports": [{"name": "http", "containerPort": 8080}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(f"{name}-{version}", {"app": name}),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": faults},
                "spec": {"containers": [box]},
            },
        },
    }


def service(name: str = "shop") -> Object:
    """The Service in front of all versions."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(name, {"app": name}),
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }


def gateway() -> Object:
    """Lets every host in."""
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    spec = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
    return _istio("Gateway", "shop", spec)


def destination_rule(*versions: str, name: str = "shop") -> Object:
    """One subset per version, named like it."""
    subsets = [{"name": each, "labels": {"version": each}} for each in versions]
    return _istio("DestinationRule", name, {"host": name, "subsets": subsets})


def virtual_service(*http: Object, name: str = "shop") -> Object:
    """``http`` rules for the public host and for callers inside."""
    spec = {"hosts": [HOST, name], "gateways": ["shop", "mesh"], "http": list(http)}
    return _istio("VirtualService", name, spec)


def split(service: str = "shop", /, **weights: int) -> Object:
    """A rule that divides requests between subsets: ``split(v1=90, v2=10)``."""
    return {
        "name": "primary",
        "route": [
            {"destination": {"host": service, "subset": subset}, "weight": weight}
            for subset, weight in weights.items()
        ],
    }


def shop(**weights: int) -> list[Object]:
    """All of it for the versions named in ``weights``, in the order in which it may be applied."""
    return [
        service(),
        gateway(),
        destination_rule(*weights),
        *(deployment(each) for each in weights),
        virtual_service(split(**weights)),
    ]


def _istio(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": _NETWORKING, "kind": kind, "metadata": _meta(name, {}), "spec": spec}


def _meta(name: str, labels: dict[str, str]) -> Object:
    return {"name": name, "namespace": NAMESPACE, "labels": labels}
