"""What chooses pods by their labels, found from the pods' side: Services, policies, budgets.

A namespace may hold thousands of these; only those that ask for nothing which the pods do not carry
are read. One that asks for more than two labels is known by two of them: with the longest values,
since names tell more apart than words such as ``web`` do.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from rollout import lenient
from rollout.labels import Operator, selector

MOST = 2  # labels by which one is known: pods with eight labels are asked about 37 times

Pairs = Iterable[tuple[str, str]]


def pods(kind: str, namespace: str, labels: Mapping[str, str]) -> Iterator[str]:
    """The concerns of everything of ``kind`` that may choose pods with these labels."""
    pairs = sorted(labels.items())
    for count in range(MOST + 1):
        yield from (_concern(kind, namespace, some) for some in combinations(pairs, count))


def by_pairs(kind: str, namespace: str, asked: object) -> Iterator[str]:
    """The concern of what asks for the pairs ``asked``, whatever their shape is.

    One that nobody can read may choose whatever there is.
    """
    pairs = lenient.texts(asked)
    sound = asked is None or (isinstance(asked, Mapping) and len(pairs) == len(asked))
    yield _concern(kind, namespace, _telling(pairs) if sound else ())


def by_selector(kind: str, namespace: str, asked: object) -> Iterator[str]:
    """As ``by_pairs``, of a LabelSelector: by its pairs, and else by one of its sets of values."""
    found = selector(asked)
    sets = [one for one in found.requirements if one.operator is Operator.IN]
    pairs = {one.key: one.values[0] for one in sets if len(one.values) == 1}
    if found.broken or not sets:
        yield _concern(kind, namespace, ())
    elif pairs:
        yield _concern(kind, namespace, _telling(pairs))
    else:
        yield from (_concern(kind, namespace, [(sets[0].key, word)]) for word in sets[0].values)


def carried(namespace: str, key: str, value: str) -> str:
    """The concern of every Deployment whose pods carry the label."""
    return f"pods in {namespace} with {key}={value}"


def _telling(pairs: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those of the pairs that tell most apart."""
    return sorted(sorted(pairs.items(), key=lambda pair: (-len(pair[1]), pair))[:MOST])


def _concern(kind: str, namespace: str, pairs: Pairs) -> str:
    return f"{kind} in {namespace} for {','.join(f'{key}={value}' for key, value in pairs)}"
