"""What a revision's ConfigMaps say, and where two mesh configurations differ."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rollout.istio.revisions import config
from rollout.istio.revisions.config import Difference
from rollout.model.mesh import InjectorConfig
from tests.istio.revisions.objects import injector_config

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner),
)


def test_the_expected_proxy_is_told() -> None:
    assert config.injection(injector_config("1.30.3", "1-30-3")) == InjectorConfig(
        "docker.io/istio/proxyv2:1.30.3"
    )


@pytest.mark.parametrize(
    ("shared", "image"),
    [
        ({"hub": "h", "tag": "1.30.3"}, "h/proxyv2:1.30.3"),
        ({"hub": "h", "tag": "1.30.3", "variant": "distroless"}, "h/proxyv2:1.30.3-distroless"),
        ({"hub": "h", "tag": "1-distroless", "variant": "distroless"}, "h/proxyv2:1-distroless"),
        ({"hub": "h", "tag": "1", "proxy": {"image": "r:5000/p:2"}}, "r:5000/p:2"),
        ({"hub": "h", "tag": 1.3}, "h/proxyv2:1.3"),
        ({"hub": "h"}, ""),
        ({}, ""),
        ({"hub": 1, "tag": [], "proxy": "x"}, ""),
    ],
)
def test_an_image_is_made_as_istio_makes_it(shared: Any, image: str) -> None:
    assert config.image(shared) == image


def test_what_changes_every_pod_is_read() -> None:
    obj = injector_config(
        "1.30.3",
        "1-30-3",
        sidecarInjectorWebhook={"enableNamespacesByDefault": True},
        pilot={"cni": {"enabled": True}},
    )
    obj["data"]["config"] = yaml.safe_dump({"templates": {"sidecar": "", "ours": ""}})
    assert config.injection(obj) == InjectorConfig(
        "docker.io/istio/proxyv2:1.30.3", None, True, True, ("ours",)
    )


@pytest.mark.parametrize(
    "data",
    [None, [], {"values": "{", "config": ": ["}, {"values": "[]", "config": "x"}, {"values": 1}],
)
def test_an_odd_configuration_says_nothing(data: Any) -> None:
    assert config.injection({"data": data}) == InjectorConfig()


def test_differences_are_told_by_their_path() -> None:
    old = "trustDomain: a\ndefaultConfig: {discoveryAddress: x, concurrency: 2}\nrules: [a, b]\n"
    new = "trustDomain: b\ndefaultConfig: {discoveryAddress: y, concurrency: 2}\nrules: [a]\n"
    found = config.differences(old, new)
    assert found == (
        Difference("rules[1]", '"b"', None),
        Difference("trustDomain", '"a"', '"b"'),
    )
    assert [(str(each), each.field) for each in found] == [
        ('rules[1] is "b" and becomes nothing', "rules"),
        ('trustDomain is "a" and becomes "b"', "trustDomain"),
    ]


@given(TREES.filter(lambda tree: isinstance(tree, dict)))
def test_a_configuration_does_not_differ_from_itself(tree: Any) -> None:
    text = yaml.safe_dump(tree)
    assert config.differences(text, yaml.safe_dump(tree, default_flow_style=True)) == ()
    added = config.differences(text, yaml.safe_dump({**tree, "new": 1}))
    assert added == (Difference("new", None, "1"),)


@pytest.mark.parametrize("text", ["[a]", "{", "a: &x [b]\nc: *x\n", "!!python/object:x {}", "x"])
def test_what_is_no_mesh_configuration_differs_in_nothing_that_can_be_told(text: str) -> None:
    assert config.differences("a: 1", text) is None


def test_an_empty_configuration_is_one() -> None:
    assert config.differences("", "a: 1") == (Difference("a", None, "1"),)
