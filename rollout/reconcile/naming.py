"""How a DestinationRule names the two sides: by their roles, or each by its version."""

from rollout.memo import changed
from rollout.model.status import ROUTED, UNDER_WAY, Revision, RolloutStatus, Stage
from rollout.model.traffic import CANARY, STABLE, SubsetMode
from rollout.reconcile.look import Look, attempted

_TWO_SIDES = (*UNDER_WAY, Stage.WITHDRAWING)


def mode(look: Look, serving: str) -> tuple[SubsetMode, str]:
    """How this DestinationRule names the two sides, and the canary's subset if that is known.

    By role when a subset ``canary`` is there, or nothing but ``stable`` is used, or the one that
    serves has a name of its own (``prod``) and no other revision has one; else by version.
    """
    subsets = look.seen.traffic.subsets
    labels = subsets.get(serving, {})
    others = (of for name, of in subsets.items() if name != serving)
    alone = labels and not any(labels.keys() == of.keys() for of in others)
    if serving in ("", STABLE) or CANARY in subsets:
        return SubsetMode.ROLE, CANARY
    if alone and serving not in labels.values():
        return SubsetMode.ROLE, CANARY
    return SubsetMode.VERSION, ""


def canary(status: RolloutStatus, look: Look, revision: Revision) -> str:
    """The subset that is to mean ``revision``: by version the one that selects it already."""
    if status.subset_mode is not SubsetMode.VERSION:
        return CANARY
    version = revision.name.lower().replace("_", "-").replace(".", "-")
    return _selecting(look, revision) or version


def found_again(look: Look) -> RolloutStatus | None:
    """The status with what somebody has edited out of it of names; None where it has all.

    Without stable's the routes would name no subset, and promotion would move none; with one name
    for both sides, everyone would be where the canary is. A side's subset is the one that selects
    its pods, before all one that routes name. That routes name subsets at all follows from the
    mode or the stage.
    """
    status = look.status
    if status.stable is None:
        return None
    home, side = _told_apart(look)
    if not home:
        serving = (name for name in look.seen.traffic.serving if name not in ("", side))
        home = _selecting(look, status.stable, beside=side) or next(serving, STABLE)
    status = changed(status, stable_subset=home)
    if status.subset_mode is None:
        status = changed(status, subset_mode=mode(look, home)[0])
    if status.subset_mode is SubsetMode.VERSION or status.stage.name in ROUTED:
        status = changed(status, revisions_isolated=True)
    revision = status.attempt.canary if status.stage.name in _TWO_SIDES else None
    if revision is not None and not side:
        side = _selecting(look, revision, beside=home) or canary(status, look, revision)
    status = attempted(status, subset=side)
    return None if status == look.status else status


def _told_apart(look: Look) -> tuple[str, str]:
    """The names of both sides; of two that are one, the one that is another's is lost."""
    status = look.status
    home, side = status.stable_subset, status.attempt.subset
    if home != side:
        return home, side
    by_version = status.subset_mode is SubsetMode.VERSION
    others = home not in _that_select(look, status.stable) if by_version else home == CANARY
    return ("", side) if others else (home, "")


def _selecting(look: Look, revision: Revision, beside: str = "") -> str:
    """The subset that selects its pods, other than ``beside``; empty: none, or none is known."""
    return next((name for name in _that_select(look, revision) if name != beside), "")


def _that_select(look: Look, revision: Revision | None) -> list[str]:
    """The subsets that select its pods, those that routes name first."""
    labels, traffic = look.pods(revision).labels, look.seen.traffic
    found = [
        name for name, of in traffic.subsets.items() if labels and labels.items() <= of.items()
    ]
    return sorted(found, key=lambda name: name not in traffic.referenced)
