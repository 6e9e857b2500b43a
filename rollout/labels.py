"""Label selectors of Kubernetes: read from JSON whatever its shape, asked as the API server asks.

Source: Kubernetes, "Labels and Selectors"; apimachinery, ``LabelSelectorAsSelector``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rollout import lenient

Labels = Mapping[str, str]


class Operator(StrEnum):
    """What a requirement says of one label."""

    IN = "In"
    NOT_IN = "NotIn"  # holds, too, where the label is not there
    EXISTS = "Exists"
    ABSENT = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must be true of the label ``key``; ``values`` matter to IN and NOT_IN."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def holds(self, labels: Labels) -> bool:
        """Whether it is true of these labels."""
        value = labels.get(self.key)
        match self.operator:
            case Operator.IN:
                return value in self.values
            case Operator.NOT_IN:
                return value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.ABSENT:
                return value is None


@dataclass(frozen=True, slots=True)
class Selector:
    """Requirements that must all hold; with none it selects everything.

    ``broken``: part of it could not be read, so that it selects nothing here.
    """

    requirements: tuple[Requirement, ...] = ()
    broken: bool = False

    def matches(self, labels: Labels) -> bool:
        """Whether it selects an object with these labels."""
        return not self.broken and all(each.holds(labels) for each in self.requirements)

    @property
    def keys(self) -> frozenset[str]:
        """The labels that it asks about."""
        return frozenset(each.key for each in self.requirements)

    @property
    def empty(self) -> bool:
        """Whether it asks for nothing at all."""
        return not self.requirements and not self.broken


EVERYTHING = Selector()
_OPERATORS = frozenset(each.value for each in Operator)


def selector(value: object) -> Selector:
    """A LabelSelector's JSON as a Selector; None, like ``{}``, selects everything.

    Whose API reads an empty selector as nothing asks ``empty`` first.
    """
    if value is None:
        return EVERYTHING
    if not isinstance(value, Mapping):
        return Selector(broken=True)
    equal, asked = value.get("matchLabels"), value.get("matchExpressions")
    pairs = lenient.mapping(equal)
    words = lenient.texts(equal)
    wanted = [Requirement(key, Operator.IN, (word,)) for key, word in words.items()]
    read = [_requirement(each) for each in lenient.items(asked)]
    whole = [each for each in read if each is not None]
    odd = len(words) < len(pairs) or len(whole) < len(read)
    odd |= not _is(equal, Mapping) or not _is(asked, list)
    return Selector((*wanted, *whole), broken=odd)


def pairs(value: object) -> Selector:
    """Plain pairs of labels, as a Service's ``selector`` is written, as a Selector."""
    return selector({"matchLabels": value} if value is not None else None)


def _is(value: object, kind: type) -> bool:
    return value is None or isinstance(value, kind)


def _requirement(value: object) -> Requirement | None:
    entry: Mapping[str, Any] = lenient.mapping(value)
    key, operator, values = entry.get("key"), entry.get("operator"), entry.get("values")
    words = tuple(each for each in lenient.items(values) if isinstance(each, str))
    if not isinstance(key, str) or not isinstance(operator, str) or operator not in _OPERATORS:
        return None
    if not _is(values, list) or len(words) < len(lenient.items(values)):
        return None
    return Requirement(key, Operator(operator), words)
