from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from rollout.cli.manifests import rbac
from rollout.manifest import definition, generated, meanings, schema
from rollout.model import source, sourcespec, spec, switchover, traffic, upgrade
from rollout.model.spec import RolloutSpec
from tests import reference
from tests.fieldvalues import VALUES

ROOT = Path(__file__).parents[2]


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside ``node``, itself first."""
    yield node
    for inner in node.get("properties", {}).values():
        yield from nodes(inner)
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key])


FILES = {**generated.files(), **rbac.files()}


@pytest.mark.parametrize("path", sorted(FILES))
def test_generated_files_are_fresh(path: str) -> None:
    assert (ROOT / path).read_text() == FILES[path], "run `make generate`"


@pytest.mark.parametrize("kind", schema.KINDS.values(), ids=lambda kind: kind.name)
def test_a_crd_is_structural_and_sets_no_defaults(kind: schema.Kind) -> None:
    [version] = definition.crd(kind)["spec"]["versions"]
    for node in nodes(version["schema"]["openAPIV3Schema"]):
        assert not {"$ref", "anyOf", "allOf", "const", "default", "title"} & set(node)
        assert node.get("additionalProperties") is not False
        assert (
            "type" in node
            or node.get("x-kubernetes-int-or-string")
            or node.get("x-kubernetes-preserve-unknown-fields")
        )


def test_the_keys_at_a_path_are_those_of_its_noun() -> None:
    assert schema.keys("Rollout", ("spec", "strategy")) == ("canary", "dark", "blueGreen")
    assert schema.keys("Rollout", ("spec", "strategy", "dark", "steps", 3, "cohorts", 0)) == (
        "headers",
        "cookies",
        "query",
        "path",
        "method",
    )
    assert schema.keys("Rollout", ("spec", "nothing", 0, "here")) == ()


def test_editors_get_a_closed_schema_without_words_of_kubernetes() -> None:
    document = schema.document("Rollout")
    text = repr(document)
    assert "x-kubernetes" not in text
    assert "nullable" not in text
    assert document["properties"]["spec"]["additionalProperties"] is False


NOUNS = {
    noun.__name__: noun
    for module in (spec, source, sourcespec, switchover, traffic, upgrade)
    for noun in vars(module).values()
    if isinstance(noun, type) and is_dataclass(noun)
}


def own_name(noun: type, shown: str) -> str:
    """The attribute of ``noun`` whose name in a manifest is ``shown``."""
    (name,) = (f.name for f in fields(noun) if to_camel(f.name.rstrip("_")) == shown)
    return name


def taken(noun: str, field: str, text: str) -> bool:
    """Whether that field takes what the page shows, read as YAML."""
    hint = get_type_hints(NOUNS[noun], include_extras=True)[own_name(NOUNS[noun], field)]
    try:
        TypeAdapter(hint).validate_python(yaml.safe_load(text))
    except ValidationError:
        return False
    return True


@pytest.mark.filterwarnings("ignore:The 'alias' attribute")
def test_every_example_of_the_reference_is_taken_where_it_stands() -> None:
    shown = reference.examples()
    assert len(shown) > 150
    assert [(*key, text) for key, text in shown.items() if not taken(*key, text)] == []


def test_an_example_that_its_field_does_not_take_would_be_found() -> None:
    assert not taken("Probe", "status", "2")
    assert not taken("StringMatch", "exact", "1")


def test_every_chosen_example_is_of_a_field_that_there_is() -> None:
    assert set(VALUES) <= {
        (name, to_camel(f.name.rstrip("_"))) for name, noun in NOUNS.items() for f in fields(noun)
    }


def test_the_reference_is_fresh_and_says_each_class_once() -> None:
    page = reference.PAGE.read_text()
    assert page == reference.page(), "run `make generate`"
    titles = [line for line in page.splitlines() if line.startswith("#")]
    assert len(titles) == len({*titles})


@pytest.mark.parametrize("kind", schema.KINDS)
def test_every_field_has_a_meaning(kind: str) -> None:
    raw = schema.raw(schema.KINDS[kind].spec)
    nouns = {**raw.get("$defs", {}), kind: raw}
    lacking = [
        f"{name}.{field}"
        for name, noun in nouns.items()
        for field, found in noun.get("properties", {}).items()
        if not found.get("description")
    ]
    assert lacking == []


def test_no_meaning_is_of_a_field_that_is_not_there_or_says_it_itself() -> None:
    nouns: dict[str, Any] = {}
    for kind in schema.KINDS.values():
        raw = TypeAdapter(kind.spec).json_schema(by_alias=True)
        nouns |= raw.get("$defs", {}) | {kind.spec.__name__: raw}
    for name, told in meanings.MEANINGS.items():
        known = nouns[name]["properties"]
        assert [field for field in told if known[field].get("description")] == []


def test_defaults_are_shown_as_an_author_would_write_them() -> None:
    spec = schema.plain(RolloutSpec)["properties"]
    step = spec["strategy"]["properties"]["canary"]["properties"]["steps"]["items"]["properties"]
    harm = spec["analysis"]["properties"]["confidence"]["properties"]["harmCap"]["properties"]
    shown = [spec["progressDeadline"], step["bake"], harm["errors"], spec["onFailure"]]
    assert [one["default"] for one in shown] == ["30m", "1m", "0.5%", "rollback"]


def test_the_api_server_is_given_no_defaults_to_write_into_what_git_asks_for() -> None:
    def keys(node: object) -> set[str]:
        if isinstance(node, list):
            return {key for one in node for key in keys(one)}
        if not isinstance(node, dict):
            return set()
        inner = {key for name, one in node.items() if name != "properties" for key in keys(one)}
        named = {key for one in node.get("properties", {}).values() for key in keys(one)}
        return set(node) | inner | named

    assert all("default" not in keys(definition.crd(kind)) for kind in schema.KINDS.values())
