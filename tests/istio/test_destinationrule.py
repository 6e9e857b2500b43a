from itertools import permutations

import pytest

from rollout.errors import ConflictError
from rollout.istio import destinationrule, memory
from rollout.istio.memory import key
from tests.istio.objects import TARGET, Json, applied, target

POLICY = {"connectionPool": {"tcp": {"maxConnections": 9}}}


def rule(*subsets: Json, name: str = "shop", host: str = "shop", **spec: object) -> Json:
    inside = {"host": host} | ({"subsets": list(subsets)} if subsets else {}) | spec
    metadata = {"name": name, "namespace": "shop", "resourceVersion": "7"}
    return {"kind": "DestinationRule", "metadata": metadata, "spec": inside}


def subset(name: str, **labels: str) -> Json:
    return {"name": name, "labels": labels}


def test_a_missing_subset_is_made_behind_the_others() -> None:
    obj = rule(subset("v1", version="v1"), trafficPolicy=POLICY)
    after = applied(obj, destinationrule.point(obj, TARGET, "canary", {"version": "v2"}, 1))
    wanted = rule(subset("v1", version="v1"), subset("canary", version="v2"), trafficPolicy=POLICY)
    assert after["spec"] == wanted["spec"]


def test_the_first_subset_of_a_rule_without_any_is_made() -> None:
    after = applied(rule(), destinationrule.point(rule(), TARGET, "canary", {"version": "v2"}, 1))
    assert after["spec"] == rule(subset("canary", version="v2"))["spec"]


def test_a_made_canary_subset_has_the_limits_of_the_stable_one() -> None:
    obj = rule(subset("stable", version="v1") | {"trafficPolicy": POLICY})
    after = applied(obj, destinationrule.point(obj, TARGET, "canary", {"version": "v2"}, 1))
    assert after["spec"]["subsets"][1]["trafficPolicy"] == POLICY


def test_pointing_a_subset_leaves_its_policy_and_the_others_alone() -> None:
    stable = subset("stable", version="v1") | {"trafficPolicy": POLICY}
    obj = rule(stable, subset("canary", version="v2"))
    after = applied(obj, destinationrule.point(obj, TARGET, "stable", {"version": "v2"}, 1))
    moved = subset("stable", version="v2") | {"trafficPolicy": POLICY}
    assert after["spec"]["subsets"] == [moved, subset("canary", version="v2")]


def test_a_subset_that_points_right_already_asks_for_nothing() -> None:
    obj = rule(subset("stable", version="v1"))
    assert destinationrule.point(obj, TARGET, "stable", {"version": "v1"}, 1) == []


def test_a_subset_of_our_making_is_removed_without_a_trace() -> None:
    obj = rule(subset("v1", version="v1"))
    made = applied(obj, destinationrule.point(obj, TARGET, "canary", {"version": "v2"}, 1))
    assert applied(made, destinationrule.remove(made, TARGET, "canary", 2)) == obj


def test_the_last_subset_of_our_making_leaves_no_empty_list() -> None:
    made = applied(rule(), destinationrule.point(rule(), TARGET, "canary", {"version": "v2"}, 1))
    assert applied(made, destinationrule.remove(made, TARGET, "canary", 2)) == rule()


def test_one_of_two_made_subsets_is_removed_and_the_other_remembered() -> None:
    obj = destinationrule.manifest(TARGET, {"stable": {"version": "v1"}, "canary": {}}, 1)
    after = applied(obj, destinationrule.remove(obj, TARGET, "canary", 2))
    assert destinationrule.subsets(after) == {"stable": {"version": "v1"}}
    assert memory.epoch(after, TARGET) == 2


def test_a_subset_of_the_user_is_never_removed() -> None:
    obj = rule(subset("canary", version="v2"))
    assert destinationrule.remove(obj, TARGET, "canary", 2) == []


def test_a_subset_that_somebody_removed_already_asks_for_nothing() -> None:
    obj = destinationrule.manifest(TARGET, {"canary": {}}, 1)
    obj["spec"].pop("subsets")
    assert destinationrule.remove(obj, TARGET, "canary", 2) == []


def test_an_older_epoch_never_points() -> None:
    obj = destinationrule.manifest(TARGET, {"canary": {"version": "v1"}}, 5)
    with pytest.raises(ConflictError, match="destinationrule shop/shop: epoch 5 is written"):
        destinationrule.point(obj, TARGET, "canary", {"version": "v2"}, 4)


def test_an_older_epoch_never_removes() -> None:
    obj = destinationrule.manifest(TARGET, {"canary": {"version": "v1"}}, 5)
    with pytest.raises(ConflictError, match="ours is 4"):
        destinationrule.remove(obj, TARGET, "canary", 4)


def test_a_rule_of_our_own_says_whose_it_is() -> None:
    obj = destinationrule.manifest(TARGET, {"stable": {"version": "v1"}}, 1)
    assert obj["metadata"]["labels"] == {"rollout.dev/rollout": "shop"}
    assert obj["spec"] == {
        "host": "shop.shop.svc.cluster.local",
        "subsets": [subset("stable", version="v1")],
    }
    assert key(TARGET) in obj["metadata"]["annotations"]
    assert destinationrule.is_made(obj, TARGET)
    assert not destinationrule.is_made(rule(), TARGET)


def test_the_named_rule_is_chosen_before_the_oldest() -> None:
    older, newer = rule(name="a"), rule(name="b")
    older["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    newer["metadata"]["creationTimestamp"] = "2026-02-01T00:00:00Z"
    both = [newer, older, rule(host="other")]
    assert destinationrule.chosen(both, TARGET) == older
    assert destinationrule.chosen(both, target(destination_rule="b")) == newer
    assert destinationrule.chosen([rule(host="other")], TARGET) is None


def aged(month: int, obj: Json, **metadata: object) -> Json:
    made = {"creationTimestamp": f"2026-{month:02}-01T00:00:00Z", **metadata}
    return obj | {"metadata": obj["metadata"] | made}


def test_several_rules_of_one_host_are_read_as_one_the_oldest_wins() -> None:
    """Seen with istiod 1.29.6 and 1.30.3: the first subset of a name, and the first policy."""
    old = aged(1, rule(subset("v1", version="v1"), name="z"))
    young = aged(2, rule(subset("v2", version="v2"), subset("v1", version="v9"), name="a"))
    young["spec"]["trafficPolicy"] = POLICY
    last = aged(2, rule(name="b", host="shop.shop.svc.cluster.local", trafficPolicy={"tls": {}}))
    for rules in permutations((old, young, last)):
        assert destinationrule.in_force(rules, TARGET) == old | {
            "spec": {
                "host": "shop",
                "trafficPolicy": POLICY,
                "subsets": [subset("v1", version="v1"), subset("v2", version="v2")],
            }
        }


def test_a_subset_is_written_where_it_is_in_force_and_removed_where_it_was_made() -> None:
    old, young = aged(1, rule(name="z")), aged(2, rule(subset("stable", version="v1"), name="a"))
    both = [young, old]
    assert destinationrule.chosen(both, TARGET, "stable") == young
    assert destinationrule.chosen(both, target(destination_rule="z"), "stable") == young
    assert destinationrule.chosen(both, TARGET, "canary") == old
    assert destinationrule.maker(both, TARGET, "canary") is None
    made = applied(old, destinationrule.point(old, TARGET, "canary", V2, 1))
    assert destinationrule.maker([young, made], TARGET, "canary") == made
    assert destinationrule.maker([young, made], TARGET, "stable") is None


def test_a_canary_has_the_limits_of_a_stable_that_another_rule_names() -> None:
    old = aged(1, rule(name="z"))
    young = aged(2, rule(subset("stable", version="v1") | {"trafficPolicy": POLICY}, name="a"))
    like = destinationrule.in_force([old, young], TARGET)
    made = applied(old, destinationrule.point(old, TARGET, "canary", V2, 1, like))
    assert made["spec"]["subsets"] == [subset("canary", version="v2") | {"trafficPolicy": POLICY}]


def test_rules_that_are_not_merged_with_it_are_not_read_with_it() -> None:
    old = aged(1, rule(subset("v1", version="v1"), name="z"))
    private = aged(2, rule(subset("v2", version="v2"), name="a", exportTo=["."]))
    some = aged(0, rule(subset("v2", version="v2"), workloadSelector={"matchLabels": {"a": "b"}}))
    assert destinationrule.in_force([private, some, old], TARGET) == old
    named = target(destination_rule="a")
    assert destinationrule.in_force([private, some, old], named) == private
    assert destinationrule.chosen([some], TARGET) is None


def test_of_two_subsets_with_one_name_the_first_is_in_force() -> None:
    obj = rule(subset("v1", version="v1"), subset("v1", version="v9"))
    assert destinationrule.subsets(obj) == {"v1": {"version": "v1"}}
    assert memory.epoch(obj, TARGET) == 0
    assert destinationrule.subsets(None) == {}


def test_nearer_and_narrower_rules_come_first() -> None:
    everyone = rule(name="all", host="*.local")
    everyone["metadata"]["namespace"] = "istio-system"
    named = rule(name="named", host="shop.shop.svc.cluster.local")
    named["metadata"]["namespace"] = "istio-system"
    wide = rule(name="wide", host="*.svc.cluster.local")
    narrow = rule(name="narrow", host="*.shop.svc.cluster.local")
    mine = rule(name="mine")
    order = [everyone, named, wide, narrow, mine]
    found = [destinationrule.in_force(order[:n], TARGET) for n in range(6)]
    assert found == [None, everyone, named, wide, narrow, mine]


def test_what_callers_do_not_see_or_only_some_use_is_not_in_force() -> None:
    private = rule(host="*.local", exportTo=["."])
    private["metadata"]["namespace"] = "istio-system"
    some = rule(host="*.local", workloadSelector={"matchLabels": {"app": "web"}})
    elsewhere = rule()
    elsewhere["metadata"]["namespace"] = "callers"
    assert destinationrule.in_force([private, some, elsewhere], TARGET) is None


def test_a_rule_that_hides_another_has_its_policy_and_its_other_subsets() -> None:
    stable = subset("stable", version="v0") | {"trafficPolicy": {"tls": {"mode": "DISABLE"}}}
    like = rule(subset("old", version="v0"), stable, host="*.local", trafficPolicy=POLICY)
    made = destinationrule.manifest(TARGET, {"stable": V1, "canary": V2}, 1, like)
    assert made["spec"] == {
        "host": "shop.shop.svc.cluster.local",
        "trafficPolicy": POLICY,
        "subsets": [
            subset("old", version="v0"),
            stable | {"labels": V1},
            {"name": "canary", "labels": V2, "trafficPolicy": stable["trafficPolicy"]},
        ],
    }


V1, V2 = {"version": "v1"}, {"version": "v2"}
