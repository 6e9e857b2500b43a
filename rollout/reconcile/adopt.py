"""The first look at a service: who is stable now, and how its subsets are named."""

from dataclasses import replace

from rollout.model.observation import SeenTraffic
from rollout.model.reasons import WaitsFor
from rollout.model.status import Revision, RolloutStatus, SubsetMode
from rollout.reconcile.look import AT_ONCE, Look, Notice, Turn, Writes, remember


def adopt(look: Look) -> Turn:
    """The turn that takes what serves now for stable; the first deployment is no ceremony.

    Where no subset tells revisions apart, what git asks for is taken to be what serves, unless
    others serve and it does not.
    """
    traffic, seen = look.seen.traffic, look.seen
    sides = _sides(look)
    if len(sides) != 1:
        names = " and ".join(name or "the whole service" for name in sides) or "nobody"
        because = f"requests go to {names} already; give one of them everything first"
        return _blocked(look, because)
    serving = sides[0]
    stable = _serving(traffic, serving, seen.asked)
    if stable is None:
        because = seen.problem or "git names no revision"
        return Turn(look.status, because, waits_for=WaitsFor.OBJECTS)
    if not serving and seen.strangers and not look.pods(stable).ready:
        because = f"others serve and {stable.name} has no ready pods; push what serves first"
        return _blocked(look, because)
    mode, canary = _names(traffic, serving)
    status = replace(
        look.status,
        stable=stable,
        revisions_isolated=mode is SubsetMode.VERSION or (bool(serving) and seen.strangers > 0),
        subset_mode=mode,
        stable_subset=serving or "stable",
        attempt=replace(look.status.attempt, subset=canary),
        epoch=max(look.status.epoch, traffic.epoch),  # an earlier Rollout may have written here
    )
    because = f"adopted: {stable.name} is stable"
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, writes=Writes.NO_ROUTES)


def _blocked(look: Look, because: str) -> Turn:
    notice = Notice("Blocked", warning=True)
    return Turn(look.status, because, waits_for=WaitsFor.OBJECTS, notice=notice)


def _sides(look: Look) -> tuple[str, ...]:
    """The subsets that serve; a route to the whole service is the one's that has all its pods."""
    serving, seen = look.seen.traffic.serving, look.seen
    named = tuple(name for name in serving if name)
    if len(named) != 1 or named == serving:
        return serving
    stable = _serving(seen.traffic, named[0], seen.asked)
    return named if look.pods(stable).ready >= seen.strangers > 0 else serving


def _serving(traffic: SeenTraffic, subset: str, asked: Revision | None) -> Revision | None:
    """The revision behind ``subset``, told by its labels; else the one git asks for."""
    labels = traffic.subsets.get(subset, {})
    name = labels.get("rollout.dev/revision") or labels.get("version")
    if name is None or (asked is not None and name == asked.name):
        return asked
    return Revision(name)


def _names(traffic: SeenTraffic, serving: str) -> tuple[SubsetMode, str]:
    """How this DestinationRule names the two sides, and the canary's subset if that is known.

    By role when a subset ``canary`` is there, or nothing but ``stable`` is used, or the one that
    serves has a name of its own (``prod``) and no other revision has one; else by version.
    """
    labels = traffic.subsets.get(serving, {})
    others = (of for name, of in traffic.subsets.items() if name != serving)
    alone = labels and not any(labels.keys() == of.keys() for of in others)
    if serving in ("", "stable") or "canary" in traffic.subsets:
        return SubsetMode.ROLE, "canary"
    if alone and serving not in labels.values():
        return SubsetMode.ROLE, "canary"
    return SubsetMode.VERSION, ""


def canary_subset(status: RolloutStatus, look: Look, canary: Revision) -> str:
    """The subset that is to mean ``canary``: by version the one that selects it already."""
    if status.subset_mode is not SubsetMode.VERSION:
        return "canary"
    labels = look.pods(canary).labels
    for name, selects in look.seen.traffic.subsets.items():
        if labels and labels.items() <= selects.items():
            return name
    return canary.name.lower().replace("_", "-").replace(".", "-")
