"""The files of this repository that are made from the nouns: CRDs, and the page of every field."""

from collections.abc import Mapping

import yaml

from rollout.manifest.definition import crd
from rollout.manifest.schema import KINDS, Schema, plain


def files() -> Mapping[str, str]:
    """Every generated file by its path in the repository."""
    crds = {f"deploy/crds/{kind.plural}.yaml": _yaml(crd(kind)) for kind in KINDS.values()}
    return crds | {"docs/manifests.md": reference()}


def _yaml(value: Schema) -> str:
    head = "# Generated from rollout/model by `make generate`; edit the nouns, not this file.\n"
    return head + yaml.safe_dump(value, sort_keys=False, width=100)


def reference() -> str:
    """The page of every field, for ``docs/``."""
    parts = [
        "# Manifests\n\nGenerated from `rollout/model`; a test fails when it is stale.\n"
        "Durations are written `250ms`, `90s`, `5m`, `2h`, `1d`; percentages `5%` or `5`.\n"
    ]
    for kind in KINDS.values():
        noun = plain(kind.spec)
        parts.append(
            f"\n## {kind.name}\n\n{noun['description']}\n\n| field | type | default | meaning |"
        )
        parts.append("| --- | --- | --- | --- |")
        parts.extend(_rows(noun, ""))
    return "\n".join(parts) + "\n"


def _rows(node: Schema, prefix: str) -> list[str]:
    rows = []
    required = set(node.get("required", ()))
    for name, field in node.get("properties", {}).items():
        inner, suffix = field, ""
        if field.get("type") == "array":
            inner, suffix = field["items"], "[]"
        elif isinstance(field.get("additionalProperties"), dict):
            inner, suffix = field["additionalProperties"], ".*"
        meaning = " ".join(str(field.get("description", inner.get("description", ""))).split())
        must = " (required)" if name in required else ""
        default = f"`{_value(field['default'])}`" if "default" in field else ""
        what = f"{_type(field)} | {default} | {_cell(meaning)}{must}"
        rows.append(f"| `{prefix}{name}` | {what} |")
        rows.extend(_rows(inner, f"{prefix}{name}{suffix}."))
    return rows


def _value(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _type(field: Schema) -> str:
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(branch.get("type", "any") for branch in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return str(field.get("type", "any"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("``", "`")
