"""Label and field selectors; pure predicates over objects.

Source: Kubernetes docs, "Labels and Selectors" and "Field Selectors".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.lab.apiserver.problems import bad_request

Predicate = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Selector:
    """What a list or watch asks for; ``everything`` spares the test per object."""

    tests: tuple[Predicate, ...] = ()

    @property
    def everything(self) -> bool:
        return not self.tests

    def matches(self, document: Mapping[str, Any]) -> bool:
        return all(test(document) for test in self.tests)


def selector(labels: str, fields: str, allowed: Sequence[str]) -> Selector:
    """``allowed``: the field paths that the kind can be selected by; others are a 400."""
    tests = [_on_labels(test) for test in label_tests(labels)]
    return Selector((*tests, *_field_tests(fields, allowed)))


LabelTest = Callable[[Mapping[str, str]], bool]


def label_tests(text: str) -> list[LabelTest]:
    """``a=b,c!=d,e in (f,g),h notin (i),j,!k``; raises a 400 for what is none of these."""
    return [_label_test(part.strip()) for part in _split(text) if part.strip()]


def _on_labels(test: LabelTest) -> Predicate:
    return lambda document: test(document.get("metadata", {}).get("labels") or {})


def _split(text: str) -> list[str]:
    """At commas outside parentheses."""
    return re.split(r",(?![^(]*\))", text)


_SET = re.compile(
    r"(?P<key>[A-Za-z0-9][A-Za-z0-9._/-]*)\s+(?P<word>in|notin)\s*\((?P<values>[^)]*)\)"
)
_EQUAL = re.compile(r"(?P<key>[^\s=!()]+)\s*(?P<sign>==|=|!=)\s*(?P<value>[^\s=!()]*)")
_HAS = re.compile(r"(?P<no>!?)\s*(?P<key>[A-Za-z0-9][A-Za-z0-9._/-]*)")


def _label_test(part: str) -> LabelTest:
    if found := _SET.fullmatch(part):
        values = frozenset(value.strip() for value in found["values"].split(","))
        return _in(found["key"], values, found["word"] == "in")
    if found := _EQUAL.fullmatch(part):
        return _in(found["key"], frozenset({found["value"]}), found["sign"] != "!=")
    if found := _HAS.fullmatch(part):
        key, wanted = found["key"], not found["no"]
        return lambda labels: (key in labels) is wanted
    raise bad_request(f"unable to parse requirement: found {part!r}")


def _in(key: str, values: frozenset[str], wanted: bool) -> LabelTest:
    if wanted:
        return lambda labels: key in labels and labels[key] in values
    return lambda labels: key not in labels or labels[key] not in values


def _field_tests(text: str, allowed: Sequence[str]) -> list[Predicate]:
    return [_field_test(part.strip(), allowed) for part in text.split(",") if part.strip()]


def _field_test(part: str, allowed: Sequence[str]) -> Predicate:
    found = _EQUAL.fullmatch(part)
    if found is None:
        raise bad_request(f"invalid selector: {part!r}; can't understand {part!r}")
    if found["key"] not in allowed:
        known = ", ".join(f'"{name}"' for name in allowed)
        raise bad_request(f'"{found["key"]}" is not a known field selector: only {known}')
    path, value, wanted = found["key"].split("."), found["value"], found["sign"] != "!="
    return lambda document: (_text_at(document, path) == value) is wanted


def _text_at(document: Any, path: list[str]) -> str:
    for part in path:
        document = document.get(part) if isinstance(document, Mapping) else None
    return "" if document is None else str(document)
