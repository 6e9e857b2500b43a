"""Meshes as people have them: what real istiods wrote, and an installation without a revision."""

from dataclasses import replace

from rollout.model.inventory import GatewayKind
from rollout.model.mesh import Way
from rollout.model.ref import Ref
from rollout.rules import BLOCK
from rollout.upgrade import rules
from tests.istio.revisions import objects as istio
from tests.istio.revisions.objects import real
from tests.upgrade.mesh import (
    NEW,
    OLD,
    World,
    app,
    control_plane,
    crds,
    joined,
    root,
    seen,
    spaced,
)
from tests.upgrade.rules.made import case


def real_world() -> World:
    """All that the data folder has of one cluster; empty where the folder is not there."""
    world: World = {}
    names = ("rendered-1-29-6", "rendered-1-30-3", "mutating", "validating", "tag-services")
    for name in (*names, "injected-pods"):
        for obj in real(f"{name}.yaml"):
            world.setdefault(obj["kind"], []).append(obj)
    spaces = [spaced("istio-system", {}), spaced("a1", {"istio.io/rev": "prod"})]
    return joined(world, {"Namespace": spaces if world else []})


def test_a_real_cluster_is_read_as_what_it_is() -> None:
    mesh = seen(real_world())
    told = (
        [(r.name, r.version, r.injectors, r.service) for r in mesh.revisions],
        [(t.name, sorted(t.revisions), t.service) for t in mesh.tags],
        [(v.name, v.revision) for v in mesh.default_validators],
        [(s.name, s.resolution.way, s.resolution.revision) for s in mesh.namespaces],
        {(g.kind, g.ref) for g in mesh.gateways},
    )
    ingress = Ref("Deployment", "istio-system", "istio-ingressgateway")
    assert told in (
        ([], [], [], [], set()),
        (
            [
                (OLD, "1.29.6", ("istio-sidecar-injector-1-29-6",), "istiod-1-29-6"),
                (NEW, "1.30.3", ("istio-sidecar-injector-1-30-3",), "istiod-1-30-3"),
            ],
            [
                ("default", [OLD], "istiod-revision-tag-default"),
                ("prod", [OLD], "istiod-revision-tag-prod"),
            ],
            [("istiod-default-validator", OLD)],
            [("a1", Way.TAG, OLD), ("istio-system", Way.NONE, "")],
            {(GatewayKind.BUNDLED, ingress)},
        ),
    )


def test_what_real_istiods_wrote_breaks_no_rule_about_injection_and_tags() -> None:
    told = rules.findings(case(real_world()))
    about = {f.rule for f in told} & {"UPG-011", "UPG-012", "UPG-013", "UPG-021", "UPG-031"}
    assert about == set()


def test_an_installation_without_a_revision_can_be_left() -> None:
    spaces: World = {
        "Namespace": [
            spaced("istio-system", {}),
            spaced("shop", {"istio-injection": "enabled"}),
            spaced("cart", {"istio.io/rev": "default"}),
        ],
        "ConfigMap": [root(name) for name in ("istio-system", "shop", "cart")],
        "CustomResourceDefinition": crds(),
        "ValidatingWebhookConfiguration": [istio.validator("default", default=True)],
    }
    apps = joined(app("web", "shop", "default"), app("cart", "cart", "default"))
    world = joined(spaces, control_plane("default"), control_plane(NEW), apps)
    planned = case(world, from_="default")
    assert planned.mesh.default == "default"
    assert [f for f in rules.findings(planned) if f.severity is BLOCK] == []
    assert [space.name for wave in planned.plan.waves for space in wave.spaces] == ["cart", "shop"]
    labels = {space.name: space.label for wave in planned.plan.waves for space in wave.spaces}
    assert labels == {"cart": "istio.io/rev=default", "shop": "istio-injection=enabled"}


def test_what_is_yet_to_be_installed_is_planned_for() -> None:
    world = joined(
        {
            "Namespace": [spaced("istio-system", {}), spaced("shop", {"istio.io/rev": OLD})],
            "ConfigMap": [root("istio-system"), root("shop")],
            "CustomResourceDefinition": crds(),
            "ValidatingWebhookConfiguration": [istio.validator(OLD, default=True)],
            "MutatingWebhookConfiguration": [istio.tag_webhook("default", OLD)],
            "Service": [istio.tag_service("default", OLD)],
        },
        control_plane(OLD),
        app("web", "shop"),
    )
    planned = case(world)
    assert planned.new is None
    assert [f for f in rules.findings(planned) if f.severity is BLOCK] == []
    overlapping = replace(planned.spec, to="default")
    assert [
        f.rule for f in rules.findings(replace(planned, spec=overlapping)) if f.severity is BLOCK
    ] == ["UPG-013"] * 4
