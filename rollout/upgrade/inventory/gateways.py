"""Gateways of the three kinds, and what would have to move with each.

Sources: istio/istio, ``manifests/charts/gateway`` (injected), ``manifests/charts/gateways``
(bundled with ``istioctl install``); ``pilot/pkg/config/kube/gateway/deploymentcontroller.go`` and
``pkg/revisions/tag_watcher.go`` (Gateway API).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from rollout import labels as selecting
from rollout import lenient
from rollout.istio import owner
from rollout.istio.revisions import proxies, webhooks
from rollout.model.inventory import GatewayKind, MeshGateway
from rollout.model.mesh import DEFAULT, INJECTION, NOBODY, REV, Resolution, Way
from rollout.model.ref import Ref
from rollout.upgrade.inventory.config import ref_of
from rollout.upgrade.inventory.planes import Known
from rollout.upgrade.inventory.workloads import Fleet

Obj = Mapping[str, Any]
Held = Mapping[str, tuple[Obj, ...]]

COMPONENTS = frozenset({"IngressGateways", "EgressGateways"})
MADE_FOR = "gateway.networking.k8s.io/gateway-name"
CLASSES: Mapping[str, GatewayKind] = {
    "istio": GatewayKind.API,
    "istio-east-west": GatewayKind.API,
    "istio-waypoint": GatewayKind.WAYPOINT,
}


class Doors:
    """The gateways of a mesh, told apart from workloads."""

    def __init__(
        self,
        held: Held,
        known: Known,
        spaces: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._held = held
        self._spaces = spaces
        self._releases = known.releases
        self._tags = {each.name: each for each in known.tags}
        self._revisions = known.names
        self._made = {
            (lenient.namespace(each), lenient.labels(each)[MADE_FOR]): each
            for each in held["Deployment"]
            if lenient.labels(each).get(MADE_FOR)
        }
        self._own = [each for each in held["Deployment"] if self._is_gateway(each)]

    def _is_gateway(self, obj: Obj) -> bool:
        template = lenient.mapping(lenient.under(obj, "spec", "template"))
        asked = lenient.annotations(template).get(proxies.TEMPLATES, "").split(",")
        bundled = lenient.labels(obj).get("operator.istio.io/component") in COMPONENTS
        return bundled or "gateway" in (word.strip() for word in asked)

    @property
    def deployments(self) -> frozenset[Ref]:
        """The Deployments that are gateways, whoever made them."""
        every = (*self._own, *self._made.values())
        return frozenset(ref_of("Deployment", each) for each in every)

    def gateways(self, fleet: Fleet) -> tuple[MeshGateway, ...]:
        """All of them, by kind and name."""
        api = [self._api(each, fleet) for each in self._held["KubernetesGateway"]]
        own = [self._deployed(each, fleet) for each in self._own]
        every = (*own, *(each for each in api if each is not None))
        return tuple(sorted(every, key=lambda each: (each.kind, each.ref)))

    def _kind(self, obj: Obj) -> GatewayKind:
        """Bundled: by the operator's label, or in one Helm release with istiod."""
        component = lenient.labels(obj).get("operator.istio.io/component") in COMPONENTS
        release = lenient.annotations(obj).get(webhooks.RELEASE, "")
        together = bool(release) and release in self._releases
        return GatewayKind.BUNDLED if component or together else GatewayKind.INJECTED

    def _deployed(self, obj: Obj, fleet: Fleet) -> MeshGateway:
        labels = lenient.labels(lenient.under(obj, "spec", "template"))
        space = lenient.namespace(obj)
        notes = lenient.annotations(lenient.under(obj, "spec", "template"))
        return self._around(
            obj,
            self._kind(obj),
            ref_of("Deployment", obj),
            labels.get(REV) or notes.get(REV, ""),
            fleet.resolution(space, labels),
        )

    def _api(self, obj: Obj, fleet: Fleet) -> MeshGateway | None:
        """A Gateway of a class that istiod programs; None: another controller's."""
        kind = CLASSES.get(lenient.text(lenient.under(obj, "spec", "gatewayClassName")))
        if kind is None:
            return None
        space = lenient.namespace(obj)
        named = lenient.labels(obj).get(REV, "")
        made = self._made.get((space, lenient.name(obj)), lenient.NONE)
        given = lenient.mappings(lenient.under(obj, "spec", "addresses"))
        addresses = tuple(lenient.text(each.get("value")) for each in given)
        ref = ref_of("KubernetesGateway", obj)
        asked = self._owner(named, self._spaces.get(space, {}))
        return self._around(made, kind, ref, named, asked, addresses=addresses)

    def _owner(self, named: str, space: Mapping[str, str]) -> Resolution:
        """Which revision programs it: by its own label, its namespace's, or the default."""
        asked = named or space.get(REV, "")
        by_default = not asked or (not named and space.get(INJECTION) == "enabled")
        asked = DEFAULT if by_default else asked
        tag = self._tags.get(asked)
        if tag is not None:
            revisions = sorted(tag.revisions)
            way = Way.SEVERAL if len(revisions) > 1 else Way.DEFAULT if by_default else Way.TAG
            return Resolution(way, revisions[0] if len(revisions) == 1 else "", asked)
        if asked not in self._revisions:
            return Resolution(Way.DANGLING, label=asked)
        return Resolution(Way.DEFAULT if by_default else Way.DIRECT, asked)

    def _around(
        self,
        made: Obj,
        kind: GatewayKind,
        ref: Ref,
        revision: str,
        resolution: Resolution = NOBODY,
        *,
        addresses: tuple[str, ...] = (),
    ) -> MeshGateway:
        spec = lenient.mapping(made.get("spec"))
        pod = lenient.mapping(lenient.under(spec, "template", "spec"))
        labels = lenient.labels(spec.get("template"))
        images = [lenient.text(each.get("image")) for each in proxies.proxies(pod)]
        services = [s for s in self._in(ref, "Service") if selects(s, labels)]
        scaler = next((h for h in self._in(ref, "HorizontalPodAutoscaler") if _scales(h, made)), {})
        bounds = lenient.mapping(scaler.get("spec"))
        least = lenient.number(bounds.get("minReplicas"), 1)
        guard = [b for b in self._in(ref, "PodDisruptionBudget") if _guards(b, labels)]
        local = (lenient.under(each, "spec", "externalTrafficPolicy") for each in services)
        return MeshGateway(
            kind,
            ref,
            labels,
            revision,
            resolution,
            lenient.number(spec.get("replicas"), 1),
            lenient.number(lenient.under(made, "status", "readyReplicas")),
            images[0] if images else "",
            tuple(sorted(map(lenient.name, services))),
            tuple(self._configured(labels)),
            lenient.name(scaler),
            (least, lenient.number(bounds.get("maxReplicas"), least)),
            lenient.name(guard[0]) if guard else "",
            timedelta(seconds=lenient.number(pod.get("terminationGracePeriodSeconds"), 30)),
            "Local" in local,
            addresses,
            owner.owner(made),
            owner.is_put_back(made) and not owner.is_left_alone(made),
        )

    def _in(self, ref: Ref, kind: str) -> list[Obj]:
        return [each for each in self._held[kind] if lenient.namespace(each) == ref.namespace]

    def _configured(self, labels: Mapping[str, str]) -> Iterable[Ref]:
        """Istio's Gateway objects whose selector picks such pods, in whatever namespace."""
        for each in self._held["Gateway"]:
            if selects(each, labels):
                yield ref_of("Gateway", each)


def selects(obj: Obj, labels: Mapping[str, str]) -> bool:
    """Whether the Service, or Istio's Gateway, picks pods of these labels."""
    wanted = selecting.pairs(lenient.under(obj, "spec", "selector"))
    return bool(labels) and not wanted.empty and wanted.matches(labels)


def _scales(hpa: Obj, deployment: Obj) -> bool:
    target = lenient.mapping(lenient.under(hpa, "spec", "scaleTargetRef"))
    return target.get("kind") == "Deployment" and target.get("name") == lenient.name(deployment)


def _guards(budget: Obj, labels: Mapping[str, str]) -> bool:
    selector = selecting.selector(lenient.under(budget, "spec", "selector"))
    return bool(labels) and not selector.empty and selector.matches(labels)
