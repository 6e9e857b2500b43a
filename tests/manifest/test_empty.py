"""Text that may be empty is left out of a status: an older kube-apiserver takes it for null."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator

import pydantic

from rollout.model.source import ForgeStatus, SourceStatus
from rollout.model.status import RolloutStatus
from rollout.model.switchover import SwitchoverStatus
from rollout.model.upgrading import UpgradeStatus

NEVER_EMPTY = frozenset({
    "because",  # sentences of ours
    "text",
    "message",
    "outcome",
    "split",
    "id",
    "name",  # of an object, a revision, a step
    "kind",
    "file",
    "service",
    "step",
    "metric",
    "nonce",
    "commit",
    "rollout",
    "request",
    "by",  # "a person" where nobody is named
    "to",
    "who",
})  # fmt: skip


def texts(kind: object, seen: set[object]) -> Iterator[str]:
    """``Noun.field`` of every text below a status that must be written, whatever it is."""
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    for each in typing.get_args(kind):
        yield from texts(each, seen)
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)) or kind in seen:
        return
    seen.add(kind)
    hints = typing.get_type_hints(kind, include_extras=True)
    for one in dataclasses.fields(kind):
        must = (one.default, one.default_factory) == (dataclasses.MISSING, dataclasses.MISSING)
        if must and _may_be_empty(hints[one.name]):
            yield f"{kind.__name__}.{one.name}"
        yield from texts(hints[one.name], seen)


def _may_be_empty(kind: typing.Any) -> bool:
    """Whether it is text that no bound of the schema keeps from being empty."""
    bare = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
    if bare is not str:
        return False
    try:
        pydantic.TypeAdapter(kind).validate_python("")
    except pydantic.ValidationError:
        return False
    return True


def test_a_text_that_must_be_written_is_one_that_is_never_empty() -> None:
    seen: set[object] = set()
    kinds = (RolloutStatus, SourceStatus, ForgeStatus, UpgradeStatus, SwitchoverStatus)
    found = {one for kind in kinds for one in texts(kind, seen)}
    assert found
    assert {one for one in found if one.rpartition(".")[2] not in NEVER_EMPTY} == set()
