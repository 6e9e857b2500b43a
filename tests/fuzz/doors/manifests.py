"""Files of a repository: YAML and JSON that say they are ours, or a stranger's."""

import re
from pathlib import Path
from typing import Any

import yaml

from rollout.cli import output
from rollout.convert.documents import converted
from rollout.errors import ManifestError
from rollout.manifest import load, promql, scan
from tests.fuzz import oracle
from tests.fuzz.bites import TEXTS, Bites, dumped, spliced, spoilt

ROOT = Path(__file__).parents[3]
FILES = tuple(sorted(file.read_bytes() for file in (ROOT / "examples").rglob("*.yaml")))
TOKENS = tuple(
    {
        *(text.encode("utf-8", "surrogatepass") for text in TEXTS),
        *(re.findall(rb"[A-Za-z]+:|- |[0-9]+[smhd%]?", b"\n".join(FILES))),
        *(b"\n  ", b"\n", b": ", b"- ", b"{", b"}", b"[", b"]", b"---\n", b"|\n", b">-\n", b"? "),
        *(b"'", b'"', b"\t", b"%YAML 1.1\n", b"!!binary ", b"!<x> ", b"&b ", b"*b ", b"<<: *b"),
        *(b"apiVersion: rollout.dev/v1alpha1\n", b"kind: List\n", b"items:\n"),
    }
)


def objects_of(files: tuple[bytes, ...]) -> tuple[Any, ...]:
    every = (one for file in files for one in yaml.safe_load_all(file))
    return tuple(one for one in every if isinstance(one, dict))


OURS = tuple(o for o in objects_of(FILES) if str(o.get("apiVersion", "")).startswith("rollout.dev"))
THEIRS = tuple(yaml.safe_load_all((Path(__file__).parents[1] / "theirs.yaml").read_text()))
"""Of Argo Rollouts and Flagger: the fields that ``rollout convert`` reads."""


def read(data: bytes) -> None:
    """One file as a source reads it, or one that ``rollout convert`` reads."""
    bites = Bites(data)
    way = bites.byte() % 8
    if way == 0:
        _loaded(bites.rest())
    elif way < 3:
        _loaded(spliced(bites.pick(FILES), bites, TOKENS))
    elif way < 6:
        _loaded(dumped(spoilt(bites.pick(OURS), bites)))
    elif way == 6:
        _converted([spoilt(bites.pick(THEIRS), bites), bites.pick(THEIRS)])
    else:
        _promql("".join(bites.text() for _ in range(1 + bites.below(6))))


def _loaded(text: bytes) -> None:
    loaded = load.text("shop.yaml", text)
    oracle.sentences((*loaded.errors, *loaded.notes))
    for error in loaded.errors:
        if not str(error).startswith("shop.yaml"):
            raise oracle.Fault("no file in front", str(error))


def _converted(objs: list[Any]) -> None:
    try:
        documents = [one.value for o in objs for one in scan.documents("their.yaml", dumped(o))]
    except ManifestError as error:
        oracle.refused(error)
        return
    made = converted([one for one in documents if isinstance(one, dict)])
    oracle.lines("\n".join(output.plain(f"{note.path}: {note.how}") for note in made.notes))


def _promql(text: str) -> None:
    oracle.sentences((promql.wrong(text), *promql.unknown(text, ("service",))))
