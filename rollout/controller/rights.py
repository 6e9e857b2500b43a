"""What we may be allowed to do on an API server, and what each of it is for; one table.

RBAC manifests, the docs' page and the controller's own question "what may I not?" come from here;
the tests do every call under exactly these rights, and show that each is used.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

LEASE = "rollout-controller"
MOST_SHARDS = 8
"""Leases that roles allow by name, so that a number of shards may change without a right."""
_SEE = ("list", "watch")


class Need(StrEnum):
    """What a right is for, and does not work without it."""

    ROLLOUTS = "every Rollout"
    LEADER = "who of the replicas acts"
    SUBSETS = "subsets of a DestinationRule"
    TEMPLATES = "analyses that use an AnalysisTemplate"
    PREFLIGHT = "preflight: the rules that read it find nothing"
    EVENTS = "Events"
    SOURCES = "RolloutSources"
    MANIFESTS = "RolloutSources with `manifests: true`"
    PUSHES = "push webhooks at a replica that does not lead"
    MANAGED = "`scale: managed`"
    POD_TEMPLATE = "`template`"
    CONFIGURATION = "`template` that names ConfigMaps or Secrets"
    AUTOSCALER = "`autoscaler`"
    UPGRADES = "ControlPlaneUpgrades"
    SWITCHOVERS = "ClusterSwitchovers"
    SECRETS = "webhooks with a Secret, and sources with a `secretRef`, `webhook` or `commitStatus`"


REQUIRED = frozenset({Need.ROLLOUTS, Need.LEADER})
"""Without these nothing works; without any other one, only what needs it does not."""


OPT_IN = frozenset({Need.MANIFESTS, Need.UPGRADES})
"""Granted, and asked about, only where something of the cluster wants it."""

USUAL = frozenset(Need) - OPT_IN


@dataclass(frozen=True, slots=True)
class Right:
    """``verbs`` on ``kinds``, or on a ``subresource`` of theirs, and what for."""

    need: Need
    verbs: tuple[str, ...]
    kinds: tuple[str, ...]
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One verb on one kind: what an API server says yes or no to."""

    verb: str
    kind: str
    subresource: str = ""


RIGHTS: tuple[Right, ...] = (
    Right(
        Need.ROLLOUTS,
        _SEE,
        (
            "Rollout",
            "VirtualService",
            "DestinationRule",
            "Service",
            "EndpointSlice",
            "Pod",
            "Deployment",
        ),
    ),
    # A patch that lost a race is followed by a read of that one object, hence `get`.
    Right(Need.ROLLOUTS, ("get", "patch"), ("Rollout", "VirtualService")),
    Right(Need.ROLLOUTS, ("patch",), ("Rollout",), "status"),
    Right(Need.LEADER, ("get", "create", "patch"), ("Lease",)),
    Right(Need.SUBSETS, ("get", "create", "patch", "delete"), ("DestinationRule",)),
    Right(Need.TEMPLATES, _SEE, ("AnalysisTemplate",)),
    Right(
        Need.PREFLIGHT,
        _SEE,
        (
            "Gateway",
            "Sidecar",
            "PeerAuthentication",
            "AuthorizationPolicy",
            "Telemetry",
            "NetworkPolicy",
            "Namespace",
            "PodDisruptionBudget",
            "HorizontalPodAutoscaler",
        ),
    ),
    Right(Need.EVENTS, ("create",), ("Event",)),
    Right(Need.SOURCES, ("list", "watch", "get"), ("RolloutSource",)),
    Right(Need.SOURCES, ("patch",), ("RolloutSource",), "status"),
    Right(Need.PUSHES, ("patch",), ("RolloutSource",)),
    Right(Need.SOURCES, ("create", "delete"), ("Rollout",)),
    Right(Need.SOURCES, ("get", "create", "patch", "delete"), ("AnalysisTemplate",)),
    # Server-side apply makes an object by a patch, and wants the right to create it, too.
    Right(
        Need.MANIFESTS,
        ("get", "list", "create", "patch", "delete"),
        (
            *("Deployment", "Service", "ConfigMap", "HorizontalPodAutoscaler"),
            *("PodDisruptionBudget", "VirtualService", "DestinationRule"),
        ),
    ),
    Right(Need.MANAGED, ("get", "patch"), ("Deployment",)),
    Right(Need.POD_TEMPLATE, ("get", "create", "patch", "delete"), ("Deployment",)),
    Right(Need.CONFIGURATION, ("list", "watch", "create", "delete"), ("ConfigMap", "Secret")),
    Right(Need.AUTOSCALER, ("list", "watch", "get", "patch"), ("HorizontalPodAutoscaler",)),
    Right(Need.SECRETS, _SEE, ("Secret",)),
    Right(
        Need.UPGRADES,
        _SEE,
        (
            "ControlPlaneUpgrade",
            "Namespace",
            "Pod",
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "Service",
            "ServiceAccount",
            "EndpointSlice",
            "ConfigMap",
            "Secret",
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
            "PodDisruptionBudget",
            "HorizontalPodAutoscaler",
            "CustomResourceDefinition",
            "Rollout",
            "VirtualService",
            "DestinationRule",
            "Gateway",
            "Sidecar",
            "EnvoyFilter",
            "ServiceEntry",
            "WorkloadEntry",
            "WorkloadGroup",
            "ProxyConfig",
            "PeerAuthentication",
            "RequestAuthentication",
            "AuthorizationPolicy",
            "Telemetry",
            "WasmPlugin",
            "KubernetesGateway",
            "ArgoRollout",
            "Canary",
            "SailIstio",
            "SailTag",
        ),
    ),
    Right(Need.UPGRADES, ("get", "patch"), ("ControlPlaneUpgrade",)),
    Right(Need.UPGRADES, ("patch",), ("ControlPlaneUpgrade",), "status"),
    # Tried in dry runs alone: what injection makes of a pod, and whether Istio takes its objects.
    Right(Need.UPGRADES, ("create",), ("Pod", "VirtualService")),
    Right(
        Need.UPGRADES,
        ("get", "patch"),
        (
            "Namespace",
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "ArgoRollout",
            "Service",
            "HorizontalPodAutoscaler",
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
            "SailIstio",
        ),
    ),
    # A gateway's twin, pods of workloads that are only updated as they are deleted.
    Right(Need.UPGRADES, ("create",), ("Deployment",)),
    Right(Need.UPGRADES, ("delete",), ("Pod",)),
    # The old control plane's own objects, after an approval.
    Right(
        Need.UPGRADES,
        ("delete",),
        (
            "Deployment",
            "Service",
            "ServiceAccount",
            "ConfigMap",
            "PodDisruptionBudget",
            "HorizontalPodAutoscaler",
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ),
    ),
    Right(Need.SWITCHOVERS, ("list", "watch", "get", "patch"), ("ClusterSwitchover",)),
    Right(Need.SWITCHOVERS, ("patch",), ("ClusterSwitchover",), "status"),
    Right(Need.SWITCHOVERS, ("get", "list", "patch"), ("DNSEndpoint",)),
    Right(Need.SWITCHOVERS, ("get", "patch"), ("Deployment",)),
    Right(Need.SWITCHOVERS, ("get",), ("Secret",)),
    Right(Need.SWITCHOVERS, ("list",), ("CronJob", "ResourceQuota")),
)


def leases(count: int) -> tuple[str, ...]:
    """The names of the Leases by which replicas share all objects; the first is always there."""
    return (LEASE, *(f"{LEASE}-{place}" for place in range(1, count)))


@functools.cache
def calls(of: frozenset[Need] = USUAL) -> Mapping[Call, tuple[Need, ...]]:
    """Every call that we make for one of these needs, and what it is for; in the table's order."""
    found: dict[Call, tuple[Need, ...]] = {}
    for need, call in _each():
        if need in of:
            found[call] = (*found.get(call, ()), need)
    return found


def _each() -> Iterator[tuple[Need, Call]]:
    for right in RIGHTS:
        for kind in right.kinds:
            for verb in right.verbs:
                yield right.need, Call(verb, kind, right.subresource)
