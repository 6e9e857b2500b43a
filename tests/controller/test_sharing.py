from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rollout.controller.sharing import namespace_of, shard

NAMES = st.text(min_size=1, max_size=63)


@given(NAMES, st.integers(1, 8))
def test_a_namespace_has_one_shard_and_it_is_one_of_them(namespace: str, count: int) -> None:
    assert shard(namespace, count) in range(count)
    assert shard(namespace, count) == shard(namespace, count)
    assert shard(namespace, 1) == 0


def test_which_shard_it_is_stays_the_same_in_every_release() -> None:
    """Replicas of two releases share the objects while one follows the other."""
    names = ("shop", "team-a", "team-b", "bookinfo", "")
    assert [shard(name, 8) for name in names] == [2, 5, 7, 3, 0]


def test_the_clusters_own_objects_are_the_first_shards() -> None:
    assert (namespace_of("mesh"), namespace_of("shop/web")) == ("", "shop")
    assert {shard("", count) for count in range(1, 9)} == {0}


def test_namespaces_are_shared_about_evenly() -> None:
    shares = Counter(shard(f"team-{place}", 4) for place in range(1000))
    assert all(200 < many < 300 for many in shares.values())
