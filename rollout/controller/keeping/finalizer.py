"""Our finalizer: an object of ours stays until what it brought about has been given back."""

from collections.abc import Awaitable, Callable

from rollout.controller.ports import Json

Parting = Callable[[Json], Awaitable[None]]
"""Awaited before an object is let go, after which nobody can read what it remembers."""

FINALIZER = "rollout.dev/finalizer"
_AT = "/metadata/finalizers"


async def at_once(_: Json) -> None:
    """Nobody has to read anything before."""


def is_on(obj: Json) -> bool:
    """Whether our finalizer holds ``obj`` until we let it go."""
    return FINALIZER in _of(obj)


def put_on(obj: Json) -> Json:
    """The patch's operation that puts it on ``obj``, beside those that others have put there."""
    if _of(obj):
        return {"op": "add", "path": f"{_AT}/-", "value": FINALIZER}
    return {"op": "add", "path": _AT, "value": [FINALIZER]}


def taken_off(obj: Json) -> Json:
    """The patch's operation after which ``obj`` has those of others alone."""
    rest = [name for name in _of(obj) if name != FINALIZER]
    return {"op": "replace", "path": _AT, "value": rest}


def _of(obj: Json) -> list[str]:
    return obj["metadata"].get("finalizers") or []
