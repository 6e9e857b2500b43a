"""What a revision of the control plane is, and how Istio names its objects.

Source: istio/istio, manifests/charts/istio-control/istio-discovery (templates, 1.29 and 1.30).
"""

from dataclasses import dataclass

CLUSTER = "Kubernetes"
"""The cluster's name in the mesh where nobody gave it one."""
REV, TAG = "istio.io/rev", "istio.io/tag"


@dataclass(frozen=True, slots=True)
class Revision:
    """One control plane. ``name``: as in ``istio.io/rev``. ``version``: as in image tags.

    ``replicas``: pods of istiod. ``native``: the proxy is an init container that stays, as Istio
    makes it since 1.27 where Kubernetes can; else it stands beside the application.
    ``trust_domain``: as its mesh configuration says.
    """

    name: str
    version: str
    namespace: str = "istio-system"
    hub: str = "docker.io/istio"
    replicas: int = 2
    native: bool = False
    trust_domain: str = "cluster.local"

    @property
    def istiod(self) -> str:
        """The name of its Deployment, Service, account and autoscaler."""
        return f"istiod-{self.name}"

    @property
    def injector(self) -> str:
        """The name of its injection webhooks, and of the ConfigMap that they are made by."""
        return f"istio-sidecar-injector-{self.name}"

    @property
    def validator(self) -> str:
        return f"istio-validator-{self.name}-{self.namespace}"

    @property
    def host(self) -> str:
        return f"{self.istiod}.{self.namespace}.svc"

    @property
    def discovery(self) -> str:
        """Where its proxies connect to."""
        return f"{self.host}:15012"

    @property
    def proxy_image(self) -> str:
        return f"{self.hub}/proxyv2:{self.version}"


def tag_webhook(tag: str) -> str:
    """The MutatingWebhookConfiguration that carries ``tag``."""
    return f"istio-revision-tag-{tag}"


def tag_service(tag: str) -> str:
    """The Service that carries ``tag`` since 1.28."""
    return f"istiod-revision-tag-{tag}"


DEFAULT_VALIDATOR = "istiod-default-validator"
