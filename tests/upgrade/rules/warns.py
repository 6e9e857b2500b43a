"""For every rule that warns: meshes of which it speaks, and nearby ones that it passes by."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace

from rollout.model.inventory import Unread
from rollout.model.upgrade import (
    GatewayMove,
    Wave,
)
from tests.istio.revisions import objects as istio
from tests.istio.revisions.objects import meta
from tests.upgrade.mesh import (
    OLD,
    budget,
    deployment,
    healthy,
    joined,
    pods,
    seen,
    spaced,
)
from tests.upgrade.rules.made import (
    APP,
    ARGO,
    EDGE,
    GAPI,
    Worlds,
    agent,
    api_gateway,
    bundle,
    but,
    by_helm,
    case,
    config,
    definition,
    edge,
    edited,
    envoy_filter,
    flagger,
    image,
    istios,
    job_pod,
    labelled_space,
    listening,
    machine,
    mesh_texts,
    native,
    note,
    on_delete,
    owned,
    routed,
    sail,
    sail_tag,
    several_workloads,
    unprobed,
    values,
    web,
    with_pod,
    without,
)

WARM = {"loadBalancer": {"warmupDurationSecs": "30s"}}
OLD_NOTE = {"sidecar.istio.io/statsInclusionPrefixes": "listener"}
OLD_ACCOUNTS = {"alpha.istio.io/kubernetes-serviceaccounts": "x"}
SHOP = {
    "port": {"number": 443, "protocol": "HTTPS"},
    "hosts": ["shop.example"],
    "tls": {"mode": "SIMPLE", "credentialName": "shop"},
}
CART = {**SHOP, "hosts": ["cart.example"], "tls": {"mode": "SIMPLE", "credentialName": "cart"}}

WARNS: Mapping[str, Worlds] = {
    "UPG-000": (
        [case(mesh=seen(healthy(), unread=(Unread("Secret", "no"),)))],
        [case()],
    ),
    "UPG-005": ([case(to="next")], [case(to="v1-30-3")]),
    "UPG-006": ([case(to="1-31-0"), case(to="1-30-0-rc-1")], [case(), case(to="1-31-1")]),
    "UPG-012": ([case(but(Namespace=[spaced("empty", {"istio.io/rev": "gone"})]))], [case()]),
    "UPG-014": (
        [
            case(without("Service", "istiod-revision-tag-prod")),
            case(without("MutatingWebhookConfiguration", "istio-revision-tag-prod")),
            case(without("ValidatingWebhookConfiguration", "istiod-default-validator")),
        ],
        [case()],
    ),
    "UPG-015": (
        [case(), case(but(Deployment=[deployment("x", "plain", labels={"istio.io/rev": OLD})]))],
        [case(labelled_space("cart", **{"istio.io/rev": "prod"}))],
    ),
    "UPG-016": (
        [case(values(sidecarInjectorWebhook={"enableNamespacesByDefault": True}))],
        [case()],
    ),
    "UPG-021": (
        [
            case(
                edited(
                    "MutatingWebhookConfiguration",
                    "istio-revision-tag-prod",
                    lambda o: o["metadata"]["labels"].update(
                        {"operator.istio.io/component": "Pilot"}
                    ),
                )
            ),
            case(
                edited(
                    "MutatingWebhookConfiguration",
                    "istio-revision-tag-prod",
                    lambda o: o["metadata"].update(
                        annotations={"meta.helm.sh/release-name": "istiod"}
                    ),
                )
            ),
        ],
        [case()],
    ),
    "UPG-022": (
        [
            case(without("PodDisruptionBudget", "istiod-1-29-6")),
            case(
                edited("Pod", "istiod-1-29-6-5d-1", lambda o: o["spec"].update(nodeName="node-0"))
            ),
        ],
        [case()],
    ),
    "UPG-023": (
        [case(several_workloads(), waves=(Wave("w", namespaces=("shop", "cart", "legacy")),))],
        [
            case(waves=(Wave("w", namespaces=("shop", "cart", "legacy")),)),
            case(several_workloads(), waves=(Wave("w", namespaces=("shop",)),)),
        ],
    ),
    "UPG-024": (
        [case(by_helm(healthy(), adopted=False))],
        [case(by_helm(healthy(), adopted=True)), case()],
    ),
    "UPG-025": (
        [
            case(
                edited(
                    "ValidatingWebhookConfiguration",
                    "istiod-default-validator",
                    lambda o: o["metadata"].update(
                        annotations={"meta.helm.sh/release-name": "istio-base"}
                    ),
                )
            )
        ],
        [case()],
    ),
    "UPG-030": (
        [
            case(but(EnvoyFilter=[envoy_filter(operation="INSERT_BEFORE")])),
            case(but(EnvoyFilter=[envoy_filter(name="envoy.lua")])),
            case(but(EnvoyFilter=[envoy_filter(value={"config": {}})])),
        ],
        [
            case(but(EnvoyFilter=[envoy_filter()])),
            case(but(EnvoyFilter=[envoy_filter(operation="INSERT_AFTER", spec={"priority": 10})])),
        ],
    ),
    "UPG-032": (
        [
            case(
                bundle(
                    "MutatingWebhookConfiguration",
                    "istio-sidecar-injector-1-30-3",
                    b64encode(
                        (istio.ROOT + istio.ROOT.replace("MIIBhTCC", "MIIBhTCD")).encode()
                    ).decode(),
                )
            )
        ],
        [case()],
    ),
    "UPG-033": (
        [
            case(mesh_texts("accessLogFile: a", "accessLogFile: b")),
            case(mesh_texts("", "x")),
            case(without("ConfigMap", "istio-1-30-3")),
        ],
        [
            case(
                mesh_texts(
                    "defaultConfig: {discoveryAddress: a}", "defaultConfig: {discoveryAddress: b}"
                )
            )
        ],
    ),
    "UPG-034": (
        [case(but(PeerAuthentication=[config("PeerAuthentication", mtls={"mode": "STRICT"})]))],
        [case(but(PeerAuthentication=[config("PeerAuthentication", mtls={"mode": "PERMISSIVE"})]))],
    ),
    "UPG-036": (
        [
            case(but(DaemonSet=[agent("1.30.3", ready=2)])),
            case(but(DaemonSet=[agent("1.28.0")])),
            case(values(pilot={"cni": {"enabled": True}})),
        ],
        [case(but(DaemonSet=[agent("1.29.6")]))],
    ),
    "UPG-037": ([native()], [native("1.29.6"), native(already=True), case()]),
    "UPG-039": (
        [
            case(
                joined(
                    api_gateway(),
                    {
                        "CustomResourceDefinition": [
                            definition(
                                f"httproutes.{GAPI}",
                                "v1beta1",
                                **{f"{GAPI}/bundle-version": "v0.8.1"},
                            )
                        ]
                    },
                )
            )
        ],
        [
            case(
                joined(
                    api_gateway(),
                    {
                        "CustomResourceDefinition": [
                            definition(f"httproutes.{GAPI}", "v1", "v1beta1")
                        ]
                    },
                )
            ),
            case(but(CustomResourceDefinition=[definition(f"httproutes.{GAPI}", "v1beta1")])),
        ],
    ),
    "UPG-050": (
        [case(with_pod(lambda o: o["spec"]["containers"].pop()))],
        [case()],
    ),
    "UPG-051": (
        [case(image("docker.io/istio/proxyv2:1.29.5"))],
        [case(), case(note("sidecar.istio.io/proxyImage", "mine:1"))],
    ),
    "UPG-052": (
        [
            case(but(Pod=[job_pod()])),
            case(but(StatefulSet=[on_delete("db")], Pod=pods("db", "shop", OLD))),
        ],
        [case(but(Pod=[job_pod("Succeeded")])), case()],
    ),
    "UPG-053": (
        [
            case(web(replicas=1, strategy={"type": "Recreate"})),
            case(web(strategy={"type": "Recreate"})),
            case(unprobed()),
            case(but(PodDisruptionBudget=[budget("b", "shop", APP, maxUnavailable=0)])),
        ],
        [
            case(),
            case(web(replicas=1)),
            case(but(PodDisruptionBudget=[budget("b", "plain", {}, maxUnavailable=0)])),
        ],
    ),
    "UPG-054": ([case(but(WorkloadEntry=[machine()]))], [case()]),
    "UPG-056": (
        [
            case(note("sidecar.istio.io/proxyImage", "mine:1")),
            case(note("inject.istio.io/templates", "sidecar,ours")),
        ],
        [case(note("inject.istio.io/templates", "sidecar"))],
    ),
    "UPG-057": (
        [
            case(waves=(Wave("w", namespaces=("shop", "plain")),)),
            case(waves=(Wave("w", selector={"no": "such"}),)),
        ],
        [case()],
    ),
    "UPG-060": ([case(but(Canary=[flagger()]))], [case()]),
    "UPG-061": (
        [
            case(owned(ARGO)),
            case(
                edited(
                    "MutatingWebhookConfiguration",
                    "istio-sidecar-injector-1-30-3",
                    lambda o: o["metadata"].update(annotations=ARGO),
                )
            ),
        ],
        [case(owned(ARGO), waves=(Wave("w", namespaces=("shop",)),))],
    ),
    "UPG-062": (
        [replace(case(), metrics=False)],
        [replace(case(), metrics=True), case()],
    ),
    "UPG-063": ([case(mesh=seen(healthy(), pages=None))], [case(mesh=seen(healthy(), pages=[]))]),
    "UPG-064": (
        [case(but(SailIstio=[sail(30)])), case(but(SailTag=[sail_tag("Istio")]))],
        [case(but(SailIstio=[sail(86400)])), case(but(SailTag=[sail_tag("IstioRevision")]))],
    ),
    "GW-002": (
        [case(**EDGE)],
        [case(edge(), **EDGE), case(api_gateway(), gateways=(GatewayMove(gateway="plain/front"),))],
    ),
    "GW-003": (
        [case(edge(hpa={"minReplicas": 2, "maxReplicas": 5}), **EDGE)],
        [
            case(edge(hpa={"minReplicas": 2, "maxReplicas": 2}), **EDGE),
            case(edge(hpa={"minReplicas": 2, "maxReplicas": 5})),
        ],
    ),
    "GW-008": (
        [case(api_gateway(replicas=1)), case(api_gateway(guarded=False))],
        [case(api_gateway()), case(api_gateway(replicas=1, address="edge.ingress.svc"))],
    ),
    "GW-009": ([case(edge(labels={"istio.io/rev": OLD}))], [case(edge())]),
    "UPG-040": (
        [
            case(istios("VirtualService", {"http": [{"fault": {"delay": {"percent": 5}}}]})),
            case(istios("VirtualService", {"http": [{"mirrorPercent": 5}]})),
            case(istios("DestinationRule", {"subsets": [{"trafficPolicy": WARM}]})),
            case(istios("Sidecar", {"outboundTrafficPolicy": {"egressProxy": {"host": "x"}}})),
            case(web(template={"metadata": {"annotations": OLD_NOTE}})),
            case(but(Service=[{"metadata": meta("x", "plain", annotations=OLD_ACCOUNTS)}])),
        ],
        [
            case(),
            case(istios("VirtualService", {"http": [{"fault": {"delay": {"percentage": {}}}}]})),
            case(istios("DestinationRule", {"trafficPolicy": {"loadBalancer": {"warmup": {}}}})),
        ],
    ),
    "UPG-041": (
        [
            case(routed("web", gateways=["gone"])),
            case(routed("gone.shop.svc.cluster.local")),
            case(routed("web", subset="v2")),
            case(istios("Sidecar", {}, {})),
            case(istios("Sidecar", *2 * [{"workloadSelector": {"labels": {"app": "web"}}}])),
            case(istios("Telemetry", {}, {"tracing": []})),
        ],
        [
            case(routed("web")),
            case(routed("web", gateways=["mesh"])),
            case(routed("web", gateways=["plain/there"])),
            case(routed("web", subset="v1")),
            case(routed("api.example.com")),
            case(istios("Sidecar", {}, {"workloadSelector": {"labels": {"app": "web"}}})),
            case(istios("Telemetry", {}, {"targetRefs": [{"name": "x"}]})),
        ],
    ),
    "GW-012": (
        [
            case(listening(SHOP, SHOP)),
            case(listening(SHOP, {**SHOP, "tls": {}})),
            case(listening(SHOP, {**SHOP, "hosts": ["cart.example"]})),
            case(listening({**SHOP, "port": {"number": 9443, "protocol": "TLS"}})),
        ],
        [
            case(listening(SHOP)),
            case(listening(SHOP, CART)),
            case(listening(SHOP, SHOP, apart=True)),
        ],
    ),
    "GW-010": (
        [
            case(edge(service={"externalTrafficPolicy": "Local"}), **EDGE),
            case(edge(pod={"terminationGracePeriodSeconds": 5}), **EDGE),
        ],
        [case(edge(), **EDGE), case(edge(pod={"terminationGracePeriodSeconds": 5}))],
    ),
}
