"""What the rules look at: objects as the API server gives them, and whose rollout it is about."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rollout.istio import hosts, virtualservice
from rollout.istio.beside import NOBODY, Beside
from rollout.istio.routes import listing, reach
from rollout.model.spec import AnalysisTemplateSpec, TemplateUse, Unread
from rollout.model.traffic import Cohort, Route, Target, full_host
from rollout.workloads import deployment, selector

Obj = Mapping[str, Any]
Objs = tuple[Obj, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects that might matter, at one moment; a kind that could not be read is empty.

    ``claims``: ``namespace/name`` of every Rollout that goes before this one, to the full host
    name of its service.
    ``beside``: what may share a gateway host with the rollout's VirtualServices.
    ``root``: Istio's root namespace.
    ``moved_by``: the upgrade of the mesh that moves the rollout's namespace now; empty: none.
    """

    virtual_services: Objs = ()
    destination_rules: Objs = ()
    services: Objs = ()
    deployments: Objs = ()
    pods: Objs = ()
    endpoint_slices: Objs = ()
    gateways: Objs = ()
    sidecars: Objs = ()
    peer_authentications: Objs = ()
    authorization_policies: Objs = ()
    hpas: Objs = ()
    pdbs: Objs = ()
    namespaces: Objs = ()
    network_policies: Objs = ()
    telemetries: Objs = ()
    claims: Mapping[str, str] = field(default_factory=dict)
    beside: Beside = NOBODY
    root: str = "istio-system"
    moved_by: str = ""


@dataclass(frozen=True)
class Case:
    """One rollout before a journey: the objects, and what is about to be done with them.

    What most rules ask is looked for once (``cached_property``, for which there are no slots).

    ``stable``, ``canary``: names of Deployments; empty when there is none yet.
    ``autoscaler``: the HPA that is to be handed over; empty: none.
    ``templated``: each revision is a Deployment of our making.
    ``cohorts``: of all steps. ``sticky``: whether users are pinned by a cookie of ours.
    ``ahead``: the routes of all steps.
    ``counted``: names of the metrics that are judged by Istio's counters of requests.
    ``uses``, ``templates``: the AnalysisTemplates in use, and those that are there, by name.
    ``server_side``: what the pods' own proxies count is the only evidence.
    ``overruled``: rule to the reason for which a person lets it pass.
    """

    snapshot: Snapshot
    target: Target
    stable: str = ""
    canary: str = ""
    cohorts: tuple[Cohort, ...] = ()
    sticky: bool = False
    autoscaler: str = ""
    templated: bool = False
    ahead: tuple[Route, ...] = ()
    counted: tuple[str, ...] = ()
    server_side: bool = False
    uses: tuple[TemplateUse, ...] = ()
    templates: Mapping[str, AnalysisTemplateSpec | Unread] = field(default_factory=dict)
    overruled: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def service(self) -> Obj | None:
        name = hosts.short(self.target.host)
        return next((s for s in self.here(self.snapshot.services) if _name(s) == name), None)

    @cached_property
    def managed(self) -> Objs:
        """The VirtualServices that a journey would write."""
        found = self.snapshot.virtual_services
        return tuple(o for o in found if virtualservice.managed(o, self.target))

    @cached_property
    def rules(self) -> Objs:
        """Every DestinationRule for the host, whatever its namespace."""
        return tuple(o for o in self.snapshot.destination_rules if self._is_for_host(o))

    @cached_property
    def workloads(self) -> Objs:
        """The Deployments of stable and canary, those that are there."""
        names = (self.stable, self.canary)
        return tuple(d for d in self.here(self.snapshot.deployments) if _name(d) in names)

    def exported(self, obj: Obj) -> set[str]:
        """The namespaces whose callers see ``obj``; ``*``: all of them."""
        return listing.exported(obj, listing.namespace(obj, self.target))

    def here(self, objs: Iterable[Obj]) -> Objs:
        """Those of the rollout's own namespace."""
        return tuple(o for o in objs if listing.namespace(o, self.target) == self.target.namespace)

    def pods(self, workload: Obj) -> Objs:
        """The pods of one Deployment."""
        select = workload["spec"].get("selector")
        return tuple(p for p in self.here(self.snapshot.pods) if selector.selects(select, p))

    def routes(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every managed route as its author wrote it, with its name for people in front."""
        for obj in self.managed:
            for place, route in self.places(obj):
                yield f"{listing.where(obj, self.target)} {place}", route

    def places(self, obj: Obj) -> Iterator[tuple[listing.ManagedRoute, Mapping[str, Any]]]:
        """The managed routes of one object, in order."""
        for base in listing.bases(obj, self.target):
            if not base.dropped:
                yield base.place, base.value

    def bound(self, obj: Obj) -> Iterator[tuple[Obj, str]]:
        """The gateways that requests for ``obj`` come by, each with the object that says so.

        A delegate is bound where its roots are.
        """
        if listing.spec(obj).get("hosts"):
            yield from ((obj, name) for name in reach.gateways(obj))
            return
        shown = self.exported(obj)
        for root in self.snapshot.virtual_services:
            if shown & {"*", listing.namespace(root, self.target)} and self.handing(root, obj):
                yield from ((root, name) for name in reach.gateways(root))

    def handing(self, root: Obj, obj: Obj) -> tuple[Mapping[str, Any], ...]:
        """The routes of ``root`` that delegate to ``obj``."""
        me = listing.namespace(obj, self.target), _name(obj)
        routes = (route for _, route in listing.listed(root))
        return tuple(r for r in routes if reach.delegate_of(r, root, self.target) == me)

    def bindings(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every managed object as people name it, and the gateways that it is bound to."""
        for obj in self.managed:
            yield listing.where(obj, self.target), tuple(name for _, name in self.bound(obj))

    def gateway(self, name: str, obj: Obj) -> Obj | None:
        """The Gateway that ``obj`` calls by this name; None: it is not there."""
        space, _, short = name.rpartition("/")
        wanted = space or listing.namespace(obj, self.target), short
        known = self.snapshot.gateways
        return next(
            (g for g in known if (listing.namespace(g, self.target), _name(g)) == wanted), None
        )

    def service_of(self, host: str) -> Obj | None:
        """The Service of that full host name, if it is known."""
        for obj in self.snapshot.services:
            if full_host(_name(obj), listing.namespace(obj, self.target)) == host:
                return obj
        return None

    def ready(self) -> frozenset[str]:
        """Names of the pods that the service has as ready endpoints."""
        return frozenset(deployment.endpoints(self.here(self.snapshot.endpoint_slices)))

    def _is_for_host(self, obj: Obj) -> bool:
        space = listing.namespace(obj, self.target)
        return hosts.means(str(obj["spec"].get("host")), space, self.target.host)


def _name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def named(obj: Obj, kind: str) -> str:
    """``kind namespace/name``, as every finding names an object."""
    space = obj["metadata"].get("namespace")
    return f"{kind} {space}/{_name(obj)}" if space else f"{kind} {_name(obj)}"


def template(workload: Obj) -> Mapping[str, Any]:
    """A Deployment's pod template."""
    found: Mapping[str, Any] = workload["spec"].get("template") or {}
    return found


def labels(workload: Obj) -> Mapping[str, str]:
    """The labels of a Deployment's pod template."""
    found: Mapping[str, str] = (template(workload).get("metadata") or {}).get("labels") or {}
    return found


def containers(workload: Obj) -> tuple[Obj, ...]:
    """The containers of a Deployment's pod template, the mesh's own left out."""
    spec = template(workload).get("spec") or {}
    return tuple(c for c in spec.get("containers") or () if c.get("name") != "istio-proxy")
