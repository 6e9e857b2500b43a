"""Istio's webhook configurations as nouns."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.istio.revisions import selection, webhooks
from rollout.labels import EVERYTHING
from rollout.model.mesh import Callee, Validator
from tests.istio.revisions.objects import BUNDLE, canonical, real, tag_webhook, validator

CALLS = Callee("istio-system", "istiod-1-30-3", "/inject")


def test_a_revisions_own_webhooks_are_read() -> None:
    read = webhooks.injector(canonical("1-30-3"))
    assert read is not None
    assert (read.name, read.revision, read.tag) == (
        "istio-sidecar-injector-1-30-3",
        "1-30-3",
        "",
    )
    assert [(h.name, h.calls, h.ca_bundle, h.fails_closed) for h in read.hooks] == [
        (f"{kind}.sidecar-injector.istio.io", CALLS, BUNDLE, True)
        for kind in ("rev.namespace", "rev.object")
    ]


def test_an_installation_without_a_label_is_the_default() -> None:
    obj = canonical("default")
    del obj["metadata"]["labels"]["istio.io/rev"]
    read = webhooks.injector(obj)
    assert read is not None
    assert (read.revision, len(read.hooks)) == ("default", 4)


@pytest.mark.parametrize(
    ("revision", "tag"),
    [("1-30-3", ""), ("1-30-3", "prod"), ("1-30-3", "default"), ("default", "")],
)
def test_what_is_planned_is_what_istio_will_write(revision: str, tag: str) -> None:
    obj = tag_webhook(tag, revision, bundle="") if tag else canonical(revision, bundle="")
    written = webhooks.injector(obj)
    assert written is not None
    calls = written.hooks[0].calls
    made = webhooks.planned(written.name, revision, calls, tag=tag)
    assert made.hooks == written.hooks
    assert (made.revision, made.tag) == (written.revision, written.tag)
    name = f"istio-revision-tag-{tag}" if tag else webhooks.canonical(revision)
    assert written.name == name


def test_in_a_namespace_of_its_own_istios_objects_carry_its_name() -> None:
    assert webhooks.canonical("1-30-3", "mesh") == "istio-sidecar-injector-1-30-3-mesh"


def test_validators_tell_whether_they_judge_objects_of_no_revision() -> None:
    own, chart, tagged = (
        webhooks.validator(validator("1-29-6")),
        webhooks.validator(validator("1-29-6", default=True)),
        webhooks.validator(validator("1-29-6", default=True, tagged=True)),
    )
    assert own is not None
    assert chart is not None
    assert tagged is not None
    assert [own.default, chart.default, tagged.default] == [False, True, True]
    assert (chart.objects, tagged.tag) == (EVERYTHING, "default")
    assert tagged.calls == Callee("istio-system", "istiod-1-29-6", "/validate")


def test_what_real_istiods_wrote_is_read_whole() -> None:
    injectors = [webhooks.injector(obj) for obj in real("mutating.yaml")]
    assert [(i.name, i.revision, i.tag, len(i.hooks)) for i in injectors if i] in (
        [],
        [
            ("istio-revision-tag-default", "1-29-6", "default", 4),
            ("istio-revision-tag-prod", "1-29-6", "prod", 2),
            ("istio-sidecar-injector-1-29-6", "1-29-6", "", 2),
            ("istio-sidecar-injector-1-30-3", "1-30-3", "", 2),
        ],
    )
    validators = [webhooks.validator(obj) for obj in real("validating.yaml")]
    assert [(v.name, v.revision, v.default, v.tag) for v in validators if v] in (
        [],
        [
            ("istio-validator-1-29-6-istio-system", "1-29-6", False, ""),
            ("istio-validator-1-30-3-istio-system", "1-30-3", False, ""),
            ("istiod-default-validator", "1-29-6", True, "default"),
        ],
    )


def test_real_webhooks_are_the_ones_that_are_planned() -> None:
    """Byte by byte: every selector of every webhook, but for the CA bundle."""
    for obj in real("mutating.yaml"):
        written = webhooks.injector(obj)
        assert written is not None
        without = tuple(replace(hook, ca_bundle="") for hook in written.hooks)
        calls = written.hooks[0].calls
        made = webhooks.planned(written.name, written.revision, calls, tag=written.tag)
        assert made.hooks == without


def test_what_calls_other_peoples_webhooks_is_not_istios() -> None:
    obj = canonical("1-30-3")
    for hook in obj["webhooks"]:
        hook["name"] = "inject.linkerd.example"
    assert webhooks.injector(obj) is None
    assert webhooks.validator(obj) is None
    assert webhooks.injector({}) is None


def test_a_webhook_for_other_objects_injects_nobody() -> None:
    obj = canonical("1-30-3")
    obj["webhooks"][0]["rules"][0]["resources"] = ["services"]
    obj["webhooks"][1]["rules"][0]["operations"] = ["UPDATE"]
    read = webhooks.injector(obj)
    assert read is not None
    assert read.hooks == ()


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "default", "Ignore"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@st.composite
def spoiled(draw: st.DrawFn, obj: Any) -> Any:
    """``obj`` with one value anywhere in it replaced by something odd."""
    if isinstance(obj, dict) and obj and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(obj)))
        return {**obj, key: draw(spoiled(obj[key]))}
    if isinstance(obj, list) and obj and draw(st.booleans()):
        index = draw(st.integers(0, len(obj) - 1))
        return [*obj[:index], draw(spoiled(obj[index])), *obj[index + 1 :]]
    return draw(JSON)


@given(spoiled(canonical("1-30-3")), spoiled(validator("1-30-3", default=True)))
def test_odd_configurations_cost_themselves_and_nobody_else(hook: Any, judge: Any) -> None:
    read = [webhooks.injector(hook)] if isinstance(hook, dict) else []
    if isinstance(judge, dict):
        assert isinstance(webhooks.validator(judge), Validator | None)
    asked = selection.Selection(each for each in read if each)
    assert asked.resolve({"istio.io/rev": "1-30-3"}, {}).revision in ("", "1-30-3", "default")
