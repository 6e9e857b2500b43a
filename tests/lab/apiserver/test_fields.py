"""The algebra of field sets, and patches, on their own."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout import jsonpatch
from rollout.lab.apiserver.fields import sets
from rollout.lab.apiserver.fields.shape import ANY, Shape
from rollout.lab.apiserver.kinds import jsonpath, tables
from rollout.lab.apiserver.patch import merge
from rollout.lab.apiserver.problems import Problem
from rollout.lab.apiserver.wire import protobuf

VALUES = st.recursive(
    st.integers(0, 3) | st.booleans() | st.text("ab", max_size=2),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.text("xyz", max_size=1), inside, max_size=3)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text("xyz", max_size=1), VALUES, max_size=3)
FIELDS = OBJECTS.map(lambda value: sets.applied(value, ANY))


def paths(fields: sets.Fields) -> set[tuple[str, ...]]:
    return set(sets.members(fields))


@given(FIELDS, FIELDS)
def test_sets_of_fields_are_sets(left: sets.Fields, right: sets.Fields) -> None:
    assert paths(sets.union(left, right)) == paths(left) | paths(right)
    assert paths(sets.difference(left, right)) == paths(left) - paths(right)
    assert paths(sets.intersection(left, right)) == paths(left) & paths(right)


@given(OBJECTS, OBJECTS)
def test_only_what_differs_has_changed(old: dict[str, Any], new: dict[str, Any]) -> None:
    changed, removed = sets.changes(old, new, ANY)
    assert bool(paths(changed) | paths(removed)) == (old != new)
    assert sets.changes(new, copy.deepcopy(new), ANY) == ({}, {})


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leaves_its_document_alone(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy(old)
    merged = merge.merge(old, new)
    assert old == before
    assert merge.merge(merged, new) == merged


@given(OBJECTS, st.text("xyz", max_size=1), VALUES)
def test_a_json_patch_leaves_its_document_alone(old: dict[str, Any], key: str, value: Any) -> None:
    before = copy.deepcopy(old)
    patched = jsonpatch.apply(old, [{"op": "add", "path": f"/{key}", "value": value}])
    assert (old, patched[key]) == (before, value)


def test_json_holds_true_and_one_apart() -> None:
    with pytest.raises(jsonpatch.PatchFailedError):
        jsonpatch.apply({"a": True}, [{"op": "test", "path": "/a", "value": 1}])
    jsonpatch.apply({"a": 1}, [{"op": "test", "path": "/a", "value": 1.0}])


def test_move_and_copy() -> None:
    patch = [{"op": "copy", "from": "/a", "path": "/b"}, {"op": "move", "from": "/a", "path": "/c"}]
    assert jsonpatch.apply({"a": [1]}, patch) == {"b": [1], "c": [1]}


def test_a_strategic_patch_orders_what_it_names() -> None:
    shape = Shape(fields={"items": Shape(keys=("name",))})
    patch = {
        "items": [{"name": "c"}],
        "$setElementOrder/items": [{"name": "c"}, {"name": "a"}],
    }
    found = merge.strategic({"items": [{"name": "a"}, {"name": "b"}]}, patch, shape)
    assert [item["name"] for item in found["items"]] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]),
        ("{.list[*].n}", [1, 2]),
        (".list[1].n", [2]),
        (".list[?(@.n!=2)].t", ["x"]),
        ('.list[?(@.t=="y")].n', [2]),
        (".labels.app\\.kubernetes\\.io/name", ["x"]),
        (".nothing.here", []),
    ],
)
def test_printer_columns_find(path: str, found: list[Any]) -> None:
    document = {
        "a": {"b": 1},
        "list": [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}],
        "labels": {"app.kubernetes.io/name": "x"},
    }
    assert jsonpath.found(document, path) == found


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("2026-01-10T11:59:01Z", "59s"),
        ("2026-01-10T11:56:40Z", "3m20s"),
        ("2026-01-10T11:15:00Z", "45m"),
        ("2026-01-10T07:58:00Z", "4h2m"),
        ("2026-01-08T12:00:00Z", "2d"),
        ("2024-01-10T12:00:00Z", "2y1d"),
        ("soon", "<invalid>"),
        ("", "<unknown>"),
    ],
)
def test_an_age_is_said_as_kubectl_says_it(then: str, said: str) -> None:
    now = datetime(2026, 1, 10, 12, tzinfo=UTC)
    assert tables.age(then, now) == said


@given(st.binary(max_size=40))
def test_a_binary_body_is_read_or_refused(body: bytes) -> None:
    with pytest.raises(Problem):
        protobuf.parsed(b"k8s\x00" + body)
