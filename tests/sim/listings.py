"""The meshes that are looked at, by name: each has much that is odd, and more that is not."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime

from rollout.model.inventory import Unread
from tests.istio.revisions import objects as istio
from tests.istio.revisions.objects import ROOT, meta
from tests.sim.listed import (
    ENDING,
    HELM,
    REV,
    Listed,
    a_gateway,
    a_pod,
    a_port,
    a_revision_named,
    a_service,
    a_set,
    a_space,
    a_space_at,
    an_api_gateway,
    an_app,
    an_old_istiod,
    besides,
    bundled_with,
    doors,
    edit,
    istios,
    less,
    marked,
    mesh_config,
    more,
    moved_already,
    noted,
    over,
    owned_by,
    pages_of,
    renamed,
    routed,
    with_image,
    with_values,
)
from tests.upgrade.mesh import NEW, OLD, SYSTEM, app, budget, named, pods, tag
from tests.upgrade.rules.made import (
    AMBIENT,
    ARGO,
    FLUX,
    GAPI,
    OTHER_ROOT,
    agent,
    config,
    definition,
    envoy_filter,
    flagger,
    istio_ca,
    job_pod,
    machine,
    moved,
    on_delete,
    other_upgrade,
    sail,
    sail_tag,
)

_OTHER_ROOTS = b64encode((ROOT + ROOT.replace("MIIBhTCC", "MIIBhTCD")).encode()).decode()
_OWN = f"istio-sidecar-injector-{NEW}"
_BUNDLED = {"operator.istio.io/component": "IngressGateways"}
_NEVER = {"matchLabels": {"istio.io/deactivated": "never-match"}}
_ONE = {"gateways": [{"deployment": "ingress/edge"}]}
_WAVES = [
    {"name": "first", "namespaces": ["store", "plain", "cart"], "approval": {}},
    {"name": "second", "selector": {"no": "such"}},
]
NOON = datetime(2018, 10, 19, tzinfo=UTC)
"""A day before the certificate of these tests ends."""

LISTED: Mapping[str, Listed] = {
    "a mesh that is well": Listed(),
    "nothing is there": Listed((lambda world: world.clear(),)),
    "namespaces that name what is odd": Listed(
        (
            a_space("both", **{"istio-injection": "enabled", "istio.io/rev": OLD}),
            a_space("meshed", **{"istio.io/dataplane-mode": "ambient", "istio.io/rev": OLD}),
            a_space("ambient", **AMBIENT),
            a_space("off", **{"istio-injection": "disabled"}),
            a_space_at("gone", "no-such"),
            a_space_at("empty", "no-such"),
            a_space_at("ending", OLD),
            edit("Namespace", "ending", lambda o: o.update(status={"phase": "Terminating"})),
            an_app("ending", "late"),
            an_app("both", "twice"),
            an_app("off", "quiet", ""),
            an_app("gone", "lost", ""),
            an_app("gone", "named", "", labels={REV: "no-such"}),
            an_app("plain", "lost", "", labels={REV: "no-such"}),
            an_app("plain", "own", labels={REV: OLD}),
            an_app("plain", "new", NEW, labels={REV: NEW}),
            an_app("cart", "deaf", labels={REV: "no-such"}),
        ),
        {"waves": _WAVES, "default": None},
    ),
    "roots that are not there, and workloads of every kind": Listed(
        (
            lambda world: world.update(
                ConfigMap=[
                    o for o in world["ConfigMap"] if o["metadata"].get("namespace") != "cart"
                ]
            ),
            an_app("cart", "one", replicas=1, more={"strategy": {"type": "Recreate"}}),
            an_app("cart", "single", replicas=1),
            an_app("cart", "all", more={"strategy": {"type": "Recreate"}}),
            an_app("cart", "paused", more={"paused": True}),
            an_app(
                "cart",
                "percent",
                replicas=5,
                more={
                    "strategy": {"rollingUpdate": {"maxSurge": "30%", "maxUnavailable": "30%"}},
                    "minReadySeconds": 15,
                },
            ),
            an_app(
                "cart",
                "whole",
                replicas=3,
                more={"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 3}}},
            ),
            an_app(
                "cart",
                "neither",
                more={"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
            ),
            an_app(
                "cart",
                "odd",
                more={"strategy": {"rollingUpdate": {"maxSurge": True, "maxUnavailable": -1}}},
            ),
            an_app("cart", "idle", replicas=0),
            a_set("StatefulSet", "db", updateStrategy={"type": "OnDelete"}),
            a_set("StatefulSet", "kept", updateStrategy={"rollingUpdate": {"partition": 1}}),
            a_set("StatefulSet", "log", updateStrategy={"rollingUpdate": {"maxUnavailable": 2}}),
            a_set("StatefulSet", "lone", replicas=1),
            a_set(
                "DaemonSet",
                "agent",
                updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            ),
            a_set("DaemonSet", "node"),
            a_set("ArgoRollout", "argo"),
            lambda world: named(world["Deployment"], "web")["spec"]["template"]["spec"][
                "containers"
            ][0].pop("readinessProbe"),
        ),
        {"waves": [{"name": "all", "oneAtATime": True, "maxConcurrent": 3}]},
    ),
    "pods of every kind": Listed(
        (
            more(
                "Pod",
                job_pod(),
                over(renamed(job_pod(), "sum-y")),
                owned_by("bare", "", ""),
                owned_by("static", "Node", "node-a"),
                owned_by("odd-1", "Widget", "odd"),
                owned_by("odd-2", "Widget", "odd", restartPolicy="Never"),
                owned_by("even-1", "Widget", "even"),
                owned_by("other-1", "ReplicaSet", "other"),
                over(owned_by("failed", "Job", "failed"), "Failed"),
            ),
            an_app("cart", "double"),
            a_pod(
                "double-7f9-0",
                lambda o: o["spec"]["initContainers"].append(
                    istio.proxy("1.29.6", OLD, native=True)
                ),
            ),
            an_app("cart", "naked", ""),
            a_pod("naked-7f9-0", lambda o: o["spec"]["containers"].pop()),
            an_app("cart", "leaving"),
            a_pod("leaving-7f9-0", lambda o: o["spec"]["containers"].pop()),
            a_pod("leaving-7f9-0", lambda o: o["metadata"].update(ENDING)),
            an_app("cart", "image"),
            noted("image-7f9-0", "sidecar.istio.io/proxyImage", "mine:1"),
            with_image("image-7f9-0", "mine:1"),
            an_app("cart", "other"),
            with_image("other-7f9-0", "docker.io/istio/proxyv2:1.29.5"),
            an_app("cart", "template"),
            noted("template-7f9-0", "inject.istio.io/templates", "sidecar,ours"),
            an_app("cart", "host", "", spec={"hostNetwork": True}),
            a_pod("host-7f9-0", lambda o: o["spec"].update(hostNetwork=True)),
            a_pod("host-7f9-0", lambda o: o["spec"]["containers"].pop()),
            an_app("cart", "out", "", labels={"sidecar.istio.io/inject": "false"}),
            a_pod(
                "out-7f9-0",
                lambda o: o["metadata"]["labels"].update({"sidecar.istio.io/inject": "false"}),
            ),
            a_pod("out-7f9-0", lambda o: o["spec"]["containers"].pop()),
            an_app("plain", "in", "", labels={"sidecar.istio.io/inject": "true"}),
            more(
                "PodDisruptionBudget",
                budget("held", "cart", {"app": "cart"}, allowed=0),
                budget("never", "cart", {"app": "no"}, allowed=0, maxUnavailable=0),
                budget("far", "plain", {}, maxUnavailable="0%"),
                budget("idle", "cart", {"app": "idle"}, allowed=0),
            ),
            an_app("cart", "idle", replicas=0),
            with_values(OLD, sidecarInjectorWebhook={"enableNamespacesByDefault": True}),
        ),
        {"waves": _WAVES[:1], "remove": "keep"},
    ),
    "control planes that are weak": Listed(
        (
            edit("Deployment", f"istiod-{OLD}", lambda o: o["status"].update(readyReplicas=1)),
            less("Deployment", f"istiod-{NEW}"),
            less("PodDisruptionBudget", f"istiod-{OLD}"),
            less("EndpointSlice", f"istiod-{OLD}-x"),
            less("Service", f"istiod-{NEW}"),
            less("ConfigMap", f"istio-{NEW}"),
        ),
        {"default": None},
    ),
    "control planes on one node, and new ones of Helm": Listed(
        (
            edit("Pod", f"istiod-{OLD}-5d-1", lambda o: o["spec"].update(nodeName="node-0")),
            edit("Deployment", f"istiod-{NEW}", lambda o: o["status"].update(readyReplicas=0)),
            edit("Pod", f"istiod-{NEW}-5d-1", lambda o: o["spec"].update(nodeName="node-0")),
            marked("Deployment", f"istiod-{OLD}", annotations=HELM),
            marked("MutatingWebhookConfiguration", "istio-revision-tag-prod", annotations=HELM),
            marked(
                "ValidatingWebhookConfiguration",
                "istiod-default-validator",
                annotations={"meta.helm.sh/release-name": "istio-base"},
            ),
            less("ValidatingWebhookConfiguration", f"istio-validator-{NEW}-{SYSTEM}"),
            edit(
                "MutatingWebhookConfiguration",
                f"istio-sidecar-injector-{NEW}",
                lambda o: o["webhooks"][0].update(clientConfig={"url": "https://far/inject"}),
            ),
            mesh_config(
                OLD, "accessLogFile: a\ntrustDomain: a\ndefaultConfig: {discoveryAddress: a}"
            ),
            mesh_config(
                NEW,
                "accessLogFile: b\ntrustDomain: b\n"
                "defaultConfig: {discoveryAddress: b, proxyMetadata: {ISTIO_META_NETWORK: n}}",
            ),
            with_values(NEW, pilot={"cni": {"enabled": True}}),
        ),
        {"minReplicas": 1},
    ),
    "configurations that differ much, and one that nobody can read": Listed(
        (
            mesh_config(OLD, "{}"),
            mesh_config(NEW, "\n".join(f"field{n}: {n}" for n in range(11))),
            edit("EndpointSlice", f"istiod-{NEW}-x", lambda o: o.update(endpoints=[])),
            more("DaemonSet", agent("1.28.0", ready=2)),
            more(
                "SailIstio",
                sail(30),
                renamed(sail(30, "InPlace"), "other", ""),
                renamed(sail(86400), "slow", ""),
            ),
            more("SailTag", sail_tag("Istio"), renamed(sail_tag("IstioRevision"), "still", "")),
        ),
        {"install": {"sail": {"istio": "other", "version": "v1.30.3"}}},
    ),
    "a configuration that is no mapping": Listed(
        (
            mesh_config(NEW, "x"),
            more("DaemonSet", agent("1.29.6")),
            less("MutatingWebhookConfiguration", "istio-revision-tag-prod"),
            edit("Deployment", f"istiod-{NEW}", lambda o: o["status"].update(updatedReplicas=1)),
        ),
    ),
    "tags that are half moved": Listed(
        (
            moved_already("Service", "istiod-revision-tag-prod"),
            moved_already("ValidatingWebhookConfiguration", "istiod-default-validator"),
            besides(tag("beta", OLD)),
            less("Service", "istiod-revision-tag-beta"),
            marked(
                "MutatingWebhookConfiguration",
                "istio-revision-tag-beta",
                labels={"operator.istio.io/component": "Pilot"},
            ),
            a_space_at("beta", "beta"),
            an_app("beta", "web"),
        ),
        {"waves": [{"name": "by-tag", "tag": "beta"}], "tags": [{"name": "prod"}]},
    ),
    "no default": Listed(
        (
            less("MutatingWebhookConfiguration", "istio-revision-tag-default"),
            less("Service", "istiod-revision-tag-default"),
            less("ValidatingWebhookConfiguration", "istiod-default-validator"),
        ),
    ),
    "an installation without a revision beside": Listed(
        (
            more("MutatingWebhookConfiguration", istio.canonical("default")),
            less("CustomResourceDefinition", "virtualservices.networking.istio.io"),
            more("Sidecar", config("Sidecar", "by-default", labels={REV: "default"})),
        ),
    ),
    "webhooks that were taken out of use": Listed(
        (
            more("MutatingWebhookConfiguration", istio.deactivated("default")),
            more(
                "MutatingWebhookConfiguration",
                {
                    "metadata": meta("istio-ignored", labels={"istio.io/rev": "ignored"}),
                    "webhooks": [
                        {**istio.hooks("ignored", "nobody")[0], "failurePolicy": "Ignore"}
                    ],
                },
            ),
            edit(
                "ValidatingWebhookConfiguration",
                f"istio-validator-{NEW}-{SYSTEM}",
                lambda o: o["webhooks"][0].update(failurePolicy="Ignore"),
            ),
            less("Service", f"istiod-{NEW}"),
        ),
        {"default": None, "remove": "keep"},
    ),
    "a new one that is yet to come": Listed((), {"to": "1-31-0"}),
    "a pre-release that is yet to come": Listed((), {"to": "1-30-0-rc-1"}),
    "a version that nobody can tell": Listed((), {"to": "next"}),
    "the old one's name, and a jump": Listed((), {"to": "1-32-0", "from": "1-28-0"}),
    "too far a jump": Listed((), {"to": "1-32-0"}),
    "a step back": Listed((), {"to": "1-28-0"}),
    "a name that a tag has": Listed((), {"to": "prod"}),
    "a name that is too long": Listed((), {"to": "x" * 41}),
    "in place, as was asked": Listed((), {"to": OLD, "allowInPlace": True}),
    "old Kubernetes, and what we may not do": Listed(
        (
            an_app("cart", "newer"),
            with_image("newer-7f9-0", "docker.io/istio/proxyv2:1.31.0"),
            an_app("cart", "older"),
            with_image("older-7f9-0", "docker.io/istio/proxyv2:1.27.9"),
            an_app("cart", "near"),
            with_image("near-7f9-0", "docker.io/istio/proxyv2:1.28.9"),
            an_app("cart", "done"),
            with_image("done-7f9-0", "docker.io/istio/proxyv2:1.31.0"),
            a_pod("done-7f9-0", lambda o: o["status"].update(phase="Failed")),
            an_app("cart", "told"),
            with_image("told-7f9-0", "docker.io/istio/proxyv2@sha256:0a"),
        ),
        kubernetes="1.31",
        denied=("patch namespaces", "create pods"),
        metrics=False,
        told=None,
    ),
    "Kubernetes does not say its version": Listed(
        (), kubernetes="", denied=None, metrics=True, unread=(Unread("Canary", "403"),)
    ),
    "pods cannot be read": Listed((), unread=(Unread("Pod", "403"), Unread("Secret", "403"))),
    "definitions and webhooks cannot be read": Listed(
        (less("CustomResourceDefinition", "virtualservices.networking.istio.io"),),
        unread=(
            Unread("CustomResourceDefinition", "403"),
            Unread("MutatingWebhookConfiguration", "403"),
            Unread("ValidatingWebhookConfiguration", "403"),
        ),
    ),
    "services cannot be read": Listed(
        (),
        unread=(
            Unread("Service", "403"),
            Unread("PodDisruptionBudget", "403"),
            Unread("ConfigMap", "403"),
        ),
    ),
    "proxies that refuse, and wait": Listed(
        (),
        told=pages_of(
            istio.client("edge.x", "1.29.6", error="bad filter"),
            istio.client("cart-7f9-0.cart", "1.29.6"),
            {"proxy": "web-7f9-0.store", "cluster_sent": "b", "cluster_acked": "a"},
        ),
    ),
    "roots that differ": Listed(
        (
            bundled_with(
                "MutatingWebhookConfiguration", f"istio-sidecar-injector-{NEW}", OTHER_ROOT
            ),
            more("Secret", istio_ca("another root")),
            lambda world: [
                each["data"].update({"root-cert.pem": "strange"})
                for each in world["ConfigMap"]
                if each["metadata"].get("namespace") in ("cart", "plain")
                and each["metadata"]["name"] == "istio-ca-root-cert"
            ],
        ),
    ),
    "roots that have ended": Listed(
        (
            bundled_with(
                "MutatingWebhookConfiguration", f"istio-sidecar-injector-{NEW}", _OTHER_ROOTS
            ),
            more("Secret", istio_ca(ROOT)),
        ),
        certified=True,
    ),
    "roots that end before the bake does": Listed((), {"bake": "2d"}, certified=True, now=NOON),
    "roots that outlive the bake": Listed((), {"bake": "1h"}, certified=True, now=NOON),
    "a root that is not there yet": Listed(
        (bundled_with("MutatingWebhookConfiguration", _OWN, ""),),
    ),
    "filters": Listed(
        (
            more(
                "EnvoyFilter",
                renamed(envoy_filter(version=r"^1\.29.*"), "old-alone"),
                renamed(envoy_filter(version=r"^1\.(29|30).*"), "both"),
                renamed(envoy_filter(version=r"^1\.27.*"), "older"),
                renamed(envoy_filter(version="("), "unreadable"),
                renamed(envoy_filter(), "all"),
                renamed(envoy_filter(operation="INSERT_BEFORE"), "relative"),
                renamed(
                    envoy_filter(operation="INSERT_AFTER", spec={"priority": 10}), "prioritised"
                ),
                renamed(envoy_filter(name="envoy.lua"), "deprecated"),
                renamed(envoy_filter(value={"config": {}}), "untyped"),
                renamed(envoy_filter(value={"config": {}, "typed_config": {}}), "typed"),
                renamed(
                    config(
                        "EnvoyFilter",
                        configPatches=[
                            {"applyTo": "CLUSTER", "patch": {"value": {"name": "envoy.lua"}}}
                        ],
                    ),
                    "cluster",
                ),
            ),
            more(
                "VirtualService",
                config("VirtualService", "old", labels={REV: OLD}),
                config("VirtualService", "new", labels={REV: NEW}),
                config("VirtualService", "strange", labels={REV: "other"}),
            ),
            more("Sidecar", config("Sidecar", "tagged", labels={REV: "prod"})),
            more(
                "PeerAuthentication",
                config("PeerAuthentication", "strict", mtls={"mode": "STRICT"}),
                config("PeerAuthentication", "loose", mtls={"mode": "PERMISSIVE"}),
                renamed(config("PeerAuthentication", mtls={"mode": "STRICT"}), "far", "plain"),
                renamed(config("PeerAuthentication", mtls={"mode": "STRICT"}), "mesh", SYSTEM),
            ),
            more(
                "AuthorizationPolicy",
                config("AuthorizationPolicy", "pinned", selector={"matchLabels": {REV: OLD}}),
                config("AuthorizationPolicy", "free", selector={"matchLabels": {"istio": "edge"}}),
            ),
            more("Gateway", config("Gateway", "pinned", selector={"istio": "x", REV: OLD})),
            more(
                "WorkloadEntry",
                machine(**{"istio.io/autoRegistrationController": "x"}),
                renamed(machine(), "written"),
            ),
        ),
    ),
    "other tools, other upgrades": Listed(
        (
            more(
                "Secret",
                {"metadata": meta("remote", SYSTEM, labels={"istio/multiCluster": "true"})},
                {"metadata": meta("other", SYSTEM)},
            ),
            more(
                "ArgoRollout",
                moved("ArgoRollout", "old", "legacy", phase="Paused"),
                moved("ArgoRollout", "site", "plain"),
                moved("ArgoRollout", "cart", "cart", phase="Healthy"),
            ),
            more("Canary", flagger(), renamed(flagger("Progressing"), "api")),
            more(
                "ControlPlaneUpgrade",
                other_upgrade("Waves"),
                renamed(other_upgrade("Done"), "done", ""),
                renamed(
                    other_upgrade("Preflight"),
                    "older",
                    "",
                    creationTimestamp="2020-01-01T00:00:00Z",
                ),
                renamed(
                    other_upgrade("Preflight"),
                    "younger",
                    "",
                    creationTimestamp="2030-01-01T00:00:00Z",
                ),
            ),
            a_space_at("fluxed", OLD),
            marked("Namespace", "fluxed", annotations=FLUX),
            an_app("fluxed", "web"),
            a_space_at("left", OLD),
            marked(
                "Namespace",
                "left",
                annotations={**FLUX, "kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"},
            ),
            an_app("left", "web"),
            marked("Namespace", "cart", annotations=ARGO),
            marked("Namespace", "legacy", annotations=HELM),
            marked("Namespace", "plain", annotations=FLUX),
            marked(
                "MutatingWebhookConfiguration", f"istio-sidecar-injector-{NEW}", annotations=ARGO
            ),
            marked("Service", "istiod-revision-tag-prod", annotations=FLUX),
            marked("MutatingWebhookConfiguration", "istio-revision-tag-default", annotations=FLUX),
        ),
        {"tags": [{"name": "prod", "approval": {}}]},
    ),
    "other tools have what nobody moves": Listed(
        (
            marked("Service", "istiod-revision-tag-prod", annotations=FLUX),
            marked("MutatingWebhookConfiguration", "istio-revision-tag-default", annotations=FLUX),
            marked("Namespace", "cart", annotations=FLUX),
            marked("Namespace", "legacy", annotations=ARGO),
            a_gateway(service={}, meta={"annotations": FLUX}),
            a_gateway("west", service={}, meta={"annotations": FLUX}),
        ),
        {"waves": [{"name": "w", "namespaces": ["store"]}], "default": None, **_ONE},
    ),
    "an old mesh, and native proxies": Listed(
        (
            an_old_istiod(),
            more("Pod", *pods("native", "cart", OLD, native=True)),
        ),
    ),
    "an old mesh that has native proxies": Listed(
        (an_old_istiod(env=[{"name": "ENABLE_NATIVE_SIDECARS", "value": "true"}]),),
    ),
    "many pods in one wave": Listed(
        (besides(*(app(f"a{n}", "shop") for n in range(10))),),
        {
            "waves": [
                {"name": "heavy", "namespaces": ["store", "legacy"], "maxConcurrent": 4},
                {"name": "light", "percentage": "50%"},
            ]
        },
    ),
    "gateways that nothing sends to": Listed(
        (
            a_gateway(),
            a_gateway("west", service={"selector": {"istio": "west", REV: OLD}}),
            a_gateway(
                "free",
                pod={"terminationGracePeriodSeconds": 5},
                service={"externalTrafficPolicy": "Local"},
            ),
            a_gateway("none", service={"selector": {}}),
        ),
        {
            "gateways": [
                {"deployment": "ingress/edge"},
                {"deployment": "ingress/west"},
                {"deployment": "ingress/missing"},
            ]
        },
    ),
    "gateways that are scaled, guarded and drained": Listed(
        (
            a_gateway(
                service={"externalTrafficPolicy": "Local"},
                hpa={"maxReplicas": 5},
                pod={"terminationGracePeriodSeconds": 5},
            ),
            a_gateway("west", service={}, hpa={"minReplicas": 3, "maxReplicas": 3}),
            a_gateway("east", service={}, hpa={"maxReplicas": 5}, target={"kind": "Widget"}),
            a_gateway("plain", templates="sidecar, gateway", service={}),
            a_gateway(
                "bundle", meta={"labels": {"operator.istio.io/component": "IngressGateways"}}
            ),
            a_gateway("helm", meta={"annotations": HELM}),
            marked("Deployment", f"istiod-{OLD}", annotations=HELM),
            more(
                "PodDisruptionBudget",
                budget("all", "ingress", {}),
                budget("e", "ingress", {"istio": "edge"}),
            ),
        ),
        {
            "gateways": [
                {"deployment": f"ingress/{name}"} for name in ("edge", "west", "east", "plain")
            ]
            + [
                {"deployment": "ingress/helm"},
                {"deployment": "ingress/bundle", "allowInPlace": True},
            ]
        },
    ),
    "gateways whose namespace speaks first": Listed(
        (
            a_gateway(space="ingress", labels={REV: OLD}, service={}),
            a_gateway("west", "egress", labels={"istio-injection": "enabled"}, service={}),
            a_gateway("tagged", "doors", tag="prod", service={}),
            a_gateway("quiet", "doors", tag="", service={}),
        ),
        {
            "waves": [{"name": "w", "namespaces": ["ingress"]}, {"name": "t", "tag": "prod"}],
            "gateways": [{"deployment": "ingress/edge"}, {"deployment": "egress/west"}],
        },
    ),
    "gateways of the Gateway API": Listed(
        (
            a_gateway(service={}),
            an_api_gateway("front", "plain", replicas=1),
            an_api_gateway("bare", "plain", guarded=False),
            an_api_gateway("way", "plain", "istio-waypoint"),
            an_api_gateway("east", "plain", "istio-east-west", {REV: OLD}),
            an_api_gateway("nginx", "plain", "nginx"),
            an_api_gateway("tagged", "shop"),
            an_api_gateway("cart", "cart"),
            an_api_gateway("by-tag", "plain", labels={REV: "prod"}),
            an_api_gateway("legacy", "legacy"),
            an_api_gateway("lost", "plain", labels={REV: "no-such"}),
            an_api_gateway(
                "sent", "plain", labels={REV: OLD}, address="edge.ingress.svc", replicas=1
            ),
            an_api_gateway("far", "plain", labels={REV: OLD}, address="other.ingress.svc"),
            an_api_gateway("asked", "plain", pod={"terminationGracePeriodSeconds": 5}),
            more(
                "CustomResourceDefinition",
                definition(f"httproutes.{GAPI}", "v1beta1", **{f"{GAPI}/bundle-version": "v0.8.1"}),
                definition(f"gateways.{GAPI}", "v1", "v1beta1"),
            ),
        ),
        {
            "tags": [{"name": "prod"}],
            "gateways": [
                {"deployment": "ingress/edge"},
                {"gateway": "plain/asked"},
                {"deployment": "plain/front-istio"},
            ],
        },
    ),
    "gateways of the Gateway API, and the default stays": Listed(
        (
            an_api_gateway("front", "plain"),
            an_api_gateway("tagged", "shop"),
            moved_already("Service", "istiod-revision-tag-prod"),
            more("CustomResourceDefinition", definition(f"gateways.{GAPI}", "v1beta1")),
        ),
        {"default": None, "remove": "keep", "waves": [{"name": "w", "namespaces": ["cart"]}]},
    ),
    "definitions of the Gateway API that nobody uses": Listed(
        (more("CustomResourceDefinition", definition(f"gateways.{GAPI}", "v1beta1")),),
    ),
    "definitions that Helm has adopted": Listed(
        (
            marked("Deployment", f"istiod-{NEW}", annotations=HELM),
            lambda world: [
                each["metadata"].update(annotations={"meta.helm.sh/release-name": "istio-base"})
                for each in world["CustomResourceDefinition"]
            ],
        ),
    ),
    "fields and annotations that are old": Listed(
        (
            istios(
                "VirtualService",
                {"http": [{"fault": {"delay": {"percent": 5}}}, {"mirrorPercent": 5}]},
                {"http": [{"fault": {"delay": {"percentage": {}}}}, {"mirrorPercent": None}]},
            ),
            istios(
                "DestinationRule",
                {"subsets": [{"trafficPolicy": {"loadBalancer": {"warmupDurationSecs": "30s"}}}]},
                {"trafficPolicy": {"loadBalancer": {"warmup": {}}}},
            ),
            istios(
                "Sidecar",
                {"outboundTrafficPolicy": {"egressProxy": {"host": "x"}}},
                {"workloadSelector": {"labels": {"app": "web"}}},
                {"workloadSelector": {"labels": {"app": "web"}}},
            ),
            istios(
                "Telemetry",
                {},
                {"tracing": []},
                {"targetRefs": [{"name": "x"}]},
                {"selector": {"matchLabels": {"app": "web"}}},
            ),
            edit(
                "Deployment",
                "web",
                lambda o: o["spec"]["template"]["metadata"].update(
                    annotations={"sidecar.istio.io/statsInclusionPrefixes": "listener"}
                ),
            ),
            more(
                "Service",
                {
                    "metadata": meta(
                        "x", "plain", annotations={"alpha.istio.io/kubernetes-serviceaccounts": "x"}
                    )
                },
            ),
        ),
    ),
    "routes to what is not there": Listed(
        (
            more("Service", a_service("web"), a_service("web", "plain")),
            more(
                "Gateway",
                {"metadata": meta("there", "plain"), "spec": {}},
                {"metadata": meta("here", "shop"), "spec": {}},
            ),
            more(
                "ServiceEntry",
                {
                    "metadata": meta("e", "plain"),
                    "spec": {
                        "hosts": ["named.store.svc.cluster.local", "*.wild.svc.cluster.local", 7]
                    },
                },
            ),
            more(
                "DestinationRule",
                {
                    "metadata": meta("r", "shop"),
                    "spec": {"host": "web", "subsets": [{"name": "v1"}]},
                },
            ),
            more(
                "VirtualService",
                routed("well", "web", "v1", gateways=["mesh", "here", "plain/there"]),
                routed("no-gateway", "web", gateways=["gone"]),
                routed("their-gateway", "web", gateways=["there"]),
                routed("no-service", "gone.shop.svc.cluster.local"),
                routed("no-subset", "web", "v2"),
                routed("outside", "api.example.com", "v2"),
                routed("entry", "named.shop.svc.cluster.local"),
                routed("wild", "a.wild.svc.cluster.local"),
                routed("tcp", "gone.shop.svc.cluster.local", kind="tcp"),
                {
                    "metadata": meta("delegates", "shop"),
                    "spec": {"http": [{"delegate": {"name": "x"}}]},
                },
            ),
        ),
    ),
    "doors that clash": Listed(
        (
            a_gateway(service={"ports": [{"port": 443, "targetPort": 8443}]}),
            a_gateway("west", service={"ports": [{"port": 443, "targetPort": "https"}]}),
            a_gateway("shut"),
            doors(
                ("a", "edge", a_port(443, tls={"credentialName": "shop"})),
                ("b", "edge", a_port(443, tls={"credentialName": "shop"})),
                ("c", "edge", a_port(8443, "other/shop.example", tls={"credentialName": "cart"})),
                ("d", "edge", a_port(9443, "late.example")),
                ("e", "west", a_port(9443, tls={"credentialName": "shop"})),
                ("f", "shut", a_port(9443)),
                ("g", "", a_port(9443)),
                ("h", "edge", a_port(443, "shop.example", bind="10.0.0.1")),
                ("i", "edge", a_port(443, "b.example", tls={})),
            ),
        ),
    ),
    "too many doors that clash": Listed(
        (
            a_gateway(service={"ports": [{"port": 443}]}),
            doors(*((f"d{n}", "edge", a_port(9443, f"h{n}.example")) for n in range(10))),
        ),
    ),
    "doors cannot be read": Listed(
        (
            a_gateway(service={"ports": [{"port": 443}]}),
            doors(("d", "edge", a_port(9443))),
            more("VirtualService", routed("no-gateway", "web", gateways=["gone"])),
        ),
        unread=(Unread("Gateway", "403"),),
    ),
    "Argo's pods, and who is woken": Listed(
        (
            a_set("ArgoRollout", "argo"),
            more(
                "Pod",
                {
                    **owned_by("argo-5c-x", "ReplicaSet", "argo-5c"),
                    "metadata": {
                        **owned_by("argo-5c-x", "ReplicaSet", "argo-5c")["metadata"],
                        "labels": {"rollouts-pod-template-hash": "5c"},
                    },
                },
            ),
            more(
                "Pod",
                {
                    **owned_by("odd-5c-x", "ReplicaSet", "odd-other"),
                    "metadata": {
                        **owned_by("odd-5c-x", "ReplicaSet", "odd-other")["metadata"],
                        "labels": {"pod-template-hash": "5c"},
                    },
                },
            ),
            more(
                "ArgoRollout",
                {
                    "metadata": meta("by-ref", "cart"),
                    "spec": {"workloadRef": {"kind": "Deployment", "name": "cart"}},
                },
            ),
            more(
                "Canary",
                renamed(flagger(), "widget")
                | {"spec": {"targetRef": {"kind": "Widget", "name": "api"}}},
                flagger(),
            ),
            more("StatefulSet", on_delete("db")),
            more("Pod", *pods("db", "shop", OLD)),
        ),
    ),
    "istiods that are not ready": Listed(
        (
            edit(
                "EndpointSlice",
                f"istiod-{OLD}-x",
                lambda o: [e["conditions"].update(ready=False) for e in o["endpoints"]],
            ),
            edit(
                "Pod",
                f"istiod-{NEW}-5d-1",
                lambda o: o["status"].update(conditions=[{"type": "Ready", "status": "False"}]),
            ),
            more(
                "Pod",
                renamed(owned_by("bare", "", ""), "bare", SYSTEM, labels={"app": "istiod"}),
            ),
            an_old_istiod(env=[{"name": "OTHER", "value": "true"}]),
            edit(
                "ConfigMap",
                f"istio-sidecar-injector-{OLD}",
                lambda o: o["data"].update(config="templates: {sidecar: x, ours: y}"),
            ),
            more("DaemonSet", agent("latest")),
            a_set("StatefulSet", "halted", paused=True),
            a_set("StatefulSet", "anew", updateStrategy={"type": "Recreate"}),
            more(
                "VirtualService",
                {
                    "metadata": meta("nowhere", "plain"),
                    "spec": {"http": [{"route": [{"destination": {"subset": "v1"}}]}]},
                },
            ),
        ),
    ),
    "many pods, and waves of few": Listed(
        (besides(*(app(f"a{n}", "shop") for n in range(12))),),
        {
            "waves": [
                {"name": "few", "namespaces": ["cart", "legacy"]},
                {"name": "many", "namespaces": ["store"]},
            ]
        },
    ),
    "a release of long ago": Listed(
        (
            marked("Deployment", f"istiod-{OLD}", annotations=HELM),
            more("EnvoyFilter", renamed(envoy_filter(version=r"^1\.29.*"), "old-alone")),
        ),
        {"to": "1-23-9"},
        kubernetes="1.20",
    ),
    "a patch of the same minor version": Listed((), {"to": "1-29-9"}),
    "a version that nobody can tell, of Helm": Listed(
        (
            marked("Deployment", f"istiod-{OLD}", annotations=HELM),
            more("DaemonSet", agent("latest"), renamed(agent("1.28.0"), "ztunnel", SYSTEM)),
            more("EnvoyFilter", renamed(envoy_filter(version=r"^1\.29.*"), "old-alone")),
            an_app("cart", "newer"),
            with_image("newer-7f9-0", "docker.io/istio/proxyv2:1.31.0"),
        ),
        {"to": "next"},
        kubernetes="1.20",
    ),
    "a control plane of another name": Listed(
        (
            a_revision_named("blue", "latest"),
            less("Service", "istiod-revision-tag-prod"),
            more("EnvoyFilter", renamed(envoy_filter(version=r"^1\.29.*"), "old-alone")),
        ),
        {"from": "blue"},
    ),
    "from one that is not there, and not all can be read": Listed(
        (), {"from": "1-28-0"}, unread=(Unread("Canary", "403"),)
    ),
    "from one that is not there": Listed((), {"from": "1-28-0"}),
    "Sail, and nobody has asked it": Listed(
        (more("SailIstio", sail(30, "InPlace")),),
        {"install": {"sail": {"istio": "other", "version": "v1.30.3"}}},
    ),
    "Sail, in place, as was asked": Listed(
        (more("SailIstio", sail(30, "InPlace")),),
        {"install": {"sail": {"istio": "default", "version": "v1.30.3"}}, "allowInPlace": True},
    ),
    "in place, without a revision": Listed(
        (
            more("MutatingWebhookConfiguration", istio.canonical("default")),
            more("Sidecar", config("Sidecar", "by-default", labels={REV: "default"})),
        ),
        {"from": "default", "to": "default", "allowInPlace": True},
    ),
    "one small istiod each, and proxies of the wrong side": Listed(
        (
            edit("Deployment", f"istiod-{OLD}", lambda o: o["spec"].update(replicas=1)),
            edit("Deployment", f"istiod-{OLD}", lambda o: o["status"].update(readyReplicas=1)),
            less("Pod", f"istiod-{OLD}-5d-1"),
            less("ConfigMap", f"istio-sidecar-injector-{OLD}", f"istio-{OLD}"),
            an_app("plain", "new", NEW, labels={REV: NEW}),
            with_image("new-7f9-0", "docker.io/istio/proxyv2:1.27.9"),
            *(
                bundled_with("MutatingWebhookConfiguration", f"istio-sidecar-injector-{one}", "")
                for one in (OLD, NEW)
            ),
            more("Secret", istio_ca("another root")),
        ),
        {"minReplicas": 1},
    ),
    "webhooks that are half out of use": Listed(
        (
            more(
                "MutatingWebhookConfiguration",
                *(
                    {
                        "metadata": meta(f"istio-half-{part}", labels={REV: f"half-{part}"}),
                        "webhooks": [
                            {**hook, "namespaceSelector": {}, "objectSelector": {}, **never}
                            for hook in istio.hooks("half", "istiod-1-29-6")
                        ],
                    }
                    for part, never in (
                        ("space", {"namespaceSelector": _NEVER}),
                        ("pod", {"objectSelector": _NEVER}),
                    )
                ),
            ),
        ),
    ),
    "no default, and its validator is there": Listed(
        (
            less("MutatingWebhookConfiguration", "istio-revision-tag-default"),
            less("Service", "istiod-revision-tag-default"),
            marked(
                "ValidatingWebhookConfiguration",
                "istiod-default-validator",
                annotations={"meta.helm.sh/release-name": "istio-base"},
            ),
        ),
    ),
    "a tag of an old mesh has no Service": Listed(
        (
            an_old_istiod(),
            less("Service", "istiod-revision-tag-prod"),
        ),
        {"to": "1-26-9"},
    ),
    "a tag's gateway in a namespace that speaks first": Listed(
        (a_gateway(labels={REV: OLD}, tag="prod", service={}),),
        {"waves": [{"name": "t", "tag": "prod"}], **_ONE},
    ),
}
"""By name."""
