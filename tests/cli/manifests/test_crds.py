"""What is printed as it was made is what the nouns say."""

from rollout.cli.manifests import crds
from rollout.manifest import definition, schema


def test_the_definitions_read_back_are_those_that_the_nouns_make() -> None:
    assert crds.definitions() == [definition.crd(kind) for kind in schema.KINDS.values()]


def test_every_kind_has_a_schema_to_print() -> None:
    assert {kind.value for kind in crds.SchemaKind} == {*schema.KINDS}
