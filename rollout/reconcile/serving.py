"""Who serves, by the pods that the routes reach: never by a label's value, nor by git's word."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rollout.model.observation import Division, Serving
from rollout.model.status import Revision
from rollout.model.traffic import CANARY, Split
from rollout.model.units import counted
from rollout.reconcile.look import Look


@dataclass(frozen=True, slots=True)
class Clear:
    """Who has the requests: ``stable`` behind ``subset``, and who has the rest of a split.

    ``canary``: the revision that git asks for and that has a share already; None: nobody else.
    """

    stable: Revision
    subset: str
    canary: Revision | None = None
    canary_subset: str = ""
    split: Split = Split(100, 0)


@dataclass(frozen=True, slots=True)
class Unclear:
    """Why nobody can be taken for stable, and what a person may write, in one sentence."""

    because: str


def found(look: Look, asked: Revision) -> Clear | Unclear:
    """Who serves now; ``asked``: the revision that git asks for.

    By no subset ``canary``: that name is the other side's.
    """
    who = _found(look, asked)
    if isinstance(who, Clear) and who.subset == CANARY:
        return Unclear("stable's requests go to subset canary; one of another name is wanted")
    return who


def _found(look: Look, asked: Revision) -> Clear | Unclear:
    sides = _sides(look.seen.traffic.divisions)
    if not sides:
        return Unclear("no ordinary route sends it requests; a route to one revision is wanted")
    if look.seen.reached is None:
        return Unclear("whose pods the routes reach cannot be read")
    reached = {side: look.seen.reached.get(side, ()) for side in sides}
    runs = {run.name: run for side in reached.values() for run in side}
    ready = {name: run for name, run in runs.items() if run.ready}
    serve = ready or runs
    if stranger := next((run for run in serve.values() if run.revision is None), None):
        return _unnamed(look, stranger)
    if not serve:
        return _nobody(look, sides, asked)
    if len(serve) == 1:
        return _one(sides, reached, next(iter(serve.values())), asked)
    return _several(look, reached, [*serve.values()], asked)


def _sides(divisions: Iterable[Division]) -> tuple[str, ...]:
    """The subsets that ordinary requests go to; where no route is ordinary, all count."""
    every = [*divisions]
    ordinary = [each for each in every if each.ordinary] or every
    return tuple(dict.fromkeys(name for each in ordinary for name in each.shares))


def _unnamed(look: Look, stranger: Serving) -> Unclear:
    """Somebody serves for whom the spec has no name: as stable they could not be found again."""
    pattern, service = look.rollout.spec.workload.deployments, look.rollout.spec.service
    if stranger.argo:
        pods = counted(stranger.ready, "pod")
        return Unclear(f"{pods} of Argo Rollouts serve {service}: hand them over first")
    if not stranger.name:
        pods = counted(stranger.ready, "pod")
        return Unclear(f"{pods} of no Deployment serve {service}; Deployments alone are wanted")
    if pattern is None:
        return Unclear(f"{stranger.name} serves, not the template's pods: use workload.deployments")
    return Unclear(f"deployment {stranger.name} serves; workload.deployments must name it, too")


def _nobody(look: Look, sides: tuple[str, ...], asked: Revision) -> Clear | Unclear:
    """Nothing is there yet: the first deployment is no ceremony."""
    subset, others = sides[0], look.pods(asked).exists or look.seen.strangers > 0
    if len(sides) > 1:
        return Unclear(f"requests go to {_listed(sides)}, and no pods are there")
    if subset and others and look.rollout.spec.workload.template is None:
        service = look.rollout.spec.service
        return Unclear(
            f"subset {subset} selects no pods of {service}; labels of one revision are wanted"
        )
    return Clear(asked, subset)


def _one(
    sides: tuple[str, ...],
    reached: Mapping[str, tuple[Serving, ...]],
    run: Serving,
    asked: Revision,
) -> Clear | Unclear:
    """One Deployment serves; a route to the whole service beside its subset is its own, too."""
    named = [side for side in sides if side]
    if len(named) > 1:
        empty = [side for side in named if run not in reached[side]]
        lack = f": {_listed(empty)} without ready pods" if empty else ""
        lack = lack or f", both {_known(run, asked).name}"
        return Unclear(f"requests go to {_listed(named)}{lack}; one subset is wanted")
    if named and run not in reached[named[0]]:
        return Unclear(f"subset {named[0]} has no ready pods, and others serve beside it")
    return Clear(_known(run, asked), named[0] if named else "")


def _several(
    look: Look, reached: Mapping[str, tuple[Serving, ...]], runs: list[Serving], asked: Revision
) -> Clear | Unclear:
    """Several Deployments serve: two by a split are taken over as they are."""
    mixed = next((side for side, who in reached.items() if len(who) > 1), None)
    if mixed is not None:
        who = _listed([run.name for run in reached[mixed]])
        wanted = f"let subset {mixed} select one" if mixed else "route to a subset of one"
        return Unclear(f"{wanted}: {who} share these requests")
    if len(runs) > 2:
        return Unclear(f"requests go to {_listed(reached)}; one or two revisions are wanted")
    if len(reached) > 2:
        return Unclear(f"requests go to {_listed(reached)}; a subset for each revision is wanted")
    return _pair(look, {side: who[0] for side, who in reached.items() if who}, asked)


def _pair(look: Look, sides: Mapping[str, Serving], asked: Revision) -> Clear | Unclear:
    """Git's revision is the canary of the split; whoever has more is the one to go back to."""
    canary = next((s for s, run in sides.items() if _known(run, asked) is asked), None)
    if canary is None:
        names = _listed([_known(run, asked).name for run in sides.values()])
        because = f"requests go to {names}; git may ask for one of them, not for {asked.name}"
        return Unclear(because)
    stable = next(side for side in sides if side != canary)
    divided = [
        each
        for each in look.seen.traffic.divisions
        if {*each.shares} != {canary}  # a route that its author pins to the canary stays so
    ]
    first = divided[0]
    other = next((each for each in divided if each.shares != first.shares), None)
    if other is not None:
        return Unclear(f"routes divide differently: make {first.place} and {other.place} alike")
    split = Split.giving_canary(first.shares.get(canary, 0))
    if split.canary > split.stable:
        who = _known(sides[stable], asked).name
        return Unclear(
            f"{asked.name} has {split.canary}% already: give it everything, or push {who}"
        )
    return Clear(_known(sides[stable], asked), stable, asked, canary, split)


def _known(run: Serving, asked: Revision) -> Revision:
    """What the Deployment runs; git's own revision with its commit where it is that one."""
    assert run.revision is not None  # noqa: S101 - asked before
    return asked if run.revision.name == asked.name else run.revision


def _listed(names: Iterable[str]) -> str:
    """``a, b and c``."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
