"""Whatever stands in a manifest is converted or refused in words, and no field goes silently."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from rollout.cli import main
from rollout.cli.exits import Exit
from rollout.convert.documents import converted
from rollout.errors import ManifestError
from tests.convert.published import EXAMPLES, Json
from tests.convert.test_published import is_told, leaves, releases
from tests.edges.git.hostile import HOSTILE

OURS, THEIRS = b"rollout.dev/v1alpha1", (b"argoproj.io/v1alpha1", b"flagger.app/v1beta1")
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
DEEP: Any = 1
for _ in range(30):
    DEEP = {"a": [DEEP]}


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each value of a manifest is, those that hold others, too."""
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    return [path, *(place for key, inner in pairs for place in places(inner, (*path, key)))]


def put(objs: list[Json], path: tuple[Any, ...], value: object) -> list[Json]:
    made = copy.deepcopy(objs)
    at: Any = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return made


@st.composite
def mangled(draw: st.DrawFn) -> list[Json]:
    """A published example with something odd in up to three places of its specs."""
    objs = EXAMPLES[draw(st.sampled_from(sorted(EXAMPLES)))]
    for _ in range(draw(st.integers(1, 3))):
        known = [path for path in places(objs) if len(path) > 1 and path[1] in ("spec", "metadata")]
        objs = put(objs, draw(st.sampled_from(known)), draw(ODD | st.just(DEEP)))
    return objs


@given(mangled())
@settings(max_examples=150, deadline=None)
def test_a_mangled_example_is_converted_and_nothing_of_it_goes_silently(objs: list[Json]) -> None:
    made = converted(objs)
    json.dumps([dict(each) for each in made.objects])
    for obj in releases(objs):
        told = {note.path for note in made.notes}
        untold = [leaf for leaf in leaves(obj.get("spec"), "spec") if not is_told(leaf, told)]
        assert [leaf for leaf in untold if not is_empty(obj, leaf)] == []


def is_empty(obj: Json, leaf: str) -> bool:
    """Whether what is there says nothing: null, or an empty list, mapping or text."""
    value: Any = obj
    for key in leaf.replace("]", "").replace("[", ".").split("."):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, TypeError, ValueError, IndexError):
            return False
    return value in (None, "", [], {})


@pytest.mark.parametrize("theirs", THEIRS)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_file_that_wants_to_kill_its_reader_is_answered_in_words(
    tmp_path: Path, name: bytes, theirs: bytes
) -> None:
    file = tmp_path / name.decode()
    file.write_bytes(HOSTILE[name].replace(OURS, theirs))
    asked = CliRunner().invoke(main.app, ["convert", str(file)])
    if asked.exception is not None and not isinstance(asked.exception, SystemExit):
        assert isinstance(asked.exception, ManifestError)
        assert file.name in str(asked.exception)
        assert "\n" not in str(asked.exception)
    else:
        assert asked.exit_code in (0, Exit.INPUT)
        list(yaml.safe_load_all(asked.stdout))
