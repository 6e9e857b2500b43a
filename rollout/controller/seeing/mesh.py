"""Istio's objects that may matter to a rollout, found through the index; nothing is searched."""

from collections.abc import Iterable, Iterator, Sequence

from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import concerns
from rollout.errors import OutsideError, RefusedError
from rollout.istio import beside as neighbours
from rollout.istio import hosts, virtualservice
from rollout.istio.beside import NOBODY, Beside
from rollout.istio.routes import listing
from rollout.manifest import load, shapes
from rollout.memo import remembered
from rollout.model.spec import Rollout
from rollout.model.traffic import Route, Target

mended = remembered(shapes.mended)
"""An object with every part empty that has no shape that we know; itself where nothing is odd."""


def virtual_services(kube: Kube, target: Target) -> Sequence[Json]:
    """Those that send to the target's service, carry its mark, or are named by it.

    What of them has no shape that we know is empty here; ``oddities`` names it.
    """
    return tuple(map(mended, _virtual_services(kube, target)))


def _virtual_services(kube: Kube, target: Target) -> Iterable[Json]:
    sending = kube.list("VirtualService", concerns.host(target.host))
    found = {_key(obj): obj for obj in sending}
    for ref in target.virtual_services:
        obj = kube.get("VirtualService", ref.namespace or target.namespace, ref.name)
        if obj is not None:
            found[_key(obj)] = obj
    return found.values()


def oddities(kube: Kube, target: Target) -> tuple[str, ...]:
    """What of the target's own objects nobody can read, each with its object in front.

    Weight can be taken away all the same; giving any waits until it is put right.
    """
    meant = [o for o in _virtual_services(kube, target) if listing.reference(o, target) is not None]
    rules = _destination_rules(kube, target)
    strange = [obj for obj in (*meant, *rules) if mended(obj) is not obj]
    return tuple(_odd(obj) for obj in strange)


def sound(obj: Json) -> Json:
    """``obj``. Errors: ``RefusedError`` where anything that we read of it is odd."""
    if mended(obj) is not obj:
        raise RefusedError(_odd(obj))
    return obj


def _odd(obj: Json) -> str:
    first = shapes.odd(obj)[0]
    where = f"{str(obj['kind']).lower()} {'/'.join(_key(obj))}"
    return f"{where}: {load.words(first.path)} {first.found}; {first.wanted}"


def roots(kube: Kube, found: Iterable[Json]) -> Sequence[Json]:
    """Those that delegate to one of ``found``."""
    delegates = [_key(obj) for obj in found if not (obj.get("spec") or {}).get("hosts")]
    named = (concerns.named("VirtualService", *key) for key in delegates)
    every = (obj for one in named for obj in kube.list("VirtualService", one))
    found_roots = {_key(obj): obj for obj in every if _key(obj) not in delegates}
    return tuple(map(mended, found_roots.values()))


def beside(kube: Kube, target: Target, route: Route | None) -> Beside:
    """What may share a gateway host with the target's objects; weights alone touch nobody's."""
    if route is None or not route.is_dressed:
        return NOBODY
    mine = _entered(kube, target)
    gateways = tuple(_gateways(kube, mine))
    concerned = _concerned(mine, gateways)
    listed = (obj for concern in concerned for obj in kube.list("VirtualService", concern))
    near = [obj for obj in listed if neighbours.is_sound(obj)]
    named = (name for obj in (*mine, *near) for name in neighbours.delegates(obj))
    inner = (kube.get("VirtualService", *name) for name in named)
    deep = [obj for obj in inner if obj is not None and neighbours.is_sound(obj)]
    every = {_key(obj): obj for obj in (*mine, *near, *deep)}
    return Beside(tuple(every.values()), gateways)


def concerns_beside(kube: Kube, target: Target, route: Route) -> frozenset[str]:
    """What must wake a rollout whose made routes stand beside others' at a gateway."""
    if not route.is_dressed:
        return frozenset()
    mine = _entered(kube, target)
    return frozenset(_concerned(mine, _gateways(kube, mine)))


def _entered(kube: Kube, target: Target) -> Sequence[Json]:
    """The target's objects through which requests come in, the roots of delegates among them."""
    ours = virtualservice.discover(virtual_services(kube, target), target)
    return [obj for obj in (*ours, *roots(kube, ours)) if neighbours.is_sound(obj)]


def _gateways(kube: Kube, mine: Iterable[Json]) -> Iterator[Json]:
    """Those that ``mine`` name, as far as they are there and we may read them."""
    for name in dict.fromkeys(g for obj in mine for g in neighbours.gateways(obj)):
        try:
            found = kube.get("Gateway", *name.split("/", 1))
        except OutsideError:
            return
        if found is not None and neighbours.is_sound(found):
            yield found


def _concerned(mine: Iterable[Json], gateways: Iterable[Json]) -> list[str]:
    """The concerns of whatever has one of the hosts at a gateway, by name or by a pattern."""
    known = list(gateways)
    places = [(obj, gateway) for obj in mine for gateway in neighbours.gateways(obj)]
    names = [h for obj, gateway in places for h in neighbours.shared_hosts(obj, gateway, known)]
    every = (name for host in names for name in (host, *hosts.patterns(host)))
    return [concerns.host(hosts.full(name, "")) for name in dict.fromkeys(every)]


def destination_rules(kube: Kube, target: Target) -> Sequence[Json]:
    """Those that are about the target's service, by name or by a pattern."""
    return [*map(mended, _destination_rules(kube, target))]


def _destination_rules(kube: Kube, target: Target) -> Iterable[Json]:
    names = (target.host, *hosts.patterns(target.host))
    return (o for name in names for o in kube.list("DestinationRule", concerns.host(name)))


def problems(kube: Kube, rollout: Rollout, *, adopted: bool) -> tuple[str, ...]:
    """Why nobody can manage this service for this Rollout, whatever its routes are.

    A Rollout that is being deleted still gives back what it has.
    """
    if rollout.deleting:
        return ()
    if problem := unserved(kube, rollout):
        return (problem,)
    first = next(iter(rivals(kube, rollout)), "")
    if adopted or not first:
        return ()
    service = rollout.spec.service
    return (f"service {service}: rollout {first} has it already; one of the two must go",)


def unserved(kube: Kube, rollout: Rollout) -> str:
    """That the Service is not there, in words; empty when it is."""
    service = rollout.spec.service
    if kube.get("Service", rollout.namespace, service) is not None:
        return ""
    return f"service {rollout.namespace}/{service}: is not there; it is wanted"


def rivals(kube: Kube, rollout: Rollout) -> list[str]:
    """The keys of Rollouts for the same service that were made before this one.

    Who came first goes on: a second one must not be able to stop it.
    """
    claims = {
        f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}": obj
        for obj in kube.list("Rollout", concerns.host(rollout.host))
    }
    mine = _age(claims.get(rollout.key) or {"metadata": {}}), rollout.key
    return sorted(key for key, obj in claims.items() if (_age(obj), key) < mine)


def _age(obj: Json) -> str:
    """When it was made; what is not there yet will be the youngest."""
    return str(obj["metadata"].get("creationTimestamp") or "~")


def _key(obj: Json) -> tuple[str, str]:
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])
