"""What people do by Helm and istioctl: a revision installed, tagged, made the default, removed."""

from base64 import b64encode

from rollout.lab.kube.client import (
    ACCOUNT,
    AUTOSCALER,
    BUDGET,
    CONFIGMAP,
    DEPLOYMENT,
    MUTATING,
    SERVICE,
    VALIDATING,
    ApiRefusedError,
    Kind,
    Kube,
    Object,
)
from rollout.lab.revisions import config, webhooks, workload
from rollout.lab.revisions.authority import Authority
from rollout.lab.revisions.names import Revision
from rollout.lab.revisions.webhooks import Client


def objects(revision: Revision, clients: tuple[Client, Client] | None = None) -> list[Object]:
    """All of a revision, in the order in which they may be applied.

    ``clients``: other ways to call its injector and its validator than by its Service.
    """
    inject, validate = clients or (None, None)
    budget = [workload.budget(revision)] if revision.replicas > 1 else []
    return [
        workload.account(revision),
        *config.maps(revision),
        workload.service(revision),
        workload.deployment(revision),
        workload.autoscaler(revision),
        *budget,
        webhooks.injector(revision, inject),
        webhooks.validator(revision, validate),
    ]


def secret(revision: Revision, root: Authority) -> Object:
    """The root that istiod makes for itself where nobody gives it one.

    Source: istio/istio, security/pkg/pki/ca, ``istio-ca-secret``.
    """
    texts = {
        "ca-cert.pem": root.pem,
        "ca-key.pem": root.key,
        "cert-chain.pem": "",
        "key.pem": "",
        "root-cert.pem": "",
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "istio.io/ca-root",
        "metadata": {"name": "istio-ca-secret", "namespace": revision.namespace},
        "data": {name: b64encode(text.encode()).decode() for name, text in texts.items()},
    }


async def tag(kube: Kube, name: str, revision: Revision) -> None:
    """As ``istioctl tag set NAME --revision R --overwrite``: both carriers, and of the default
    its validator, too.
    """
    canonical = await kube.read(MUTATING, "", revision.injector)
    service = await kube.read(SERVICE, revision.namespace, revision.istiod)
    await kube.apply(webhooks.tagged(canonical, name))
    await kube.apply(webhooks.tag_service(service, name))
    if name == "default":
        own = await kube.read(VALIDATING, "", revision.validator)
        client = own["webhooks"][0]["clientConfig"]
        await kube.apply(webhooks.default_validator(revision, client))


async def uninstall(kube: Kube, revision: Revision) -> None:
    """As ``helm delete``: everything of the revision's own, and no tag."""
    for kind, namespaced, name in _own(revision):
        try:
            await kube.delete(kind, revision.namespace if namespaced else "", name)
        except ApiRefusedError as refused:
            if refused.status != 404:
                raise


def _own(revision: Revision) -> list[tuple[Kind, bool, str]]:
    found: list[tuple[Kind, bool, str]] = [
        (VALIDATING, False, revision.validator),
        (MUTATING, False, revision.injector),
    ]
    found += [
        (kind, True, revision.istiod) for kind in (BUDGET, AUTOSCALER, DEPLOYMENT, SERVICE, ACCOUNT)
    ]
    maps = (each["metadata"]["name"] for each in config.maps(revision))
    return found + [(CONFIGMAP, True, name) for name in maps]
