import pytest

from rollout.istio import hosts

HOST = "shop.web.svc.cluster.local"


@pytest.mark.parametrize("written", ["shop", "shop.web", "shop.web.svc", HOST])
def test_every_spelling_from_its_own_namespace_means_the_service(written: str) -> None:
    assert hosts.means(written, "web", HOST)
    assert hosts.full(written, "web") == HOST


@pytest.mark.parametrize(
    "written", ["shop", "shop.other", "shop.other.svc.cluster.local", "xshop.web", ""]
)
def test_from_another_namespace_a_short_name_means_another_service(written: str) -> None:
    assert not hosts.means(written, "other", HOST)
    assert hosts.full(written, "other") != HOST


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("*", "a.b", True),
        ("*.b", "a.b", True),
        ("*.b", "b", False),
        ("a.b", "a.b", True),
        ("a", "a.b", False),
    ],
)
def test_a_host_pattern_covers_what_it_says(pattern: str, host: str, covered: bool) -> None:
    assert hosts.covers(pattern, host) is covered
