from dataclasses import replace
from typing import Any

import pytest

from rollout.controller.sources import apply
from rollout.controller.sources.apply import ApplyPlan, Ground, Key, Write
from rollout.model.source import (
    Document,
    Problem,
    Reading,
    Relation,
    RolloutSource,
    SourceStatus,
)
from rollout.model.sourcespec import RolloutSourceSpec
from tests.fakes_repo import NEVER

SPEC = RolloutSourceSpec("https://git.invalid/shop")
SOURCE = RolloutSource(
    "git", "market", "u1", 1, SPEC, status=SourceStatus("c1", observed_generation=1)
)
PRUNING = replace(SOURCE, spec=replace(SPEC, prune=True))
SHOP = ("Rollout", "market", "shop")


def document(name: str = "shop", revision: str = "v1", **more: Any) -> Document:
    given = {"file": f"{name}.yaml", "line": 1, "commit": "c2", "author": "ann@x", **more}
    kind = given.pop("kind", "Rollout")
    return Document(kind, name, "", {"name": name}, {"revision": revision}, **given)


def reading(*documents: Document, **more: Any) -> Reading:
    return replace(Reading("c2", "ann@x", NEVER, Relation.FORWARD, documents), **more)


def applied(one: Document, source: str = "market.git", namespace: str = "market") -> dict[Key, Any]:
    """The object that ``one`` has become."""
    return {
        (one.kind, namespace, one.name): {
            "kind": one.kind,
            "metadata": {
                "name": one.name,
                "namespace": namespace,
                "resourceVersion": "7",
                "labels": {"rollout.dev/source": source},
                "annotations": {
                    "rollout.dev/commit": one.commit,
                    "rollout.dev/author": one.author,
                    "rollout.dev/file": one.file,
                },
            },
            "spec": one.spec,
        }
    }


def test_a_new_manifest_becomes_an_object_that_says_where_it_comes_from() -> None:
    one = replace(document(), metadata={"name": "shop", "labels": {"team": "a"}})
    created = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {
            "name": "shop",
            "namespace": "market",
            "labels": {"team": "a", "rollout.dev/source": "market.git"},
            "annotations": {
                "rollout.dev/commit": "c2",
                "rollout.dev/author": "ann@x",
                "rollout.dev/file": "shop.yaml",
            },
        },
        "spec": {"revision": "v1"},
    }
    assert apply.plan(SOURCE, reading(one), Ground({})) == ApplyPlan(
        writes=(Write("create", SHOP, created, "shop.yaml", 1),), kept=(one,)
    )


def test_what_is_in_force_is_not_written_again_whatever_the_commit() -> None:
    present = applied(document(commit="c1"))
    assert apply.plan(SOURCE, reading(document()), Ground(present)).writes == ()


def test_a_changed_manifest_replaces_the_spec_and_leaves_what_others_wrote() -> None:
    present = applied(document("shop", "v1"))
    present[SHOP]["metadata"]["annotations"]["example.com/mine"] = "x"
    [write] = apply.plan(
        SOURCE, reading(document("shop", "v2", commit="c3")), Ground(present)
    ).writes
    assert write == Write(
        "patch",
        SHOP,
        [
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "add", "path": "/spec", "value": {"revision": "v2"}},
            {
                "op": "add",
                "path": "/metadata/labels",
                "value": {"rollout.dev/source": "market.git"},
            },
            {
                "op": "add",
                "path": "/metadata/annotations",
                "value": {
                    "rollout.dev/commit": "c3",
                    "rollout.dev/author": "ann@x",
                    "rollout.dev/file": "shop.yaml",
                    "example.com/mine": "x",
                },
            },
        ],
        "shop.yaml",
        1,
    )


def test_a_spec_changed_by_hand_is_put_back() -> None:
    present = applied(document())
    present[SHOP]["spec"] = {"revision": "v9"}
    [write] = apply.plan(SOURCE, reading(document()), Ground(present)).writes
    assert (write.verb, write.body[1]["value"]) == ("patch", {"revision": "v1"})


def test_an_object_made_by_hand_is_adopted_and_another_sources_is_not() -> None:
    """SEC-11."""
    mine, theirs = applied(document(), source=""), applied(document(), source="market.other")
    [write] = apply.plan(SOURCE, reading(document()), Ground(mine)).writes
    assert write.verb == "patch"
    there = frozenset({"market.git", "market.other"})
    plan = apply.plan(SOURCE, reading(document()), Ground(theirs, sources=there))
    assert plan == ApplyPlan(
        rejected=(
            Problem(
                "shop.yaml",
                1,
                "shop.yaml:1: rollout shop belongs to source market.other; one source is wanted",
            ),
        )
    )


def test_what_a_source_left_that_is_gone_is_whose_git_has_it_now() -> None:
    """A RolloutSource that is renamed is a new one: its objects would be refused for ever."""
    left = applied(document(), source="market.before")
    [write] = apply.plan(PRUNING, reading(document()), Ground(left)).writes
    assert write.body[2]["value"] == {"rollout.dev/source": "market.git"}
    assert apply.plan(PRUNING, reading(), Ground(left)).writes == ()  # it never was this one's
    elsewhere = applied(document(), source="bank.before")
    assert apply.plan(SOURCE, reading(document()), Ground(elsewhere)).kept == ()


def test_templates_are_written_before_the_rollouts_that_use_them() -> None:
    template = document("defaults", kind="AnalysisTemplate")
    plan = apply.plan(SOURCE, reading(document(), template), Ground({}))
    assert [write.key[0] for write in plan.writes] == ["AnalysisTemplate", "Rollout"]


def test_a_rollout_defined_twice_is_refused_naming_the_first() -> None:
    """P-GIT-08."""
    plan = apply.plan(SOURCE, reading(document(), document(file="b.yaml", line=9)), Ground({}))
    assert plan.kept == (document(),)
    assert [problem.message for problem in plan.rejected] == [
        "b.yaml:9: rollout shop stands in shop.yaml:1 already; one definition is wanted"
    ]


@pytest.mark.parametrize("namespace", ["bank", "market-b", "marke", "market.b"])
def test_another_namespace_is_refused_unless_it_is_allowed(namespace: str) -> None:
    """SEC-11."""
    one = replace(document(), namespace=namespace)
    plan = apply.plan(SOURCE, reading(one), Ground({}))
    assert (plan.writes, len(plan.rejected)) == ((), 1)
    assert plan.rejected[0].message == (
        f"shop.yaml:1: rollout shop wants namespace {namespace}; "
        "this source writes into market only"
    )
    allowed = apply.plan(SOURCE, reading(one), Ground({}, frozenset({namespace})))
    assert [write.key for write in allowed.writes] == [("Rollout", namespace, "shop")]


def test_a_source_in_git_is_not_taken_from_git() -> None:
    plan = apply.plan(SOURCE, reading(document("more", kind="RolloutSource")), Ground({}))
    assert [problem.message for problem in plan.rejected] == [
        "more.yaml:1: rolloutsource more is not taken from git; apply it by hand"
    ]


@pytest.mark.parametrize(
    ("relation", "why"),
    [
        (Relation.REWIND, "is behind the one in force (non-fast-forward)"),
        (Relation.UNRELATED, "does not follow the one in force: history was rewritten"),
    ],
)
def test_rewritten_history_is_held_until_a_person_accepts_it(relation: Relation, why: str) -> None:
    """P-GIT-01, SEC-27."""
    read = reading(document("shop", "v0"), relation=relation)
    assert apply.plan(SOURCE, read, Ground({})) == ApplyPlan(held=why)
    assert apply.plan(replace(SOURCE, accept="c9"), read, Ground({})).held == why
    assert apply.plan(replace(SOURCE, accept="c2"), read, Ground({})).kept == read.documents


def test_another_ref_is_a_persons_word_already() -> None:
    read = reading(document(), relation=Relation.UNRELATED)
    assert apply.plan(replace(SOURCE, generation=2), read, Ground({})).kept == read.documents


def test_that_everything_vanishes_is_held_and_then_pruned() -> None:
    """P-GIT-08."""
    ground = Ground(applied(document()))
    why = "has none of the 1 manifest in force"
    assert apply.plan(PRUNING, reading(), ground) == ApplyPlan(held=why)
    assert apply.plan(replace(PRUNING, generation=2), reading(), ground) == ApplyPlan(held=why)
    accepted = apply.plan(replace(PRUNING, accept="c2"), reading(), ground)
    assert accepted.writes == (Write("delete", SHOP, "", "shop.yaml"),)


def test_a_vanished_manifest_is_deleted_only_if_the_source_prunes() -> None:
    cart = document("cart")
    present = applied(document()) | applied(cart)
    assert apply.plan(SOURCE, reading(cart), Ground(present)).writes == ()
    assert apply.plan(PRUNING, reading(cart), Ground(present)).writes == (
        Write("delete", SHOP, "", "shop.yaml"),
    )


def test_what_is_pruned_is_that_very_object() -> None:
    """Somebody may have deleted it and made another of its name since it was read."""
    ((key, found),) = applied(document()).items()
    there = {**found, "metadata": {**found["metadata"], "uid": "u1"}}
    pruned = apply.plan(PRUNING, reading(document("cart")), Ground({key: there})).writes
    assert Write("delete", SHOP, "u1", "shop.yaml") in pruned


def test_what_others_own_is_never_pruned() -> None:
    others = applied(document("theirs"), source="market.other") | applied(
        document("hand"), source=""
    )
    present = applied(document()) | others
    assert apply.plan(PRUNING, reading(document()), Ground(present)).writes == ()


@pytest.mark.parametrize("file", ["shop.yaml", "deploy/shop.yaml"])
def test_a_file_that_was_refused_keeps_what_it_gave_before(file: str) -> None:
    present = applied(document(file=file)) | applied(document("cart"))
    problems = (Problem("shop.yaml", 3, "x"), Problem("deploy", 0, "is no folder"))
    plan = apply.plan(PRUNING, reading(document("cart"), problems=problems), Ground(present))
    assert (plan.writes, plan.rejected) == ((), problems)


@pytest.mark.parametrize("passed_over", ["a/b/shop.yaml", "a/b", "a"])
def test_a_file_or_folder_that_was_passed_over_keeps_what_it_gave_before(passed_over: str) -> None:
    """P-GIT-05, P-GIT-08: it became an LFS pointer, a submodule, a link, or somebody's namesake."""
    present = applied(document(file="a/b/shop.yaml"))
    rest = document("cart")
    ground = Ground({**present, **applied(rest)})
    assert apply.plan(PRUNING, reading(rest, unread=(passed_over,)), ground).writes == ()
    for other in ("a/b/shop.yaml/x", "a/b/shop", "a/bb", "b", ""):
        [write] = apply.plan(PRUNING, reading(rest, unread=(other,)), ground).writes
        assert (write.verb, write.key) == ("delete", SHOP)


def test_all_files_refused_is_no_vanishing() -> None:
    problems = (Problem("shop.yaml", 3, "x"),)
    plan = apply.plan(PRUNING, reading(problems=problems), Ground(applied(document())))
    assert plan == ApplyPlan(rejected=problems)


def test_a_manifest_that_moves_to_another_file_stays() -> None:
    """P-GIT-08."""
    present = applied(document(file="old.yaml"))
    assert apply.plan(PRUNING, reading(document()), Ground(present)).writes == ()


def test_a_long_name_still_makes_a_label() -> None:
    long = replace(SOURCE, name="x" * 80)
    other = replace(SOURCE, name="x" * 81)
    assert len(apply.label(long)) == 63
    assert apply.label(long) != apply.label(other)
