"""For every UPG and GW rule: it speaks where it must, and not where it need not."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.model.finding import Finding, Severity
from rollout.model.upgrade import (
    UNAVOIDABLE,
    UpgradeOverrule,
    UpgradePreflight,
)
from rollout.rules import BLOCK, INFO, WARN
from rollout.upgrade import rules
from rollout.upgrade.inventory import KINDS, inventory
from rollout.upgrade.rules.case import Case
from tests.istio.revisions.test_webhooks import spoiled
from tests.upgrade.mesh import (
    SYSTEM,
    named,
)
from tests.upgrade.rules.blocks import BLOCKS
from tests.upgrade.rules.made import (
    EDGE,
    Worlds,
    api_gateway,
    case,
    edge,
    labelled_space,
    native,
)
from tests.upgrade.rules.warns import WARNS


def spoken(worlds: Mapping[str, Worlds], which: int) -> list[tuple[str, int, Case]]:
    return [(rule, i, each) for rule, both in worlds.items() for i, each in enumerate(both[which])]


def found(case_: Case, rule: str, severity: Severity) -> list[str]:
    return [f.text for f in rules.findings(case_) if (f.rule, f.severity) == (rule, severity)]


def ids(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


@pytest.mark.parametrize(("rule", "index", "mesh"), spoken(BLOCKS, 0), ids=ids)
def test_a_rule_blocks_what_it_is_there_for(rule: str, index: int, mesh: Case) -> None:
    assert len(found(mesh, rule, BLOCK)) >= 1


@pytest.mark.parametrize(("rule", "index", "mesh"), spoken(BLOCKS, 1), ids=ids)
def test_a_rule_lets_pass_what_only_looks_like_it(rule: str, index: int, mesh: Case) -> None:
    assert found(mesh, rule, BLOCK) == []


@pytest.mark.parametrize(("rule", "index", "mesh"), spoken(WARNS, 0), ids=ids)
def test_a_rule_warns_of_what_it_is_there_for(rule: str, index: int, mesh: Case) -> None:
    assert len(found(mesh, rule, WARN)) >= 1


@pytest.mark.parametrize(("rule", "index", "mesh"), spoken(WARNS, 1), ids=ids)
def test_a_rule_does_not_warn_of_what_only_looks_like_it(rule: str, index: int, mesh: Case) -> None:
    assert found(mesh, rule, WARN) == []


def test_every_rule_has_worlds_of_both_kinds() -> None:
    told = {(rule, BLOCK) for rule in BLOCKS} | {(rule, WARN) for rule in WARNS}
    told |= {("UPG-038", INFO)}
    assert {(rule.id, rule.severity) for rule in rules.RULES} == told
    assert all(both[0] and both[1] for both in (*BLOCKS.values(), *WARNS.values()))


RAW = "namespace cart: names the revision itself; a tag would save its edits"
COMPATIBLE = "compatibilityVersion=1.29 keeps the defaults of 1.29 for a while"


def test_nothing_blocks_in_a_mesh_that_is_well() -> None:
    assert rules.findings(case()) == (
        Finding(
            "UPG-015", WARN, "namespace cart: names the revision itself; a tag would save its edits"
        ),
        Finding(
            "UPG-038", INFO, "compatibilityVersion=1.29 keeps the defaults of 1.29 for a while"
        ),
    )


def test_what_changed_in_between_is_told() -> None:
    texts = found(native("1.27.4"), "UPG-038", INFO)
    assert texts == [
        "since 1.28: a tag has a Service, too; both carriers must be moved",
        "compatibilityVersion=1.27 keeps the defaults of 1.27 for a while",
    ]


def test_a_reason_lets_a_block_pass_unless_it_is_unavoidable() -> None:
    reasons = (
        UpgradeOverrule("UPG-022", "one is enough"),
        UpgradeOverrule("UPG-012", "never mind"),
    )
    world = labelled_space("cart", **{"istio.io/rev": "gone"})
    named(world["Deployment"], "istiod-1-30-3")["status"]["readyReplicas"] = 1
    told = rules.findings(case(world, preflight=UpgradePreflight(reasons)))
    by_rule = {f.rule: (f.severity, f.overruled) for f in told if f.severity is not INFO}
    assert by_rule["UPG-022"] == (WARN, "one is enough")
    assert by_rule["UPG-012"] == (BLOCK, "")


def test_what_nobody_can_overrule_is_a_rule_that_blocks() -> None:
    assert set(UNAVOIDABLE) <= {rule.id for rule in rules.RULES if rule.severity is BLOCK}


def test_every_sentence_begins_with_what_it_is_about() -> None:
    cases = [each for _, _, each in (*spoken(BLOCKS, 0), *spoken(WARNS, 0))]
    for finding in {f for each in cases for f in rules.findings(each)}:
        assert ": " in finding.text or finding.rule in ("UPG-038", "UPG-002"), finding
        assert "\n" not in finding.text
        assert not finding.text.endswith(".")


@given(st.data())
def test_no_rule_stumbles_over_odd_objects(data: st.DataObject) -> None:
    world = edge(hpa={}) if data.draw(st.booleans()) else api_gateway()
    kind = data.draw(st.sampled_from([k for k in KINDS if world[k]]))
    index = data.draw(st.integers(0, len(world[kind]) - 1))
    odd = data.draw(spoiled(world[kind][index]))
    world[kind][index] = odd if isinstance(odd, dict) else {"metadata": odd}
    told = rules.findings(case(mesh=inventory(world, SYSTEM), **EDGE))
    assert [f.text for f in told if "could not be judged" in f.text] == []
