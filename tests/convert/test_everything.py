"""Every field that either project publishes is told of by its own name, and what is written holds.

Which is converted, changed or lost stands in ``docs/converted.md``, which is compared whole.
"""

import pytest
import yaml

from rollout.convert.documents import converted
from rollout.convert.fields import Fate
from rollout.convert.result import Conversion
from rollout.manifest import load
from tests.convert import everything
from tests.convert.published import Json
from tests.convert.test_published import is_told, leaves

OBJECTS = everything.objects()
NAMES = [f"{obj['kind']} {obj['metadata']['name']}" for obj in OBJECTS]


def made(obj: Json) -> Conversion:
    return converted([obj, *everything.BESIDE])


@pytest.mark.parametrize("obj", OBJECTS, ids=NAMES)
def test_each_field_has_its_line_and_none_is_unknown(obj: Json) -> None:
    source = f"{obj['kind']} {obj['metadata']['name']}"
    notes = [note for note in made(obj).notes if note.source == source]
    told = {note.path for note in notes}
    assert [leaf for leaf in leaves(obj["spec"], "spec") if not is_told(leaf, told)] == []
    assert [note.path for note in notes if "not known to this converter" in note.how] == []


@pytest.mark.parametrize("obj", OBJECTS, ids=NAMES)
def test_no_field_has_two_fates(obj: Json) -> None:
    """But for what holds others: of a list of steps it is told what becomes of the whole, too."""
    source = f"{obj['kind']} {obj['metadata']['name']}"
    told = [note.path for note in made(obj).notes if note.source == source]
    paths = [path for path in told if not path.endswith((".steps", "trafficRouting"))]
    assert sorted({path for path in paths if paths.count(path) > 1}) == []


@pytest.mark.parametrize("obj", OBJECTS, ids=NAMES)
def test_a_field_that_nobody_publishes_is_lost_by_its_name(obj: Json) -> None:
    unheard = {**obj, "spec": {**obj["spec"], "unheardOf": {"a": 1}}}
    told = {note.path: note.fate for note in made(unheard).notes}
    assert told.get("spec.unheardOf", told.get("spec")) is Fate.LOST


@pytest.mark.parametrize("obj", OBJECTS, ids=NAMES)
def test_what_is_written_of_it_is_a_manifest(obj: Json) -> None:
    """An object as full as that has parts that exclude each other: it may be refused in words."""
    text = yaml.safe_dump_all([o for o in made(obj).objects if "rollout.dev" in o["apiVersion"]])
    for error in load.text("converted.yaml", text.encode()).errors:
        assert str(error).startswith("converted.yaml:")
