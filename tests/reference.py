"""The page of every field, from the nouns and with values of our own examples."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from rollout.manifest import schema
from rollout.manifest.schema import KINDS, Schema
from rollout.model.units import DURATION
from tests.fieldvalues import VALUES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "manifests.md"
HEAD = """# Manifests

Every field of every kind, each once: its default, what it means, its unit and an example.
Generated from `rollout/model` by `make generate`; a test fails when it is stale.

* A **duration** is written `250ms`, `90s`, `5m`, `2h`, `1d`; \
a **percentage** `5%` or `0.5%`, and a bare number is a share: `0.05`.
* A field whose type is a link is a mapping with the fields of that section; *list of* it: several.
* A field without a default may be left out, unless it is **required**.
* All stands below `spec:`. `kubectl explain rlo.spec` says the same in a terminal, \
and `rollout schema` gives it to editors.
* In `kubectl` say `rlo`, or `rollouts.rollout.dev`: \
plain `rollouts` may be Argo's ([Moving in](migrating.md)).
"""
Shown = dict[tuple[str, str], str]


def page() -> str:
    """The whole page."""
    shown, told, parts = examples(), set[str](), [HEAD]
    later: dict[str, Schema] = {}
    for kind in KINDS.values():
        raw = schema.raw(kind.spec)
        later |= raw.get("$defs", {})
        parts += [f"\n## {kind.name}\n", *_table(kind.spec.__name__, raw, shown)]
        for name in _reached(raw, raw.get("$defs", {})):
            if name not in told:
                told.add(name)
                parts += [f"\n### {name}\n", *_table(name, later[name], shown)]
    return "\n".join(parts) + "\n"


def _table(name: str, noun: Schema, shown: Shown) -> list[str]:
    rows = [_sentence(noun), "", "| field | type | default | meaning | example |"]
    rows.append("| --- | --- | --- | --- | --- |")
    required = set(noun.get("required", ()))
    for field, found in noun.get("properties", {}).items():
        meaning = _cell(str(found.get("description", "")))
        must = "**required**; " if field in required else ""
        type_ = _type(found)
        example = shown.get((name, field), "")
        default = _default(found)
        example = "" if example and f"`{example}`" == default else example
        cells = (f"`{field}`", type_, default, must + meaning, f"`{example}`" if example else "")
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _sentence(noun: Schema) -> str:
    """The first sentence of the noun's own description."""
    whole = " ".join(str(noun.get("description", "")).split("\n\n")[0].split())
    return whole.replace("``", "`")


def _reached(node: Any, nouns: Mapping[str, Schema]) -> Iterator[str]:
    """Classes with fields that ``node`` refers to, each where it comes first, depth first."""
    for name in dict.fromkeys(_references(node)):
        if "properties" in nouns[name]:
            yield name
            yield from _reached(nouns[name], nouns)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "$ref":
                yield str(value).rsplit("/", 1)[1]
            elif key != "$defs":
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _nouns() -> Mapping[str, Schema]:
    found: dict[str, Schema] = {}
    for kind in KINDS.values():
        found |= schema.raw(kind.spec).get("$defs", {})
    return found


def _plain(field: Schema) -> Schema:
    """``field`` without its branch for null, its reference to a list of words resolved."""
    branches = [one for one in field.get("anyOf", ()) if one != {"type": "null"}]
    if len(branches) == 1:
        field = {**{k: v for k, v in field.items() if k != "anyOf"}, **branches[0]}
    if "$ref" in field:
        noun = _nouns()[field["$ref"].rsplit("/", 1)[1]]
        return field if "properties" in noun else {**noun, **field, "$ref": ""}
    return field


def _type(field: Schema) -> str:
    found = _plain(field)
    if found.get("$ref"):
        name = found["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "enum" in found:
        return " or ".join(f"`{value}`" for value in found["enum"])
    if found.get("pattern") == DURATION["pattern"]:
        return "duration"
    if "anyOf" in found:
        return "percentage"
    match found.get("type"):
        case "array":
            return f"list of {_type(found.get('items', {}))}"
        case "object":
            inner = found.get("additionalProperties")
            of = _type({**inner}) if isinstance(inner, Mapping) and inner else "anything"
            return f"mapping of names to {of}"
        case "boolean":
            return "true or false"
        case "integer":
            return "whole number"
        case "number":
            return "number"
    return "text"


def _default(field: Schema) -> str:
    resolved = schema.written_default(_plain(field))
    if resolved is None:
        return ""
    return f"`{json.dumps(resolved) if isinstance(resolved, bool) else resolved}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("``", "`")


def examples() -> Shown:
    """Short values by class and field, as YAML: chosen ones, else the first of our examples."""
    found: Shown = {key: written(value) for key, value in VALUES.items()}
    for path in sorted((ROOT / "examples").glob("*/*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            kind = KINDS.get(document.get("kind", "")) if isinstance(document, dict) else None
            if kind is not None and document["apiVersion"].startswith("rollout.dev/"):
                _collect(kind.spec.__name__, schema.raw(kind.spec), document["spec"], found)
    return found


def written(value: Any) -> str:
    """``value`` in one line of YAML; a text that YAML would read as something else in quotes."""
    if isinstance(value, str) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _collect(name: str, noun: Schema, value: Any, found: Shown) -> None:
    nouns = _nouns()
    for field, given in value.items() if isinstance(value, dict) else ():
        inner = _plain(noun.get("properties", {}).get(field, {}))
        text = written(given)
        if len(text) <= 48 and "\n" not in text and "|" not in text:
            found.setdefault((name, field), text)
        for part in given if isinstance(given, list) else [given]:
            holder = _plain(inner.get("items", inner)) if isinstance(given, list) else inner
            values = [part]
            if isinstance(holder.get("additionalProperties"), Mapping) and isinstance(part, dict):
                holder, values = _plain(holder["additionalProperties"]), [*part.values()]
            if holder.get("$ref"):
                below = holder["$ref"].rsplit("/", 1)[1]
                for one in values:
                    _collect(below, nouns[below], one, found)
