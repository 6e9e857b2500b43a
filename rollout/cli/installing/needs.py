"""What rights are granted for, by the names that the chart's values and our options have."""

from collections.abc import Mapping, Sequence

from pydantic.alias_generators import to_camel

from rollout.controller.rights import REQUIRED, USUAL, Need
from rollout.errors import RefusedError


def key(need: Need) -> str:
    """``podTemplate`` for ``Need.POD_TEMPLATE``."""
    return to_camel(need.name.lower())


BY_NAME: Mapping[str, Need] = {key(need): need for need in Need if need not in REQUIRED}
"""Those that may be granted or not; without the others nothing works."""


def chosen(grant: Sequence[str], withhold: Sequence[str]) -> frozenset[Need]:
    """The usual ones, with those of ``grant`` and without those of ``withhold``.

    Errors: ``RefusedError`` for a name that is none, and for a right of no use without another.
    """
    more, less = (frozenset(map(_named, names)) for names in (grant, withhold))
    if both := sorted(key(need) for need in more & less):
        raise RefusedError(f"--grant and --withhold: both name {both[0]}; one of the two is wanted")
    needs = (USUAL | more) - less
    for need in (Need.PUSHES, Need.MANIFESTS):
        if need in needs and Need.SOURCES not in needs:
            of = "is of no use without sources"
            raise RefusedError(f"--withhold sources: {key(need)} {of}; withhold both")
    return needs


def _named(name: str) -> Need:
    if name not in BY_NAME:
        raise RefusedError(f"{name!r} is no right; one of {', '.join(BY_NAME)} is wanted")
    return BY_NAME[name]
