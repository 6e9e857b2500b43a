"""Wherever in a manifest something of another shape stands, a rule is silent or says so.

Exhaustive: each field that a CRD has, with what JSON may have there, in a spec that has all fields.
Fuzzing found a list where a wave's tag belongs, which no set takes; a switchover's name was alike.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rollout.manifest import definition, rules, schema
from tests.fuzz import oracle
from tests.fuzz.doors.manifests import OURS

ODD: tuple[Any, ...] = (None, [], {}, -1)
PLAIN = {"string": "x", "integer": 1, "number": 1, "boolean": True}


def whole(described: Mapping[str, Any], depth: int = 9) -> Any:
    """A value with every field that ``described`` knows, two in each list; OpenAPI 3."""
    if "properties" in described and depth:
        return {name: whole(of, depth - 1) for name, of in described["properties"].items()}
    if "items" in described and depth:
        return [whole(described["items"], depth - 1)] * 2
    if isinstance(within := described.get("additionalProperties"), Mapping) and depth:
        return {"x": whole(within, depth - 1)}
    return described.get("enum", [PLAIN.get(described.get("type", "string"), "x")])[0]


def changed(value: Any, odd: Any) -> Iterator[Any]:
    """``value`` with ``odd`` in place of each of its parts, one at a time."""
    yield odd
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from ({**value, key: other} for other in changed(inner, odd))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from ([*value[:at], other, *value[at + 1 :]] for other in changed(inner, odd))


def specs(kind: str) -> list[Any]:
    crd = definition.crd(schema.KINDS[kind])
    described = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return [whole(described), *(one["spec"] for one in OURS if one["kind"] == kind)]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("kind", list(schema.KINDS))
def test_a_part_of_any_shape_is_a_mistake_at_most(kind: str, odd: Any) -> None:
    for spec in specs(kind):
        for other in changed(spec, odd):
            oracle.sentences(mistake.found for mistake in rules.of(kind, other))
