"""What managed fields say of us, and the patch after which they say nothing."""

from typing import Any

import pytest

from rollout import jsonpatch
from rollout.istio import fields, memory
from rollout.istio.memory import ObjectMemory
from rollout.model.spec import MANAGER
from tests.istio.objects import Json, target, to, vs

AUTHOR = {"manager": "kubectl", "operation": "Apply", "apiVersion": "networking.istio.io/v1"}
OURS = {"manager": MANAGER, "operation": "Update", "fieldsV1": {"f:spec": {}}}
MARKS = {"manager": MANAGER, "operation": "Update"}


ROUTED = vs({"route": [to()]})
RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {"host": "shop", "subsets": [{"name": "v1", "labels": {"version": "v1"}}]},
}


def managed(obj: Json, *entries: Any) -> Json:
    meta = {**obj["metadata"], "resourceVersion": "7", "managedFields": list(entries)}
    return {**obj, "metadata": meta}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ((), False),
        ((AUTHOR,), False),
        ((AUTHOR, OURS), True),
        ((AUTHOR, MARKS), False),
        (({**OURS, "operation": "Apply"},), False),
    ],
)
def test_we_hold_what_our_patches_wrote_in_the_spec(entries: tuple[Any, ...], found: bool) -> None:
    obj = managed(ROUTED, *entries)
    assert fields.held([obj], [], target()) == ((obj,) if found else ())


def test_the_patch_takes_our_entries_and_nobody_elses() -> None:
    other = {**AUTHOR, "manager": "kiali", "operation": "Update"}
    obj = managed(ROUTED, OURS, AUTHOR, OURS, other)
    after = jsonpatch.apply(obj, fields.release(obj))
    assert after == managed(ROUTED, AUTHOR, other)


def test_where_we_are_alone_the_list_is_reset() -> None:
    obj = managed(ROUTED, OURS)
    assert jsonpatch.apply(obj, fields.release(obj)) == managed(ROUTED, {})


@pytest.mark.parametrize("entries", [(OURS,), (AUTHOR, OURS)])
def test_whoever_wrote_meanwhile_makes_the_patch_fail(entries: tuple[Any, ...]) -> None:
    obj = managed(ROUTED, *entries)
    newer = {**obj, "metadata": {**obj["metadata"], "resourceVersion": "8"}}
    with pytest.raises(jsonpatch.PatchFailedError):
        jsonpatch.apply(newer, fields.release(obj))


def test_a_rule_with_a_subset_of_our_making_stays_ours() -> None:
    plain = managed(RULE, AUTHOR, OURS)
    assert fields.held([], [plain], target()) == (plain,)
    made = memory.written(plain, target(), ObjectMemory(1, target().host, subsets=("canary",)))
    assert fields.held([], [made], target()) == ()


def test_an_object_on_which_another_rollout_has_its_marks_waits_for_it() -> None:
    obj = managed(ROUTED, AUTHOR, OURS)
    other = target(rollout="other")
    shared = memory.written(obj, other, ObjectMemory(1, other.host))
    assert fields.held([shared], [], target()) == ()


def test_our_annotation_goes_and_every_other_stays() -> None:
    noted = {**ROUTED, "metadata": {**ROUTED["metadata"], "annotations": {"team": "pay"}}}
    obj = memory.written(noted, target(), ObjectMemory(3, target().host))
    assert fields.marked([noted, obj], target()) == (obj,)
    assert jsonpatch.apply(obj, fields.unmark(obj, target())) == noted
