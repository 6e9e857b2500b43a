"""Webhooks of a revision, of a tag and of the default: plain objects.

Source: istio/istio, manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml,
validatingwebhookconfiguration.yaml, revision-tags-mwc.yaml and revision-tags-svc.yaml;
istioctl/pkg/tag (``generate.go``, ``util.go``).
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy

from rollout.lab.kube.client import Object
from rollout.lab.revisions import labels, names
from rollout.lab.revisions.names import REV, TAG, Revision

_INJECT, _SIDECAR = "istio-injection", "sidecar.istio.io/inject"
_GROUPS = (
    "security.istio.io",
    "networking.istio.io",
    "telemetry.istio.io",
    "extensions.istio.io",
)
_API = "admissionregistration.k8s.io/v1"
Client = Mapping[str, object]
"""Where a webhook is called: a reference to a Service, or a URL."""


def by_service(revision: Revision, path: str) -> dict[str, object]:
    """As the charts write it: by the Service of the revision."""
    service = {"name": revision.istiod, "namespace": revision.namespace, "path": path, "port": 443}
    return {"service": service}


def injector(revision: Revision, client: Client | None = None) -> Object:
    """The canonical webhooks of the revision: by namespace label, and by pod label.

    ``client``: another way to call it, as ``istiodRemote.injectionURL`` gives one.
    """
    asked = client or by_service(revision, "/inject")
    return {
        "apiVersion": _API,
        "kind": "MutatingWebhookConfiguration",
        "metadata": {
            "name": revision.injector,
            "labels": labels.of(revision, "sidecar-injector", **labels.OPERATED),
        },
        "webhooks": list(_named(revision.name, asked)),
    }


def tagged(canonical: Object, tag: str) -> Object:
    """The webhooks of ``tag``, with what the ``canonical`` ones of its revision say.

    Labels by which an uninstallation would find them are left out, so that the tag outlives it.
    """
    meta = canonical["metadata"]
    client = canonical["webhooks"][0]["clientConfig"]
    hooks = list(_named(tag, client))
    if tag == "default":
        hooks += _unnamed(client)
    return {
        "apiVersion": _API,
        "kind": "MutatingWebhookConfiguration",
        "metadata": {
            "name": names.tag_webhook(tag),
            "labels": {**_not_operated(meta["labels"]), TAG: tag},
        },
        "webhooks": hooks,
    }


def tag_service(service: Object, tag: str) -> Object:
    """The Service of ``tag``, with what the Service of its revision says."""
    meta, spec = service["metadata"], service["spec"]
    ports = [
        {"protocol": "TCP", "targetPort": each["port"], **each} for each in deepcopy(spec["ports"])
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": names.tag_service(tag),
            "namespace": meta["namespace"],
            "labels": {**_not_operated(meta["labels"]), TAG: tag},
        },
        "spec": {
            "ports": [{k: v for k, v in each.items() if k != "nodePort"} for each in ports],
            "selector": dict(spec["selector"]),
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
    }


def validator(revision: Revision, client: Client | None = None) -> Object:
    """Of the configuration objects that carry the revision's name.

    It begins as ``Ignore``, and its istiod makes it ``Fail`` as soon as it can answer.
    """
    asked = client or by_service(revision, "/validate")
    chosen = [{"key": REV, "operator": "In", "values": [revision.name]}]
    hook = _validating("rev.validation.istio.io", asked, chosen)
    return _validators(revision.validator, labels.of(revision, "istiod", istio="istiod"), hook)


def default_validator(revision: Revision, client: Client | None = None) -> Object:
    """Of all other configuration objects, as ``istioctl tag set default`` writes it."""
    asked = client or by_service(revision, "/validate")
    chosen = [{"key": REV, "operator": "DoesNotExist"}]
    hook = _validating("validation.istio.io", asked, chosen)
    found = labels.of(revision, "istiod", istio="istiod")
    return _validators(names.DEFAULT_VALIDATOR, {**found, TAG: "default"}, hook)


def _validators(name: str, found: Mapping[str, str], hook: Object) -> Object:
    return {
        "apiVersion": _API,
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name, "labels": dict(found)},
        "webhooks": [hook],
    }


def _validating(name: str, client: Client, chosen: list[Object]) -> Object:
    rule = {
        "apiGroups": list(_GROUPS),
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["*"],
        "scope": "*",
    }
    return {
        "name": name,
        "admissionReviewVersions": ["v1"],
        "clientConfig": deepcopy(dict(client)),
        "failurePolicy": "Ignore",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {"matchExpressions": chosen},
        "rules": [rule],
        "sideEffects": "None",
        "timeoutSeconds": 10,
    }


def _not_operated(found: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in found.items() if "operator.istio.io" not in key}


def _named(revision: str, client: Client) -> Iterator[Object]:
    """Of namespaces, and of pods in namespaces without a word, that name the revision or tag."""
    yield _hook(
        "rev.namespace.sidecar-injector.istio.io",
        client,
        [_in(REV, revision), _absent(_INJECT)],
        [_not_false(_SIDECAR)],
    )
    yield _hook(
        "rev.object.sidecar-injector.istio.io",
        client,
        [_absent(REV), _absent(_INJECT)],
        [_not_false(_SIDECAR), _in(REV, revision)],
    )


def _unnamed(client: Client) -> Iterator[Object]:
    """Of namespaces and pods that want a proxy and name nobody: only the default has these."""
    yield _hook(
        "namespace.sidecar-injector.istio.io",
        client,
        [_in(_INJECT, "enabled")],
        [_not_false(_SIDECAR)],
    )
    yield _hook(
        "object.sidecar-injector.istio.io",
        client,
        [_absent(_INJECT), _absent(REV)],
        [_in(_SIDECAR, "true"), _absent(REV)],
    )


def _hook(name: str, client: Client, space: list[Object], pod: list[Object]) -> Object:
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
        "scope": "*",
    }
    return {
        "name": name,
        "admissionReviewVersions": ["v1"],
        "clientConfig": deepcopy(dict(client)),
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {"matchExpressions": space},
        "objectSelector": {"matchExpressions": pod},
        "reinvocationPolicy": "Never",
        "rules": [rule],
        "sideEffects": "None",
        "timeoutSeconds": 10,
    }


def _in(key: str, value: str) -> Object:
    return {"key": key, "operator": "In", "values": [value]}


def _not_false(key: str) -> Object:
    return {"key": key, "operator": "NotIn", "values": ["false"]}


def _absent(key: str) -> Object:
    return {"key": key, "operator": "DoesNotExist"}
