"""Namespaces: their labels, which control plane they come to, and what is under way in them."""

from collections.abc import Iterator, Mapping
from typing import Any

from rollout import lenient
from rollout.istio import owner
from rollout.istio.revisions import trust
from rollout.istio.revisions.selection import SPACE, Selection
from rollout.model.mesh import MeshNamespace
from rollout.model.ref import Ref
from rollout.model.status import Stage

Obj = Mapping[str, Any]
Held = Mapping[str, tuple[Obj, ...]]

ROOT = "istio-ca-root-cert"
_UNDER_WAY: Mapping[str, frozenset[str]] = {
    "Rollout": frozenset({"Progressing", "Paused", "RollingBack"}),
    "ArgoRollout": frozenset({"Progressing", "Paused"}),
    "Canary": frozenset(
        {"Progressing", "Waiting", "WaitingPromotion", "Promoting", "Finalising", "Terminating"}
    ),
}
"""By kind, the phases of ``status.phase`` in which requests move, or may at any moment.

Sources: Argo Rollouts, ``RolloutPhase``; Flagger, ``CanaryPhase``.
"""


def labels(namespace: Obj) -> dict[str, str]:
    """A namespace's labels, with the one that Kubernetes gives to every namespace."""
    return {SPACE: lenient.name(namespace), **lenient.labels(namespace)}


def namespaces(
    held: Held, selection: Selection, known: Mapping[str, Mapping[str, str]]
) -> tuple[MeshNamespace, ...]:
    """Every namespace, by name."""
    roots = {
        lenient.namespace(each): each for each in held["ConfigMap"] if lenient.name(each) == ROOT
    }
    active: dict[str, list[tuple[Ref, bool]]] = {}
    for ref, prepared in _under_way(held):
        active.setdefault(ref.namespace, []).append((ref, prepared))
    every = sorted(held["Namespace"], key=lenient.name)
    return tuple(_namespace(each, selection, known, roots, active) for each in every)


def _namespace(
    obj: Obj,
    selection: Selection,
    known: Mapping[str, Mapping[str, str]],
    roots: Mapping[str, Obj],
    active: Mapping[str, list[tuple[Ref, bool]]],
) -> MeshNamespace:
    name = lenient.name(obj)
    root = roots.get(name)
    pem = lenient.text(lenient.under(root, "data", "root-cert.pem"))
    here = sorted(active.get(name, ()))
    return MeshNamespace(
        name,
        known[name],
        selection.resolve(known[name], {}),
        None if root is None else trust.fingerprints(pem),
        owner.owner(obj),
        owner.is_put_back(obj) and not owner.is_left_alone(obj),
        active=tuple(ref for ref, _ in here),
        prepared=tuple(ref for ref, prepared in here if prepared),
        terminating=lenient.under(obj, "status", "phase") == "Terminating",
    )


def _under_way(held: Held) -> Iterator[tuple[Ref, bool]]:
    """Each with whether it is one of ours that has moved no request yet."""
    for kind, phases in _UNDER_WAY.items():
        for each in held[kind]:
            if lenient.text(lenient.under(each, "status", "phase")) in phases:
                stage = lenient.under(each, "status", "stage", "name")
                prepared = kind == "Rollout" and stage == Stage.PREPARING
                yield Ref(kind, lenient.namespace(each), lenient.name(each)), prepared
