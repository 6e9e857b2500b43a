"""Which control plane injects a pod: by the webhooks' own selectors, against Istio's own words."""

from collections.abc import Iterable
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.istio.revisions import selection, webhooks
from rollout.istio.revisions.selection import Selection
from rollout.model.mesh import Injector, Resolution, Way
from tests.istio.revisions.objects import (
    canonical,
    deactivated,
    expression,
    real,
    tag_webhook,
)

Labels = dict[str, str]

REV, INJECTION, INJECT = "istio.io/rev", "istio-injection", "sidecar.istio.io/inject"
OWN = [
    canonical("1-29-6"),
    canonical("1-30-3"),
    tag_webhook("prod", "1-29-6"),
    tag_webhook("default", "1-29-6"),
]
REAL = real("mutating.yaml")
CLUSTERS = [OWN, *([REAL] if REAL else [])]
"""Two revisions, and the tags prod and default on the older: ours, and a real cluster's."""

SPACES = st.fixed_dictionaries(
    {},
    optional={
        REV: st.sampled_from(["1-29-6", "1-30-3", "prod", "default", "nobody", ""]),
        INJECTION: st.sampled_from(["enabled", "disabled", "other", ""]),
        "team": st.just("a"),
    },
)
PODS = st.fixed_dictionaries(
    {},
    optional={
        REV: st.sampled_from(["1-29-6", "1-30-3", "prod", "default", "nobody"]),
        INJECT: st.sampled_from(["true", "false", "other"]),
        "app": st.just("web"),
    },
)


def read(objs: Iterable[Any]) -> list[Injector]:
    return [each for obj in objs if (each := webhooks.injector(obj)) is not None]


def by_the_table(space: Labels, pod: Labels, names: dict[str, str], auto: bool = False) -> str:
    """Who injects, by Istio's documented table; ``names``: revisions and tags to revisions.

    Source: Istio, "Installing the Sidecar", "Controlling the injection policy"; "Canary Upgrades".
    """
    if pod.get(INJECT) == "false":
        return ""
    if INJECTION in space:
        return names.get("default", "") if space[INJECTION] == "enabled" else ""
    if REV in space:
        return names.get(space[REV], "")
    if REV in pod:
        return names.get(pod[REV], "")
    if pod.get(INJECT) == "true":
        return names.get("default", "")
    return names.get("default", "") if auto and INJECT not in pod else ""


BOTH = {"1-29-6": "1-29-6", "1-30-3": "1-30-3", "prod": "1-29-6", "default": "1-29-6"}


@pytest.mark.parametrize("objs", CLUSTERS, ids=["ours", "real"][: len(CLUSTERS)])
@given(space=SPACES, pod=PODS)
def test_every_pod_is_injected_as_istios_table_says(
    objs: list[Any], space: Labels, pod: Labels
) -> None:
    asked = Selection(read(objs))
    resolved = asked.resolve(space, pod)
    assert resolved.revision == by_the_table(space, pod, BOTH)
    assert len(resolved.hooks) == bool(resolved.revision) == len(asked.called(space, pod))


@given(space=SPACES, pod=PODS, auto=st.booleans())
def test_an_installation_without_a_revision_is_the_default(
    space: Labels, pod: Labels, auto: bool
) -> None:
    asked = Selection(read([canonical("default", auto=auto), canonical("1-30-3")]))
    names = {"default": "default", "1-30-3": "1-30-3"}
    resolved = asked.resolve(space, pod)
    assert resolved.revision == by_the_table(space, pod, names, auto)
    assert len(resolved.hooks) == bool(resolved.revision)


@given(space=SPACES, pod=PODS)
def test_two_defaults_inject_twice_wherever_the_default_is_asked_for(
    space: Labels, pod: Labels
) -> None:
    """F16: somebody put the selectors of the installation without a revision back."""
    both = Selection(read([canonical("default"), tag_webhook("default", "1-29-6")]))
    alone = Selection(read([deactivated("default"), tag_webhook("default", "1-29-6")]))
    resolved, once = both.resolve(space, pod), alone.resolve(space, pod)
    assert (resolved.way is Way.SEVERAL) == (len(resolved.hooks) == 2) == bool(once.hooks)
    assert once.way is not Way.SEVERAL


@pytest.mark.parametrize(
    ("space", "pod", "expected"),
    [
        ({REV: "1-30-3"}, {}, (Way.DIRECT, "1-30-3", "")),
        ({REV: "prod"}, {REV: "1-30-3"}, (Way.TAG, "1-29-6", "prod")),
        ({INJECTION: "enabled", REV: "1-30-3"}, {}, (Way.DEFAULT, "1-29-6", "default")),
        ({}, {INJECT: "true"}, (Way.DEFAULT, "1-29-6", "default")),
        ({REV: "default"}, {}, (Way.TAG, "1-29-6", "default")),
        ({REV: "gone"}, {}, (Way.DANGLING, "", "gone")),
        ({}, {REV: "gone"}, (Way.DANGLING, "", "gone")),
        ({INJECTION: "disabled", REV: "1-30-3"}, {}, (Way.NONE, "", "")),
        ({REV: "1-30-3"}, {INJECT: "false"}, (Way.NONE, "", "")),
        ({}, {}, (Way.NONE, "", "")),
    ],
)
@pytest.mark.parametrize("objs", CLUSTERS, ids=["ours", "real"][: len(CLUSTERS)])
def test_the_way_to_the_control_plane_is_told(
    objs: list[Any], space: Labels, pod: Labels, expected: tuple[Way, str, str]
) -> None:
    resolved = Selection(read(objs)).resolve(space, pod)
    assert (resolved.way, resolved.revision, resolved.label) == expected


def test_injection_that_is_asked_of_a_default_that_is_not_there_dangles() -> None:
    resolved = Selection(read([canonical("1-30-3")])).resolve({INJECTION: "enabled"}, {})
    assert resolved == Resolution(Way.DANGLING, label="default")


@st.composite
def selectors(draw: st.DrawFn, keys: list[str]) -> dict[str, Any]:
    """A selector over a few keys and values."""
    asked = []
    for key in draw(st.lists(st.sampled_from(keys), max_size=3)):
        operator = draw(st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]))
        values = draw(st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2))
        asked.append(expression(key, operator, *(values if operator.endswith("In") else [])))
    return {"matchExpressions": asked}


@st.composite
def configurations(draw: st.DrawFn) -> Any:
    """A webhook configuration with any selectors at all."""
    obj = canonical(draw(st.sampled_from(["a", "b", "c"])))
    for hook in obj["webhooks"]:
        hook["namespaceSelector"] = draw(selectors(["n", "m"]))
        hook["objectSelector"] = draw(selectors(["p"]))
    return obj


VALUES = [None, "x", "y", "neither"]


@given(
    st.lists(configurations(), min_size=2, max_size=3, unique_by=lambda o: o["metadata"]["name"])
)
def test_the_overlap_matrix_is_what_trying_all_labels_finds(objs: list[Any]) -> None:
    injectors = read(objs)
    asked = Selection(injectors)
    tried = set()
    for n, m, p in product(VALUES, repeat=3):
        space = {k: v for k, v in (("n", n), ("m", m)) if v is not None}
        pod = {"p": p} if p is not None else {}
        called = [f"{h.configuration}/{h.name}" for h in asked.called(space, pod)]
        tried |= {frozenset(pair) for pair in combinations(called, 2)}
    listed = list(selection.overlaps(injectors))
    assert {
        frozenset(f"{h.configuration}/{h.name}" for h in (each.one, each.other)) for each in listed
    } == tried
    for each in listed:
        assert {each.one, each.other} <= set(asked.called(each.namespace, each.pod))


@pytest.mark.parametrize("objs", CLUSTERS, ids=["ours", "real"][: len(CLUSTERS)])
def test_what_istio_writes_does_not_overlap(objs: list[Any]) -> None:
    assert list(selection.overlaps(read(objs))) == []


def test_two_defaults_overlap_in_every_webhook_of_theirs() -> None:
    pair = [canonical("default"), tag_webhook("default", "1-29-6")]
    overlapping = list(selection.overlaps(read(pair)))
    assert sorted((each.one.name, each.namespace, each.pod) for each in overlapping) == [
        ("namespace.sidecar-injector.istio.io", {INJECTION: "enabled"}, {}),
        ("object.sidecar-injector.istio.io", {}, {INJECT: "true"}),
        ("rev.namespace.sidecar-injector.istio.io", {REV: "default"}, {}),
        ("rev.object.sidecar-injector.istio.io", {}, {REV: "default"}),
    ]


def test_a_selector_that_cannot_be_read_matches_nobody() -> None:
    obj = canonical("1-30-3")
    obj["webhooks"][0]["namespaceSelector"] = {"matchExpressions": "all"}
    resolved = Selection(read([obj])).resolve({REV: "1-30-3"}, {})
    assert resolved == Resolution(Way.DANGLING, label="1-30-3")
