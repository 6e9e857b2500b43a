"""What is wrong with an object according to its structural schema, in the server's words.

Source: Kubernetes, kube-openapi/pkg/validation/errors, for the wording; OpenAPI 3.0 for the rules.
Patterns are Python's, which is close to Go's RE2 for all patterns that CRDs use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from rollout.lab.apiserver.problems import Cause

Schema = Mapping[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def causes(value: Any, schema: Schema, path: str = "") -> list[Cause]:
    """Every violation, outermost first; empty if the value is valid."""
    return list(_causes(value, schema, path))


def has_rules(schema: Schema) -> bool:
    """Whether any part of it has rules in CEL, ``x-kubernetes-validations``."""
    if "x-kubernetes-validations" in schema:
        return True
    parts = [*(schema.get("properties") or {}).values(), schema.get("items")]
    below = [part for part in (*parts, schema.get("additionalProperties")) if part]
    return any(has_rules(part) for part in below if isinstance(part, Mapping))


def _causes(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    if value is None and (schema.get("nullable") or "type" not in schema):
        return
    wrong = _type_cause(value, schema, path)
    if wrong is not None:
        yield wrong
        return
    if "enum" in schema and value not in schema["enum"]:
        yield _not_supported(value, schema["enum"], path)
    if isinstance(value, dict):
        yield from _object(value, schema, path)
    elif isinstance(value, list):
        yield from _array(value, schema, path)
    elif isinstance(value, str):
        yield from _string(value, schema, path)
    elif not isinstance(value, bool):
        yield from _number(value, schema, path)
    yield from _combined(value, schema, path)


def _type_cause(value: Any, schema: Schema, path: str) -> Cause | None:
    if schema.get("x-kubernetes-int-or-string"):
        if _is(value, "integer") or isinstance(value, str):
            return None
        return _wrong_type(value, "integer,string", path)
    wanted = schema.get("type")
    if wanted is None or _is(value, wanted):
        return None
    return _wrong_type(value, wanted, path)


def _is(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(wanted, (object,)))


def _wrong_type(value: Any, wanted: str, path: str) -> Cause:
    found = "null" if value is None else _type_name(value)
    message = f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"'
    return Cause("FieldValueTypeInvalid", path, message)


def _type_name(value: Any) -> str:
    if isinstance(value, float):
        return "number"
    return next(name for name in _TYPES if _is(value, name))


def _not_supported(value: Any, allowed: list[Any], path: str) -> Cause:
    listed = ", ".join(json.dumps(item) for item in allowed)
    message = f"Unsupported value: {json.dumps(value)}: supported values: {listed}"
    return Cause("FieldValueNotSupported", path, message)


def _bad(value: Any, path: str, rule: str) -> Cause:
    shown = json.dumps(value)
    return Cause("FieldValueInvalid", path, f"Invalid value: {shown:.200}: {path} in body {rule}")


def _object(value: dict[str, Any], schema: Schema, path: str) -> Iterator[Cause]:
    for key in schema.get("required") or ():
        if key not in value:
            yield Cause("FieldValueRequired", _join(path, key), "Required value")
    if len(value) < schema.get("minProperties", 0):
        yield _bad(value, path, f"should have at least {schema['minProperties']} properties")
    if len(value) > schema.get("maxProperties", len(value)):
        yield _bad(value, path, f"should have at most {schema['maxProperties']} properties")
    properties = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    for key, part in value.items():
        below = properties.get(key) or (more if isinstance(more, Mapping) else None)
        if below is not None:
            yield from _causes(part, below, _join(path, key))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _array(value: list[Any], schema: Schema, path: str) -> Iterator[Cause]:
    if len(value) < schema.get("minItems", 0):
        yield _bad(value, path, f"should have at least {schema['minItems']} items")
    if len(value) > schema.get("maxItems", len(value)):
        message = f"Too many: {len(value)}: must have at most {schema['maxItems']} items"
        yield Cause("FieldValueTooMany", path, message)
    items = schema.get("items")
    if isinstance(items, Mapping):
        for index, item in enumerate(value):
            yield from _causes(item, items, f"{path}[{index}]")
    yield from _repeated(value, schema, path)


def _repeated(value: list[Any], schema: Schema, path: str) -> Iterator[Cause]:
    """Sets and keyed lists hold nothing twice."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if schema.get("x-kubernetes-list-type", "atomic") == "atomic":
        return
    seen = set()
    for index, item in enumerate(value):
        named = {key: item.get(key) for key in keys} if keys and isinstance(item, dict) else item
        told = json.dumps(named, sort_keys=True)
        if told in seen:
            yield Cause("FieldValueDuplicate", f"{path}[{index}]", f"Duplicate value: {told}")
        seen.add(told)


def _string(value: str, schema: Schema, path: str) -> Iterator[Cause]:
    if len(value) < schema.get("minLength", 0):
        yield _bad(value, path, f"should be at least {schema['minLength']} chars long")
    if len(value) > schema.get("maxLength", len(value)):
        message = f"Too long: may not be longer than {schema['maxLength']}"
        yield Cause("FieldValueTooLong", path, message)
    pattern = schema.get("pattern")
    if pattern is not None and not _compiled(pattern).search(value):
        yield _bad(value, path, f"should match '{pattern}'")
    form = _FORMATS.get(schema.get("format", ""))
    if form is not None and not form.fullmatch(value):
        yield _bad(value, path, f"must be of type {schema['format']}: {json.dumps(value)}")


_FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"),
    "byte": re.compile(r"[A-Za-z0-9+/\s]*={0,2}"),
}


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """RE2's ``\\z`` and its named classes are all that CRDs write in another way than Python."""
    return re.compile(pattern.replace(r"\z", r"\Z"))


def _number(value: float, schema: Schema, path: str) -> Iterator[Cause]:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and (value < least or (schema.get("exclusiveMinimum") and value == least)):
        word = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield _bad(value, path, f"should be {word} {least}")
    if most is not None and (value > most or (schema.get("exclusiveMaximum") and value == most)):
        word = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield _bad(value, path, f"should be {word} {most}")
    step = schema.get("multipleOf")
    if step and value % step:
        yield _bad(value, path, f"should be a multiple of {step}")


def _combined(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    for part in schema.get("allOf") or ():
        yield from _causes(value, part, path)
    options = schema.get("anyOf")
    if options and not any(_fits(value, part, path) for part in options):
        yield _bad(value, path, "must validate at least one schema (anyOf)")
    options = schema.get("oneOf")
    if options and sum(_fits(value, part, path) for part in options) != 1:
        yield _bad(value, path, "must validate one and only one schema (oneOf)")
    if "not" in schema and _fits(value, schema["not"], path):
        yield _bad(value, path, "must not validate the schema (not)")


def _fits(value: Any, schema: Schema, path: str) -> bool:
    return next(_causes(value, schema, path), None) is None
