"""Rules about who else writes the objects that a journey writes."""

from collections.abc import Iterator

from rollout.istio import owner
from rollout.preflight.snapshot import Case, Obj, named


def reverted(case: Case) -> Iterator[str]:
    """ROL-050, B: a Kustomization puts git's weights back at each round unless the object says no.

    Source: Flux, Kustomization, "Controlling the apply behavior of resources".
    """
    for kind, obj in _written(case):
        if owner.is_put_back(obj) and not owner.is_left_alone(obj):
            told = "Flux puts git's version back; rollout plan prints the mark it needs"
            yield f"{named(obj, kind)}: {told}"


def perhaps_reverted(case: Case) -> Iterator[str]:
    """ROL-050, W: what keeps Argo CD's or a HelmRelease's hands off is not seen on the object.

    Source: Flux, HelmRelease, "Drift detection": off unless the release asks for it.
    """
    for kind, obj in _written(case):
        if owner.owner(obj) == "Flux" and not owner.is_put_back(obj):
            told = "a HelmRelease owns it; with drift detection it puts its weights back"
            yield f"{named(obj, kind)}: {told} (rollout plan prints the rule)"
        if owner.owner(obj) == "Argo CD":
            told = "Argo CD owns it; without an ignore rule it puts git's weights back"
            yield f"{named(obj, kind)}: {told} (rollout plan prints the rule)"


def _written(case: Case) -> Iterator[tuple[str, Obj]]:
    yield from (("virtualservice", o) for o in case.managed)
    yield from (("destinationrule", o) for o in case.here(case.rules))
