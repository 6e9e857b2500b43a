"""Every published example of both projects: none crashes, and no field of one goes silently."""

from collections.abc import Iterator

import pytest

from rollout.convert import argo, flagger
from rollout.convert.documents import converted
from tests.convert import published
from tests.convert.published import EXAMPLES, Json


def leaves(value: object, path: str = "") -> Iterator[str]:
    """Where each single value of a manifest is, as reports write it: ``spec.steps[1].weight``."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    else:
        yield path


def is_told(leaf: str, told: set[str]) -> bool:
    """Whether the leaf itself or anything that holds it has a line in the report.

    Whom a reference means is told where its name is.
    """
    reference, _, last = leaf.rpartition(".")
    if last in ("apiVersion", "kind") and reference.endswith("Ref"):
        leaf = f"{reference}.name"
    return any(leaf == path or leaf.startswith((f"{path}.", f"{path}[")) for path in told)


def releases(objs: list[Json]) -> list[Json]:
    return [o for o in objs if str(o["apiVersion"]).startswith((argo.GROUP, flagger.GROUP))]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_leaf_of_an_example_has_its_line_in_the_report(name: str) -> None:
    objs = EXAMPLES[name]
    made = converted(objs)
    for obj in releases(objs):
        source = f"{obj['kind']} {obj['metadata']['name']}"
        told = {note.path for note in made.notes if note.source == source}
        assert [leaf for leaf in leaves(obj["spec"], "spec") if not is_told(leaf, told)] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_left_to_mend_is_said_with_its_place(name: str) -> None:
    for mistake in published.mistakes(converted(EXAMPLES[name])):
        assert mistake.startswith("converted.yaml:"), mistake


def test_the_page_is_fresh() -> None:
    assert published.PAGE.read_text() == published.page()
