"""Objects of a cluster to the inventory of its mesh; what cannot be read is named in it.

Pods may be an iterator over pages, so that a cluster's pods never are in memory together.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rollout import lenient
from rollout.istio.revisions import syncz, webhooks
from rollout.istio.revisions.selection import Selection
from rollout.model.inventory import Inventory, Unread
from rollout.upgrade.inventory import config, gateways, planes, remarks, spaces, workloads

Obj = Mapping[str, Any]
Objects = Mapping[str, Iterable[Obj]]
"""By kind, as ``rollout.edges.kube.paths`` calls them."""

KINDS = (
    "Namespace", "Pod", "Deployment", "StatefulSet", "DaemonSet", "Service", "EndpointSlice",
    "ConfigMap", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
    "PodDisruptionBudget", "HorizontalPodAutoscaler", "CustomResourceDefinition", "Secret",
    "KubernetesGateway", "ArgoRollout", "Canary", "Rollout", "ControlPlaneUpgrade",
    "SailIstio", "SailTag", *config.KINDS,
)  # fmt: skip
"""Everything that an inventory is made of."""

MUST = frozenset(
    {
        "Namespace", "Pod", "Deployment", "StatefulSet", "DaemonSet", "Service", "EndpointSlice",
        "ConfigMap", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
    }
)  # fmt: skip
"""Kinds without which nothing can be said of a mesh; every API server knows them."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the objects of a cluster.

    ``kubernetes``: the API server's version, ``1.33``.
    ``pages``: what each replica of istiod said of its clients, with its revision; None: nobody
    could be asked. ``upgrade``: the one that asks, which is no other upgrade.
    ``rules``: whether rules are asked of the inventory: what they alone read takes longer than all
    the rest, and is left out else.
    ``denied``: what we may not do; None: nobody asked. ``unread``: what was refused to us.
    """

    kubernetes: str = ""
    pages: Iterable[tuple[str, object]] | None = None
    denied: tuple[str, ...] | None = None
    upgrade: str = ""
    rules: bool = True
    unread: tuple[Unread, ...] = ()


NOTHING = Beside()


def inventory(
    objects: Objects, namespace: str = "istio-system", beside: Beside = NOTHING
) -> Inventory:
    """All of the mesh whose istiods stand in ``namespace``.

    ``objects``: by kind; a kind that is missing was not read.
    """
    held = {kind: () if kind == "Pod" else (*objects.get(kind, ()),) for kind in KINDS}
    injectors = tuple(filter(None, map(webhooks.injector, held["MutatingWebhookConfiguration"])))
    injectors = tuple(sorted(injectors, key=lambda each: each.name))
    judges = tuple(filter(None, map(webhooks.validator, held["ValidatingWebhookConfiguration"])))
    selection = Selection(injectors)
    known = planes.Known.of(namespace, held, injectors, judges)
    labels = {lenient.name(each): spaces.labels(each) for each in held["Namespace"]}
    fleet = workloads.Fleet(selection, labels, held)
    fleet.take(objects.get("Pod", ()))
    entries = gateways.Doors(held, known, labels)
    judged = held if beside.rules else dict.fromkeys(KINDS, ())
    return Inventory(
        namespace=namespace,
        kubernetes=beside.kubernetes,
        revisions=known.revisions(fleet.nodes(namespace)),
        tags=known.tags,
        injectors=injectors,
        validators=tuple(sorted(judges, key=lambda each: each.name)),
        namespaces=spaces.namespaces(held, selection, labels),
        workloads=fleet.workloads(entries.deployments),
        pods=fleet.pods,
        gateways=entries.gateways(fleet),
        budgets=config.budgets(held["PodDisruptionBudget"]),
        filters=config.filters(held["EnvoyFilter"]),
        labelled=config.labelled(held),
        by_revision=config.by_revision(held),
        roots=known.roots(),
        services=known.services,
        agents=config.agents(held["DaemonSet"]),
        crds=config.crds(held["CustomResourceDefinition"]),
        sail=config.sail(held["SailIstio"], held["SailTag"]),
        strict=config.strict(held["PeerAuthentication"]),
        machines=config.machines(held["WorkloadEntry"]),
        remotes=config.remotes(held["Secret"]),
        upgrades=config.upgrades(held["ControlPlaneUpgrade"], beside.upgrade),
        dated=remarks.old(judged),
        broken=remarks.broken(judged),
        clashes=remarks.clashes(judged),
        denied=beside.denied,
        proxies=None if beside.pages is None else syncz.states(beside.pages),
        seen=frozenset(objects),
        unread=(*beside.unread, *_missing({*objects, *(each.what for each in beside.unread)})),
    )


def _missing(told: Collection[str]) -> tuple[Unread, ...]:
    absent = (kind for kind in KINDS if kind in MUST and kind not in told)
    return tuple(Unread(kind, "it was not read") for kind in absent)
