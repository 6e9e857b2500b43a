"""For every rule that blocks: meshes that it stops, and nearby ones that it does not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rollout.model.upgrade import (
    Freeze,
    GatewayMove,
    Install,
    Removal,
    Sail,
    TagMove,
    Wave,
)
from tests.istio.revisions import objects as istio
from tests.istio.revisions.objects import meta
from tests.upgrade.mesh import (
    NEW,
    OLD,
    SYSTEM,
    deployment,
    healthy,
    joined,
    seen,
    spaced,
)
from tests.upgrade.rules.made import (
    AMBIENT,
    ARGO,
    EDGE,
    FLUX,
    NOW,
    OTHER_ROOT,
    Worlds,
    api_gateway,
    bundle,
    bundled,
    but,
    case,
    config,
    edge,
    edited,
    envoy_filter,
    flagger,
    half_moved,
    image,
    istio_ca,
    labelled_space,
    machine,
    mesh_texts,
    moved,
    not_read,
    other_upgrade,
    owned,
    refusing,
    replicas,
    rootless,
    sail,
    with_pod,
    without,
)

BLOCKS: Mapping[str, Worlds] = {
    "UPG-000": (
        [case(mesh=not_read("Pod")), case(mesh=not_read("MutatingWebhookConfiguration"))],
        [case(mesh=not_read("Canary")), case()],
    ),
    "UPG-001": (
        [case(mesh=seen(healthy(), kubernetes="1.31"))],
        [
            case(mesh=seen(healthy(), kubernetes="1.32")),
            case(mesh=seen(healthy(), kubernetes="v1.33.2+k3s1")),
            case(mesh=seen(healthy(), kubernetes="")),
        ],
    ),
    "UPG-002": (
        [case(mesh=seen(healthy(), denied=("patch namespaces",)))],
        [case(mesh=seen(healthy(), denied=None))],
    ),
    "UPG-003": (
        [
            case(to="prod"),
            case(to="x" * 41),
            case(from_="1-28-0"),
        ],
        [case(), case(to="1-31-0"), case(mesh=not_read("Deployment"), from_="1-28-0")],
    ),
    "UPG-004": (
        [
            case(
                but(SailIstio=[sail(30, "InPlace")]),
                install=Install(sail=Sail("default", "v1.30.3")),
            ),
        ],
        [
            case(to=OLD, allow_in_place=True),
            case(but(SailIstio=[sail(30)]), install=Install(sail=Sail("default", "v1.30.3"))),
            case(but(SailIstio=[sail(30, "InPlace")])),
        ],
    ),
    "UPG-005": (
        [
            case(to="1-28-0"),
            case(to="1-32-0"),
            case(image("docker.io/istio/proxyv2:1.31.0")),
            case(image("docker.io/istio/proxyv2:1.27.9")),
        ],
        [
            case(to="1-31-2"),
            case(to="1-29-7"),
            case(image("docker.io/istio/proxyv2:1.28.9")),
            case(image("docker.io/istio/proxyv2@sha256:0a")),
        ],
    ),
    "UPG-010": (
        [
            case(without("EndpointSlice", "istiod-1-29-6-x")),
            case(without("Service", "istiod-1-29-6")),
        ],
        [case(without("EndpointSlice", "istiod-1-30-3-x"))],
    ),
    "UPG-011": (
        [
            case(labelled_space("cart", **{"istio-injection": "enabled", "istio.io/rev": OLD})),
            case(
                labelled_space(
                    "cart", **{"istio.io/dataplane-mode": "ambient", "istio.io/rev": OLD}
                )
            ),
        ],
        [
            case(labelled_space("cart", **AMBIENT)),
            case(labelled_space("cart", **{"istio-injection": "enabled"})),
        ],
    ),
    "UPG-012": (
        [
            case(labelled_space("cart", **{"istio.io/rev": "gone"})),
            case(but(Deployment=[deployment("x", "plain", labels={"istio.io/rev": "gone"})])),
        ],
        [
            case(but(Namespace=[spaced("empty", {"istio.io/rev": "gone"})])),
            case(but(Deployment=[deployment("x", "cart", labels={"istio.io/rev": "gone"})])),
        ],
    ),
    "UPG-013": (
        [
            case(but(MutatingWebhookConfiguration=[istio.canonical("default")])),
            case(
                joined(
                    without("MutatingWebhookConfiguration", "istio-sidecar-injector-1-30-3"),
                    {"MutatingWebhookConfiguration": [istio.tag_webhook("1-30-3", OLD)]},
                )
            ),
        ],
        [
            case(but(MutatingWebhookConfiguration=[istio.deactivated("default")])),
            case(to="1-31-0"),
        ],
    ),
    "UPG-014": (
        [
            case(without("MutatingWebhookConfiguration", "istio-revision-tag-default")),
            case(half_moved("default")),
            case(half_moved("prod")),
            case(
                joined(
                    without("ValidatingWebhookConfiguration", "istiod-default-validator"),
                    {"ValidatingWebhookConfiguration": [istio.validator(NEW, default=True)]},
                )
            ),
        ],
        [case(without("ValidatingWebhookConfiguration", "istiod-default-validator"))],
    ),
    "UPG-020": (
        [
            case(without("Service", "istiod-1-30-3")),
            case(without("EndpointSlice", "istiod-1-30-3-x")),
            case(default=None),
        ],
        [
            case(),
            case(default=None, remove=Removal.KEEP),
            case(but(MutatingWebhookConfiguration=[istio.deactivated("default")])),
        ],
    ),
    "UPG-022": (
        [
            case(replicas("istiod-1-29-6", 1)),
            case(replicas("istiod-1-30-3", 1)),
            case(without("Deployment", "istiod-1-30-3")),
        ],
        [case(replicas("istiod-1-30-3", 1), min_replicas=1)],
    ),
    "UPG-024": (
        [case(without("CustomResourceDefinition", "virtualservices.networking.istio.io"))],
        [case(mesh=not_read("CustomResourceDefinition"))],
    ),
    "UPG-030": (
        [case(but(EnvoyFilter=[envoy_filter(version=r"^1\.29.*")]))],
        [
            case(but(EnvoyFilter=[envoy_filter(version=r"^1\.(29|30).*")])),
            case(but(EnvoyFilter=[envoy_filter(version=r"^1\.27.*")])),
            case(but(EnvoyFilter=[envoy_filter()])),
            case(but(EnvoyFilter=[envoy_filter(version="(")])),
        ],
    ),
    "UPG-031": (
        [
            case(but(VirtualService=[config("VirtualService", labels={"istio.io/rev": OLD})])),
            case(but(Sidecar=[config("Sidecar", labels={"istio.io/rev": "prod"})])),
        ],
        [
            case(but(VirtualService=[config("VirtualService", labels={"istio.io/rev": NEW})])),
            case(but(VirtualService=[config("VirtualService", labels={"istio.io/rev": "other"})])),
        ],
    ),
    "UPG-032": (
        [
            case(
                bundle("MutatingWebhookConfiguration", "istio-sidecar-injector-1-30-3", OTHER_ROOT)
            ),
            case(but(Secret=[istio_ca("another root")])),
            replace(case(), now=datetime(2018, 10, 20, tzinfo=UTC)),
        ],
        [case(bundle("MutatingWebhookConfiguration", "istio-sidecar-injector-1-30-3", ""))],
    ),
    "UPG-033": (
        [
            case(mesh_texts("trustDomain: a", "trustDomain: b")),
            case(mesh_texts("{}", "discoverySelectors: [{matchLabels: {a: b}}]")),
        ],
        [case(mesh_texts("accessLogFile: a", "accessLogFile: b")), case(mesh_texts("", "x"))],
    ),
    "UPG-035": ([case(rootless("cart"))], [case(rootless("plain"))]),
    "UPG-050": (
        [
            case(mesh=refusing()),
            case(mesh=refusing("", waiting=True)),
            case(
                with_pod(
                    lambda o: o["spec"]["initContainers"].append(
                        istio.proxy("1.29.6", OLD, native=True)
                    )
                )
            ),
        ],
        [case(mesh=refusing("")), case(with_pod(lambda o: o["spec"]["containers"].pop()))],
    ),
    "UPG-054": (
        [case(but(WorkloadEntry=[machine(**{"istio.io/autoRegistrationController": "x"})]))],
        [case(but(WorkloadEntry=[machine()]))],
    ),
    "UPG-055": (
        [
            case(
                but(
                    Secret=[
                        {
                            "kind": "Secret",
                            "metadata": meta(
                                "remote", SYSTEM, labels={"istio/multiCluster": "true"}
                            ),
                        }
                    ]
                )
            ),
            case(
                edited(
                    "MutatingWebhookConfiguration",
                    "istio-sidecar-injector-1-30-3",
                    lambda o: o["webhooks"][0].update(clientConfig={"url": "https://far/inject"}),
                )
            ),
        ],
        [case(but(Secret=[{"kind": "Secret", "metadata": meta("other", SYSTEM)}]))],
    ),
    "UPG-060": (
        [
            case(but(Rollout=[moved("Rollout", "web")])),
            case(but(ArgoRollout=[moved("ArgoRollout", "web", phase="Paused")])),
            case(but(Canary=[flagger("Progressing")])),
        ],
        [
            case(but(Rollout=[moved("Rollout", "web", phase="Healthy")])),
            case(but(Rollout=[moved("Rollout", "web", "plain")])),
        ],
    ),
    "UPG-061": (
        [case(owned(FLUX))],
        [
            case(owned(FLUX, **{"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"})),
            case(owned(FLUX), waves=(Wave("w", namespaces=("shop",)),)),
            case(owned(ARGO)),
        ],
    ),
    "UPG-065": (
        [case(freezes=(Freeze(NOW, NOW + timedelta(hours=1), "a freeze"),))],
        [case(freezes=(Freeze(NOW - timedelta(hours=1), NOW, "a freeze that is over"),))],
    ),
    "UPG-066": (
        [case(but(ControlPlaneUpgrade=[other_upgrade("Waves")]))],
        [
            case(but(ControlPlaneUpgrade=[other_upgrade("Done")])),
            case(mesh=seen(but(ControlPlaneUpgrade=[other_upgrade("Waves")]), upgrade="another")),
        ],
    ),
    "GW-001": (
        [case(bundled())],
        [
            case(
                bundled(), gateways=(GatewayMove(deployment="ingress/edge", allow_in_place=True),)
            ),
            case(edge()),
        ],
    ),
    "GW-004": (
        [
            case(edge(served=False), **EDGE),
            case(edge(service={"selector": {"istio": "edge", "istio.io/rev": OLD}}), **EDGE),
        ],
        [case(edge(served=False)), case(edge(), **EDGE)],
    ),
    "GW-005": (
        [
            case(
                but(
                    AuthorizationPolicy=[
                        config(
                            "AuthorizationPolicy", selector={"matchLabels": {"istio.io/rev": OLD}}
                        )
                    ]
                )
            )
        ],
        [
            case(
                but(
                    AuthorizationPolicy=[
                        config("AuthorizationPolicy", selector={"matchLabels": {"istio": "edge"}})
                    ]
                )
            )
        ],
    ),
    "GW-006": (
        [
            case(api_gateway(), gateways=(GatewayMove(deployment="plain/front-istio"),)),
            case(api_gateway(address="edge.ingress.svc", world=edge()), **EDGE),
        ],
        [
            case(api_gateway(), gateways=(GatewayMove(gateway="plain/front"),)),
            case(api_gateway(address="other.ingress.svc", world=edge()), **EDGE),
        ],
    ),
    "GW-007": (
        [
            case(api_gateway()),
            case(api_gateway(of="istio-waypoint")),
            case(api_gateway(space="shop"), tags=(TagMove("prod"),), waves=()),
            case(api_gateway(space="cart")),
        ],
        [
            case(api_gateway({"istio.io/rev": OLD})),
            case(api_gateway(), default=None),
            case(api_gateway(), gateways=(GatewayMove(gateway="plain/front"),)),
            case(api_gateway(space="shop"), waves=()),
            case(api_gateway(of="nginx")),
        ],
    ),
    "GW-009": (
        [
            case(edge(labels={"istio.io/rev": OLD}), **EDGE),
            case(edge(labels={"istio-injection": "enabled"}), **EDGE),
        ],
        [case(edge(), **EDGE), case(edge(labels={"istio.io/rev": OLD}))],
    ),
    "GW-011": (
        [case(but(Gateway=[config("Gateway", selector={"istio": "edge", "istio.io/rev": OLD})]))],
        [case(but(Gateway=[config("Gateway", selector={"istio": "edge"})]))],
    ),
    "GW-013": (
        [case(edge(tag="prod"), waves=(Wave("w", tag="prod"),))],
        [
            case(edge(tag="prod"), tags=(TagMove("prod"),), **EDGE),
            case(edge(), waves=(Wave("w", tag="prod"),)),
        ],
    ),
}
