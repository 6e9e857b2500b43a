"""All of the mesh's objects of one rollout at a glance, against what was asked of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rollout.istio import destinationrule, fields, hosts, memory, owner, refusals, virtualservice
from rollout.istio.beside import NOBODY, Beside
from rollout.istio.routes import divided, listing, problems
from rollout.model.observation import SeenTraffic
from rollout.model.traffic import Route, Target

Obj = Mapping[str, Any]


def seen(
    virtual_services: Iterable[Obj],
    destination_rules: Iterable[Obj],
    target: Target,
    route: Route | None,
    beside: Beside = NOBODY,
) -> SeenTraffic:
    """What one look sees of the mesh; ``route`` None compares with the released form.

    ``virtual_services``, ``destination_rules``: all that might matter; those of others are
    passed over. ``beside``: what may share a gateway host with them.
    """
    everything = list(virtual_services)
    ours = virtualservice.discover(everything, target)
    rules = list(destination_rules)
    mine = destinationrule.governing(rules, target)
    known = destinationrule.in_force(rules, target)
    reached = [o for o in everything if _reaches(o, target)]
    serving = _union(virtualservice.serving(o, target) for o in reached)
    missing = _missing(everything, reached, target)
    gone = tuple(missing) if reached else ()
    blocked = (*missing[len(gone) :], *_blocked(everything, ours, target))
    cannot = () if blocked or route is None else refusals.refused(everything, target, route, beside)
    written = (*ours, *mine)
    return SeenTraffic(
        managed=sum(len(virtualservice.managed(o, target)) for o in ours),
        differences=() if blocked or cannot else _differences(ours, target, route, beside),
        splits=tuple(s for o in ours for s in virtualservice.splits(o, target)),
        problems=blocked,
        refused=cannot,
        strays=_strays(ours, reached, target),
        gone=gone,
        subsets=destinationrule.subsets(known),
        made=_union(destinationrule.made(rule, target) for rule in mine),
        serving=serving,
        divisions=divided.divisions(everything, target),
        referenced=_union(virtualservice.referenced(o, target) for o in everything),
        epoch=max((memory.epoch(o, target) for o in written), default=0),
        owner=next(filter(None, (owner.owner(o) for o in written)), ""),
        fields_held=bool(fields.held(everything, rules, target)),
    )


def _union(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def _reaches(obj: Obj, target: Target) -> bool:
    """Whether the target means ``obj``, and it sends the service anything."""
    meant = listing.reference(obj, target) is not None
    return meant and bool(virtualservice.serving(obj, target))


def _missing(everything: list[Obj], reached: list[Obj], target: Target) -> list[str]:
    """VirtualServices that are named and not there; or nobody to manage at all."""
    here = {(o["metadata"]["name"], listing.namespace(o, target)) for o in everything}
    named = {(r.name, r.namespace or target.namespace) for r in target.virtual_services}
    gone = [f"virtualservice {space}/{name}: is not there" for name, space in sorted(named - here)]
    if not named and not reached:
        what = "no virtualservice has a route to it"
        gone.append(f"service {hosts.short(target.host)}: {what}; a route is wanted")
    return [f"{g}; it is wanted" if named else g for g in gone]


def _blocked(everything: list[Obj], ours: Sequence[Obj], target: Target) -> list[str]:
    meant = [o for o in everything if o in ours or _named(o, target)]
    return [p for o in meant for p in problems.problems(o, target)]


def _named(obj: Obj, target: Target) -> bool:
    return bool(target.virtual_services) and listing.reference(obj, target) is not None


def _differences(
    ours: Sequence[Obj], target: Target, route: Route | None, beside: Beside
) -> tuple[str, ...]:
    return tuple(d for o in ours for d in virtualservice.differences(o, target, route, beside))


def _strays(ours: Sequence[Obj], reached: list[Obj], target: Target) -> tuple[str, ...]:
    if any(virtualservice.managed(o, target) for o in ours):
        return ()
    return tuple(s for o in reached for s in virtualservice.strays(o, target))
