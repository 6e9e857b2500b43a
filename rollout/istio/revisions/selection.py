"""Which control plane injects a pod: the webhooks' own selectors, asked as the API server asks.

Source: Kubernetes, "Dynamic Admission Control", matching requests: a webhook is called when both
its selectors match, and every one that matches is called.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from rollout.labels import Labels, Operator, Requirement, Selector
from rollout.model.mesh import (
    DEFAULT,
    INJECT,
    INJECTION,
    NOBODY,
    REV,
    Hook,
    Injector,
    Resolution,
    Way,
)

SPACE = "kubernetes.io/metadata.name"
"""The label that every namespace has by itself (Kubernetes 1.22 on)."""


class Selection:
    """The webhooks of a cluster, ready to be asked for many pods; equal questions cost once."""

    def __init__(self, injectors: Iterable[Injector]) -> None:
        self._injectors = {each.name: each for each in injectors}
        hooks = (hook for each in self._injectors.values() for hook in each.hooks)
        self._hooks = sorted(hooks, key=lambda hook: (hook.configuration, hook.name))
        asked = (hook.namespaces.keys for hook in self._hooks)
        self._spaces = frozenset({REV, INJECTION}).union(*asked)
        asked = (hook.objects.keys for hook in self._hooks)
        self._objects = frozenset({REV, INJECT}).union(*asked)
        self._known: dict[tuple[frozenset[tuple[str, str]], ...], Resolution] = {}

    def called(self, namespace: Labels, pod: Labels) -> tuple[Hook, ...]:
        """Every webhook that is called for such a pod in such a namespace, in the order of calls.

        Source: Kubernetes, mutating webhooks are called in the order of their configurations'
        names.
        """
        return tuple(
            hook
            for hook in self._hooks
            if hook.namespaces.matches(namespace) and hook.objects.matches(pod)
        )

    def resolve(self, namespace: Labels, pod: Labels) -> Resolution:
        """Which control plane injects it, and by which way."""
        mattering = (
            frozenset(item for item in namespace.items() if item[0] in self._spaces),
            frozenset(item for item in pod.items() if item[0] in self._objects),
        )
        known = self._known.get(mattering)
        if known is None:
            known = self._known[mattering] = self._resolved(namespace, pod)
        return known

    def _resolved(self, namespace: Labels, pod: Labels) -> Resolution:
        called = self.called(namespace, pod)
        names = tuple(f"{hook.configuration}/{hook.name}" for hook in called)
        asked = wanted(namespace, pod)
        if not called:
            return NOBODY if asked is None else Resolution(Way.DANGLING, label=asked.name)
        injectors = [self._injectors[hook.configuration] for hook in called]
        revisions = {each.revision for each in injectors}
        revision = revisions.pop() if len(revisions) == 1 else ""
        if len(called) > 1:
            return Resolution(Way.SEVERAL, revision, hooks=names)
        if asked is None or asked.by_default:
            return Resolution(Way.DEFAULT, revision, injectors[0].tag, names)
        way = Way.TAG if injectors[0].tag else Way.DIRECT
        return Resolution(way, revision, injectors[0].tag, names)


@dataclass(frozen=True, slots=True)
class AskedRevision:
    """Which revision or tag labels ask for; ``by_default``: without naming it."""

    name: str
    by_default: bool = False


def wanted(namespace: Labels, pod: Labels) -> AskedRevision | None:
    """What these labels ask for by Istio's documentation, whoever is there to answer.

    A namespace's ``istio-injection`` goes before its ``istio.io/rev``, and that before the pod's.
    Source: Istio, "Installing the Sidecar", controlling the injection policy.
    """
    if pod.get(INJECT) == "false":
        return None
    if INJECTION in namespace:
        return (
            AskedRevision(DEFAULT, by_default=True) if namespace[INJECTION] == "enabled" else None
        )
    if REV in namespace:
        return AskedRevision(namespace[REV])
    if REV in pod:
        return AskedRevision(pod[REV])
    return AskedRevision(DEFAULT, by_default=True) if pod.get(INJECT) == "true" else None


_YES = frozenset({"y", "yes", "true", "on"})


def opts_out(labels: Labels, annotations: Labels) -> bool:
    """Whether the injector lets such a pod pass although its webhook was called for it.

    The label goes before the annotation of the same name, which webhooks do not see.
    Source: istio/istio, ``pkg/kube/inject/inject.go``, ``injectRequired``.
    """
    asked = labels.get(INJECT, annotations.get(INJECT, ""))
    return bool(asked) and asked.lower() not in _YES


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two webhooks that are both called for some pod: one with these labels, there."""

    one: Hook
    other: Hook
    namespace: Labels
    pod: Labels


def overlaps(injectors: Iterable[Injector]) -> Iterator[Overlap]:
    """Every pair of webhooks that some pod would be injected by twice, with such a pod's labels.

    Labels are independent of each other, so a pair overlaps if for every label there is a value
    that all requirements on it allow.
    """
    hooks = [hook for each in injectors for hook in each.hooks]
    for one, other in combinations(hooks, 2):
        namespace = _common(one.namespaces, other.namespaces)
        pod = _common(one.objects, other.objects)
        if namespace is not None and pod is not None:
            yield Overlap(one, other, namespace, pod)


def _common(one: Selector, other: Selector) -> Labels | None:
    """The fewest labels that both select; None: there are none that both do."""
    if one.broken or other.broken:
        return None
    by_key: dict[str, list[Requirement]] = {}
    for each in (*one.requirements, *other.requirements):
        by_key.setdefault(each.key, []).append(each)
    carried: dict[str, str] = {}
    for key, requirements in by_key.items():
        fits = _fitting(key, requirements)
        if fits is None:
            return None
        carried |= fits
    return carried


def _fitting(key: str, requirements: list[Requirement]) -> Labels | None:
    """``{}`` where the label may be missing, else it with a value; None: nothing fits."""
    listed = [v for each in requirements if each.operator is Operator.IN for v in each.values]
    tried: list[Labels] = [{}, *({key: value} for value in dict.fromkeys(listed))]
    tried.append({key: _other(requirements)})
    return next((t for t in tried if all(each.holds(t) for each in requirements)), None)


def _other(requirements: list[Requirement]) -> str:
    """A value that none of them names."""
    named = {value for each in requirements for value in each.values}
    value = "any"
    while value in named:
        value += "-other"
    return value
