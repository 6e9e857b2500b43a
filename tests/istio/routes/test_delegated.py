"""What a delegate's route matches under its root: ours and the lab's own reading, side by side."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.istio.patch import Json
from rollout.istio.routes import delegated
from rollout.lab.mesh import delegates

ROOT, LEAF = "edge", "shop"
A, B = {"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}


def header(**rules: Any) -> Json:
    return {"headers": rules}


FITS: list[tuple[list[Json], list[Json], list[Json]]] = [
    ([A], [{"uri": {"exact": "/a/1"}}], [{"uri": {"exact": "/a/1"}}]),
    ([A], [{}], [A]),
    ([{}], [B], [B]),
    ([A], [header(x={"exact": "1"})], [A | header(x={"exact": "1"})]),
    ([header(x={"prefix": "a"})], [header(x={"exact": "ab"})], [header(x={"exact": "ab"})]),
    ([A | header(x={})], [header(y={})], [A | header(x={}, y={})]),
    ([A, B], [{"port": 80}], [A | {"port": 80}, B | {"port": 80}]),
    ([{"sourceNamespace": "a"}], [A | {"sourceNamespace": "a"}], [A | {"sourceNamespace": "a"}]),
    ([{"gateways": ["edge/x", "mesh"]}], [A], [A | {"gateways": ["edge/x", "mesh"]}]),
]
DROPPED: list[tuple[list[Json], list[Json]]] = [
    ([A], [B]),
    ([A], [{"uri": {"prefix": "/a/1"}}, B]),
    ([A], [{"uri": {"regex": "/a/.*"}}]),
    ([{"uri": {"exact": "/a"}}], [A]),
    ([header(x={})], [header(x={"exact": "1"})]),
    ([header(x={"exact": "1"})], [header(x={})]),
    ([header(x={"regex": "1"})], [header(x={"regex": "1"})]),
    ([A | {"ignoreUriCase": True}], [header(x={})]),
    ([{"sourceNamespace": "a"}], [A]),
    ([{"port": 80}], [{"port": 81}]),
    ([{"gateways": ["edge/x"]}], [{"gateways": ["edge/x", "mesh"]}]),
    ([{"sourceLabels": {"app": "a"}}], [{"sourceLabels": {"app": "b"}}]),
]


def in_the_lab(root: list[Json], leaf: list[Json]) -> list[Json]:
    """The matches that the lab's mesh has of it; a route without one matches everything."""
    outer = {
        "delegate": {"name": "leaf", "namespace": LEAF},
        **({"match": root} if any(root) else {}),
    }
    inner = {"route": [], **({"match": leaf} if any(leaf) else {})}
    meta = {"name": "root", "namespace": ROOT}
    whole = {"metadata": meta, "spec": {"hosts": ["x"], "http": [outer]}}
    below = {"metadata": {"name": "leaf", "namespace": LEAF}, "spec": {"http": [inner]}}
    return [m for rule, _ in delegates.rules(whole, [below]) for m in rule.get("match") or [{}]]


@pytest.mark.parametrize(("root", "leaf", "both"), FITS)
def test_what_lies_within_the_roots_is_joined(
    root: list[Json], leaf: list[Json], both: list[Json]
) -> None:
    assert delegated.joined(root, leaf) == both == in_the_lab(root, leaf)


@pytest.mark.parametrize(("root", "leaf"), DROPPED)
def test_a_route_of_which_any_match_does_not_is_dropped(root: list[Json], leaf: list[Json]) -> None:
    assert delegated.joined(root, leaf) == [] == in_the_lab(root, leaf)


TEXTS = st.sampled_from(["/a", "/a/b", "/c"])
RULES: st.SearchStrategy[Json] = st.one_of(
    st.builds(dict, exact=TEXTS), st.builds(dict, prefix=TEXTS), st.builds(dict, regex=TEXTS)
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "uri": RULES,
        "headers": st.dictionaries(
            st.sampled_from("xy"), st.one_of(RULES, st.just({})), min_size=1
        ),
        "withoutHeaders": st.dictionaries(st.just("x"), RULES, min_size=1),
        "port": st.sampled_from([80, 81]),
        "ignoreUriCase": st.just(True),
        "sourceNamespace": st.sampled_from(["a", "b"]),
        "sourceLabels": st.dictionaries(st.just("app"), st.sampled_from("ab"), min_size=1),
        "gateways": st.lists(st.sampled_from(["mesh", "e/x"]), min_size=1, unique=True),
    },
)
MATCHES: st.SearchStrategy[list[Json]] = st.lists(
    ENTRIES.filter(bool), min_size=1, max_size=3
) | st.just([{}])


@given(MATCHES, MATCHES)
def test_ours_and_the_labs_reading_are_one(root: list[Json], leaf: list[Json]) -> None:
    assert delegated.joined(root, leaf) == in_the_lab(root, leaf)
