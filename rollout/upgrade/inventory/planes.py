"""Control planes: what belongs to each revision by its label ``istio.io/rev``.

Source: istio/istio, ``manifests/charts/istio-control/istio-discovery/templates``:
``deployment.yaml``, ``service.yaml``, ``configmap.yaml``, ``istiod-injector-configmap.yaml``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rollout import labels as selecting
from rollout import lenient
from rollout.istio import owner
from rollout.istio.revisions import config, tags, trust, webhooks
from rollout.model.inventory import Root
from rollout.model.mesh import (
    DEFAULT,
    REV,
    TAG,
    Callee,
    Injector,
    InjectorConfig,
    Istiod,
    MeshRevision,
    Tag,
    Validator,
    image_version,
)

Obj = Mapping[str, Any]
Held = Mapping[str, tuple[Obj, ...]]

SLICE_OF = "kubernetes.io/service-name"
ROOT_CERT = "root-cert.pem"
_SIZES = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "k": 10**3, "M": 10**6,
          "G": 10**9, "T": 10**12}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """The objects of Istio's namespace, by what they are to a revision."""

    namespace: str
    injectors: tuple[Injector, ...]
    validators: tuple[Validator, ...]
    tags: tuple[Tag, ...]
    istiods: Mapping[str, Obj]
    configs: Mapping[str, Obj]
    secrets: tuple[Obj, ...]
    budgets: tuple[Obj, ...]
    services: Mapping[tuple[str, str], int]
    by_service: Mapping[str, str]
    releases: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(
        cls,
        namespace: str,
        held: Held,
        injectors: tuple[Injector, ...],
        validators: tuple[Validator, ...],
    ) -> "Known":
        """From the objects of all kinds; those of other namespaces are left out."""
        here = {kind: _in(namespace, held[kind]) for kind in ("Deployment", "ConfigMap", "Secret")}
        istiods = {
            lenient.labels(each).get(REV) or DEFAULT: each
            for each in here["Deployment"]
            if lenient.labels(each).get("app") == "istiod"
        }
        own = [s for s in _in(namespace, held["Service"]) if not lenient.labels(s).get(TAG)]
        called = {(c.namespace, c.service) for c in _callees(injectors, validators)}
        return cls(
            namespace,
            injectors,
            validators,
            tags.tags(injectors, _in(namespace, held["Service"])),
            istiods,
            {lenient.name(each): each for each in here["ConfigMap"]},
            tuple(here["Secret"]),
            tuple(_in(namespace, held["PodDisruptionBudget"])),
            _endpoints(namespace, called, held["Service"], held["EndpointSlice"]),
            {
                lenient.labels(each).get(REV) or DEFAULT: lenient.name(each)
                for each in own
                if lenient.labels(each).get("app") == "istiod"
            },
            frozenset(filter(None, map(_release, istiods.values()))),
        )

    def revisions(self, nodes: Mapping[str, int]) -> tuple[MeshRevision, ...]:
        """Every revision that has an istiod or a webhook; ``nodes``: of istiods, by Deployment."""
        return tuple(self._revision(name, nodes) for name in sorted(self.names))

    @property
    def names(self) -> frozenset[str]:
        """Every revision that has an istiod, or a webhook that no tag brought."""
        hooked = {each.revision for each in self.injectors if not each.tag}
        return frozenset({*self.istiods, *hooked})

    def _revision(self, name: str, nodes: Mapping[str, int]) -> MeshRevision:
        own = [each for each in self.injectors if each.revision == name and not each.tag]
        bundles = [hook.ca_bundle for each in own for hook in each.hooks if hook.ca_bundle]
        deployment, service = self.istiods.get(name), self.by_service.get(name, "")
        injection = self._injection(name, deployment)
        image = _image(deployment) if deployment is not None else ""
        return MeshRevision(
            name,
            self.namespace,
            image_version(image) or image_version(injection.image if injection else ""),
            self._istiod(deployment, nodes) if deployment is not None else None,
            tuple(each.name for each in own),
            bundles[0] if bundles else "",
            next((v.name for v in self.validators if v.revision == name and not v.default), ""),
            service,
            self.services.get((self.namespace, service)),
            self._mesh_config(name),
            injection,
        )

    def _mesh_config(self, name: str) -> str | None:
        obj = self.configs.get(webhooks.suffixed("istio", name))
        return None if obj is None else lenient.text(lenient.under(obj, "data", "mesh"))

    def _injection(self, name: str, deployment: Obj | None) -> InjectorConfig | None:
        obj = self.configs.get(webhooks.suffixed("istio-sidecar-injector", name))
        if obj is None:
            return None
        native = {"true": True, "false": False}.get(_env(deployment, "ENABLE_NATIVE_SIDECARS"))
        return replace(config.injection(obj), native=native)

    def _istiod(self, obj: Obj, nodes: Mapping[str, int]) -> Istiod:
        status, spec = lenient.mapping(obj.get("status")), lenient.mapping(obj.get("spec"))
        template = lenient.labels(spec.get("template"))
        limits = lenient.under(_discovery(obj), "resources", "limits", "memory")
        return Istiod(
            lenient.name(obj),
            _image(obj),
            lenient.number(spec.get("replicas"), 1),
            lenient.number(status.get("readyReplicas")),
            _updated(obj),
            nodes.get(lenient.name(obj), 0),
            any(_guards(each, template) for each in self.budgets),
            size(limits),
            owner.owner(obj),
            owner.is_put_back(obj),
        )

    def roots(self) -> tuple[Root, ...]:
        """Where roots of trust are written down: webhooks, and the secrets that istiod signs by."""
        return tuple(self._bundles()) + tuple(self._authorities())

    def _bundles(self) -> Iterator[Root]:
        for each in self.injectors:
            for bundle in dict.fromkeys(hook.ca_bundle for hook in each.hooks if hook.ca_bundle):
                where = f"mutatingwebhookconfiguration {each.name}"
                yield Root(where, trust.fingerprints(bundle), trust.until(bundle))

    def _authorities(self) -> Iterator[Root]:
        for each in self.secrets:
            name, data = lenient.name(each), lenient.texts(each.get("data"))
            if name in ("cacerts", "istio-ca-secret"):
                root = data.get(ROOT_CERT) or data.get("ca-cert.pem", "")
                signs = data.get("ca-cert.pem", "") or root
                where = f"secret {self.namespace}/{name}"
                yield Root(where, trust.fingerprints(root), trust.until(signs))


def _callees(injectors: Iterable[Injector], validators: Iterable[Validator]) -> Iterator[Callee]:
    yield from (hook.calls for each in injectors for hook in each.hooks)
    yield from (each.calls for each in validators)


def _in(namespace: str, objs: Iterable[Obj]) -> list[Obj]:
    return [each for each in objs if lenient.namespace(each) == namespace]


def _release(obj: Obj) -> str:
    """The installation that an object came with: Helm's release, or the IstioOperator's."""
    return lenient.annotations(obj).get(webhooks.RELEASE, "")


def _endpoints(
    namespace: str, called: set[tuple[str, str]], services: Iterable[Obj], slices: Iterable[Obj]
) -> dict[tuple[str, str], int]:
    names = {(lenient.namespace(each), lenient.name(each)) for each in services}
    wanted = {key for key in names if key[0] == namespace or key in called}
    ready: dict[tuple[str, str], set[str]] = {key: set() for key in wanted}
    for each in slices:
        key = lenient.namespace(each), lenient.labels(each).get(SLICE_OF, "")
        if key in ready:
            ready[key] |= set(_ready(each))
    return {key: len(addresses) for key, addresses in ready.items()}


def _ready(part: Obj) -> Iterator[str]:
    """Addresses that requests are sent to.

    Source: Kubernetes API, ``EndpointConditions``: a missing ``ready`` means true.
    """
    for endpoint in lenient.mappings(part.get("endpoints")):
        if lenient.under(endpoint, "conditions", "ready") is not False:
            target = lenient.text(lenient.under(endpoint, "targetRef", "name"))
            addresses = [a for a in lenient.items(endpoint.get("addresses")) if isinstance(a, str)]
            yield target or ",".join(addresses)


def _discovery(deployment: Obj | None) -> Obj:
    containers = lenient.under(deployment, "spec", "template", "spec", "containers")
    every = list(lenient.mappings(containers))
    named = [each for each in every if each.get("name") == "discovery"]
    return next(iter((*named, *every)), lenient.NONE)


def _image(deployment: Obj) -> str:
    return lenient.text(_discovery(deployment).get("image"))


def _env(deployment: Obj | None, name: str) -> str:
    for each in lenient.mappings(_discovery(deployment).get("env")):
        if each.get("name") == name:
            return lenient.text(each.get("value"))
    return ""


def _updated(obj: Obj) -> bool:
    """Whether every pod is of the newest template. Source: Kubernetes API, DeploymentStatus."""
    status = lenient.mapping(obj.get("status"))
    generation = lenient.number(lenient.meta(obj).get("generation"))
    pods = lenient.number(status.get("replicas"))
    seen = lenient.number(status.get("observedGeneration")) >= generation
    return seen and lenient.number(status.get("updatedReplicas"), pods) >= pods


def _guards(budget: Obj, pod_labels: Mapping[str, str]) -> bool:
    selector = selecting.selector(lenient.under(budget, "spec", "selector"))
    return not selector.empty and selector.matches(pod_labels)


def size(value: object) -> int:
    """Bytes of a quantity such as ``2Gi``; 0 where there is none.

    Source: Kubernetes, "Resource Management", meaning of memory.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = lenient.text(value)
    unit = next((u for u in _SIZES if text.endswith(u)), "")
    return (lenient.whole(text.removesuffix(unit)) or 0) * _SIZES.get(unit, 1)
