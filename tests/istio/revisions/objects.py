"""Objects of control planes, as Istio's charts and ``istioctl tag`` of 1.29 and 1.30 write them.

Sources, in istio/istio: ``manifests/charts/istio-control/istio-discovery/templates``:
``mutatingwebhook.yaml``, ``revision-tags-mwc.yaml``, ``revision-tags-svc.yaml``,
``validatingwebhookconfiguration.yaml``, ``deployment.yaml``, ``istiod-injector-configmap.yaml``;
``manifests/charts/base/templates/defaultrevision-validatingwebhookconfiguration.yaml``;
``istioctl/pkg/tag/generate.go`` and ``util.go``; ``pkg/kube/inject/inject.go``.
Values only; ``DATA`` holds what real ones wrote, where it is there.
"""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

DATA = Path(__file__).parents[4] / "shared/data/istio-revisions"
ROOT = """-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIQIRi6zePL6mKjOipn+dNuaTAKBggqhkjOPQQDAjASMRAw
DgYDVQQKEwdBY21lIENvMB4XDTE3MTAyMDE5NDMwNloXDTE4MTAyMDE5NDMwNlow
EjEQMA4GA1UEChMHQWNtZSBDbzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABD0d
7VNhbWvZLWPuj/RtHFjvtJBEwOkhbN/BnnE8rnZR8+sbwnc/KhCk3FhnpHZnQz7B
5aETbbIgmuvewdjvSBSjYzBhMA4GA1UdDwEB/wQEAwICpDATBgNVHSUEDDAKBggr
BgEFBQcDATAPBgNVHRMBAf8EBTADAQH/MCkGA1UdEQQiMCCCDmxvY2FsaG9zdDo1
NDUzgg4xMjcuMC4wLjE6NTQ1MzAKBggqhkjOPQQDAgNIADBFAiEA2zpJEPQyz6/l
Wf86aX6PepsntZv2GYlA5UpabfT2EZICICpJ5h/iI+i341gBmLiAFQOyTDT+/wQc
6MF9+Yw1Yy0t
-----END CERTIFICATE-----
"""
"""The certificate in the documentation of Go's crypto/tls; valid until 20 October 2018."""
BUNDLE = b64encode(ROOT.encode()).decode()


def real(name: str) -> list[Json]:
    """What real istiods wrote, by the file's name; nothing where the folder is not there."""
    path = DATA / name
    return [each for each in yaml.safe_load_all(path.read_text()) if each] if path.exists() else []


def meta(name: str, namespace: str = "", **more: Any) -> Json:
    return {"name": name, **({"namespace": namespace} if namespace else {}), **more}


def expression(key: str, operator: str, *values: str) -> Json:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def _hook(name: str, service: str, spaces: list[Json], objects: list[Json], bundle: str) -> Json:
    return {
        "name": f"{name}.sidecar-injector.istio.io",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {
            "caBundle": bundle,
            "service": {
                "name": service,
                "namespace": "istio-system",
                "path": "/inject",
                "port": 443,
            },
        },
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {"matchExpressions": spaces},
        "objectSelector": {"matchExpressions": objects},
        "reinvocationPolicy": "Never",
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["pods"],
                "scope": "*",
            }
        ],
        "sideEffects": "None",
        "timeoutSeconds": 10,
    }


def hooks(answers: str, service: str, bundle: str = BUNDLE, *, auto: bool = False) -> list[Json]:
    """The webhooks of a revision or tag ``answers``; four of them where it is the default."""
    rev, injection, inject = "istio.io/rev", "istio-injection", "sidecar.istio.io/inject"
    wants = expression(inject, "NotIn", "false")
    made = [
        _hook(
            "rev.namespace",
            service,
            [expression(rev, "In", answers), expression(injection, "DoesNotExist")],
            [wants],
            bundle,
        ),
        _hook(
            "rev.object",
            service,
            [expression(rev, "DoesNotExist"), expression(injection, "DoesNotExist")],
            [wants, expression(rev, "In", answers)],
            bundle,
        ),
    ]
    if answers != "default":
        return made
    made += [
        _hook("namespace", service, [expression(injection, "In", "enabled")], [wants], bundle),
        _hook(
            "object",
            service,
            [expression(injection, "DoesNotExist"), expression(rev, "DoesNotExist")],
            [expression(inject, "In", "true"), expression(rev, "DoesNotExist")],
            bundle,
        ),
    ]
    if auto:
        made.append(
            _hook(
                "auto",
                service,
                [
                    expression(injection, "DoesNotExist"),
                    expression(rev, "DoesNotExist"),
                    expression(
                        "kubernetes.io/metadata.name",
                        "NotIn",
                        "kube-system",
                        "kube-public",
                        "kube-node-lease",
                        "local-path-storage",
                    ),
                ],
                [expression(inject, "DoesNotExist"), expression(rev, "DoesNotExist")],
                bundle,
            )
        )
    return made


def suffix(revision: str) -> str:
    return "" if revision == "default" else f"-{revision}"


def canonical(revision: str, bundle: str = BUNDLE, *, auto: bool = False) -> Json:
    """A revision's own webhook configuration."""
    labels = {
        "app": "sidecar-injector",
        "istio.io/rev": revision,
        "operator.istio.io/component": "Pilot",
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": meta(f"istio-sidecar-injector{suffix(revision)}", labels=labels),
        "webhooks": hooks(revision, f"istiod{suffix(revision)}", bundle, auto=auto),
    }


def deactivated(revision: str) -> Json:
    """A canonical one after ``istioctl tag set default``: it matches nobody any more."""
    obj = canonical(revision)
    for hook in obj["webhooks"]:
        never = {"matchLabels": {"istio.io/deactivated": "never-match"}}
        hook |= {"namespaceSelector": never, "objectSelector": never}
    return obj


def tag_webhook(tag: str, revision: str, bundle: str = BUNDLE, **labels: str) -> Json:
    """The first carrier of a tag."""
    marks = {"app": "sidecar-injector", "istio.io/rev": revision, "istio.io/tag": tag, **labels}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": meta(f"istio-revision-tag-{tag}", labels=marks),
        "webhooks": hooks(tag, f"istiod{suffix(revision)}", bundle),
    }


def tag_service(tag: str, revision: str) -> Json:
    """The second carrier of a tag, since 1.28."""
    labels = {"app": "istiod", "istio": "pilot", "istio.io/rev": revision, "istio.io/tag": tag}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(f"istiod-revision-tag-{tag}", "istio-system", labels=labels),
        "spec": {"selector": {"app": "istiod", "istio.io/rev": revision}, "ports": []},
    }


def validator(revision: str, *, default: bool = False, tagged: bool = False) -> Json:
    """A revision's validator; the cluster's default one by its chart, or by ``istioctl tag``."""
    name = "istiod-default-validator" if default else f"istio-validator-{revision}-istio-system"
    selector: Json = {"matchExpressions": [expression("istio.io/rev", "In", revision)]}
    if default:
        alone = {"matchExpressions": [expression("istio.io/rev", "DoesNotExist")]}
        selector = alone if tagged else {}
    tag = {"istio.io/tag": "default"} if tagged else {}
    labels = {"app": "istiod", "istio": "istiod", "istio.io/rev": revision, **tag}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": meta(name, labels=labels),
        "webhooks": [
            {
                "name": "validation.istio.io" if default else "rev.validation.istio.io",
                "clientConfig": {
                    "caBundle": BUNDLE,
                    "service": {
                        "name": f"istiod{suffix(revision)}",
                        "namespace": "istio-system",
                        "path": "/validate",
                        "port": 443,
                    },
                },
                "failurePolicy": "Fail",
                "namespaceSelector": {},
                "objectSelector": selector,
            }
        ],
    }


def proxy(version: str, revision: str, *, native: bool = False) -> Json:
    """The container of a proxy as the injection template writes it."""
    address = f"istiod{suffix(revision)}.istio-system.svc:15012"
    return {
        "name": "istio-proxy",
        "image": f"docker.io/istio/proxyv2:{version}",
        "env": [
            {"name": "CA_ADDR", "value": address},
            {"name": "PROXY_CONFIG", "value": json.dumps({"discoveryAddress": address}) + "\n"},
        ],
        **({"restartPolicy": "Always"} if native else {}),
    }


def injected(
    name: str,
    namespace: str = "shop",
    revision: str = "1-29-6",
    version: str = "1.29.6",
    *,
    native: bool = False,
    **labels: str,
) -> Json:
    """A pod that a revision injected; it runs and is ready."""
    status = {"initContainers": ["istio-init"], "containers": ["istio-proxy"], "revision": revision}
    proxies = [proxy(version, revision, native=native)]
    notes = {"istio.io/rev": revision, "sidecar.istio.io/status": json.dumps(status)}
    init = [{"name": "istio-init", "image": f"docker.io/istio/proxyv2:{version}"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(name, namespace, labels=labels, annotations=notes),
        "spec": {
            "nodeName": "node-a",
            "containers": [{"name": "app", "image": "web:1"}, *([] if native else proxies)],
            "initContainers": [*init, *(proxies if native else [])],
            "restartPolicy": "Always",
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def injector_config(version: str, revision: str, **values: Any) -> Json:
    """ConfigMap ``istio-sidecar-injector``."""
    shared = {"hub": "docker.io/istio", "tag": version, "proxy": {"image": "proxyv2"}}
    whole = {"global": shared, "sidecarInjectorWebhook": {}, "revision": revision, **values}
    config = {"defaultTemplates": ["sidecar"], "templates": {"sidecar": "x", "gateway": "y"}}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta(
            f"istio-sidecar-injector{suffix(revision)}",
            "istio-system",
            labels={"istio.io/rev": revision},
        ),
        "data": {"config": yaml.safe_dump(config), "values": json.dumps(whole)},
    }


def mesh_config(revision: str, text: str = "trustDomain: cluster.local\n") -> Json:
    """ConfigMap ``istio``."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta(
            f"istio{suffix(revision)}", "istio-system", labels={"istio.io/rev": revision}
        ),
        "data": {"mesh": text},
    }


def client(pod: str, version: str, sent: str = "2026-11-27T15:22:55.65Z", error: str = "") -> Json:
    """An entry of ``/debug/syncz``; ``error``: it refused its listeners."""
    nonce = "2026-11-27T15:22:17Z/7876fe745"
    whole = {"sent": nonce, "acked": nonce, "sentTime": sent}
    refused = {"lastError": error, "acked": ""} if error else {}
    url = "type.googleapis.com/envoy.config"
    return {
        "proxy": pod,
        "proxy_type": "sidecar",
        "cluster_id": "Kubernetes",
        "istio_version": version,
        "resources": {
            f"{url}.cluster.v3.Cluster": whole,
            f"{url}.listener.v3.Listener": whole | refused,
        },
    }
