import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.model.forge import ForgeKind, Place, Push

SHOP = Push(
    ("https://git.example.com/Team/Shop.git", "ssh://git@git.example.com:7999/team/shop.git"),
    ("refs/heads/main",),
    "main",
)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/team/shop.git",
        "https://git.example.com/team/shop",
        "https://git.example.com:443/team/shop/",
        "HTTPS://user:word@GIT.example.com./Team/Shop.git",
        "https://git.example.com/team/sho%70.git",
        "ssh://git@git.example.com:7999/team/shop.git",
        "http://git.example.com:8080/team/shop.git",  # a way that the forge does not name
    ],
)
def test_every_spelling_of_an_address_is_that_address(url: str) -> None:
    assert SHOP.names(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/team/shop2.git",
        "https://git.example.com/team",
        "https://git.example.com.evil.test/team/shop.git",
        "https://evil.test/git.example.com/team/shop.git",
        "https://git.example.com@evil.test/team/shop.git",
        "https://git.example.com:8443/team/shop.git",
        "git@git.example.com:team/shop.git",  # port 22 is not where the forge listens
        "file:///team/shop.git",
        "/team/shop.git",
        "https://[",
        "",
    ],
)
def test_another_address_is_another_repository(url: str) -> None:
    assert not SHOP.names(url)


@pytest.mark.parametrize(
    ("host", "over_https"),
    [
        ("github.com", "ssh.github.com"),
        ("gitlab.com", "altssh.gitlab.com"),
        ("bitbucket.org", "altssh.bitbucket.org"),
    ],
)
def test_ssh_over_the_port_of_https_is_the_same_repository(host: str, over_https: str) -> None:
    for said in (f"git@{host}:team/shop.git", f"https://{host}/team/shop.git"):
        assert Push((said,)).names(f"ssh://git@{over_https}:443/team/shop.git")
    assert not Push((f"git@{host}:team/shop.git",)).names(f"https://{over_https}/team/shop.git")


@pytest.mark.parametrize(
    "url",
    [
        "git@git.example.com:team/shop.git",
        "ssh://git.example.com/team/shop",
        "git.example.com:Team/Shop",
    ],
)
def test_the_short_form_of_ssh_is_ssh_at_its_usual_port(url: str) -> None:
    assert Push(("git@git.example.com:team/shop.git",)).names(url)
    assert Push(("https://git.example.com/team/shop",)).names(url)  # no ssh address is named


@pytest.mark.parametrize(
    ("ref", "moved"),
    [
        ("main", True),
        ("refs/heads/main", True),
        ("HEAD", True),
        ("Main", False),
        ("release", False),
        ("refs/tags/main", False),
    ],
)
def test_only_a_ref_that_is_followed_is_a_reason_to_read(ref: str, moved: bool) -> None:
    assert SHOP.moves(ref) is moved


def test_head_may_be_any_branch_where_the_default_one_is_not_said() -> None:
    assert Push(("https://a/b",), ("refs/heads/x",)).moves("HEAD")
    assert not Push(("https://a/b",), ("refs/heads/x",), "main").moves("HEAD")


def test_a_push_that_names_no_ref_may_have_moved_any() -> None:
    assert Push(("https://a/b",)).moves("release")


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_address_breaks_the_comparison(one: str, other: str) -> None:
    assert Push((one,)).names(one)
    assert Push((one,)).names(other) == Push((other,)).names(one)


@pytest.mark.parametrize(
    ("kind", "url", "api", "repository"),
    [
        ("github", "https://github.com/Team/shop.git", "https://api.github.com", "Team/shop"),
        ("github", "git@github.com:Team/shop.git", "https://api.github.com", "Team/shop"),
        ("github", "ssh://git@ssh.github.com:443/t/s", "https://api.github.com", "t/s"),
        ("gitlab", "ssh://git@altssh.gitlab.com:443/t/s", "https://gitlab.com/api/v4", "t/s"),
        ("github", "ssh://git@ghe.corp:122/t/s.git", "https://ghe.corp/api/v3", "t/s"),
        ("github", "https://ghe.corp:8443/t/s", "https://ghe.corp:8443/api/v3", "t/s"),
        ("gitlab", "https://gitlab.com/a/b/c.git", "https://gitlab.com/api/v4", "a/b/c"),
        ("gitlab", "git@git.corp:a/b.git", "https://git.corp/api/v4", "a/b"),
    ],
)
def test_a_forges_api_is_at_the_repositorys_host(
    kind: str, url: str, api: str, repository: str
) -> None:
    assert Place.of(ForgeKind(kind), url) == Place(ForgeKind(kind), api, repository)


def test_what_is_said_goes_before_what_can_be_told() -> None:
    found = Place.of(ForgeKind.GITHUB, "https://mirror.corp/shop.git", "https://x/api/", "t/s")
    assert found == Place(ForgeKind.GITHUB, "https://x/api", "t/s")


@pytest.mark.parametrize(
    "url",
    ["/srv/git/shop.git", "https://ghe.corp/shop.git", "https://ghe.corp/../x", "", "https://["],
)
def test_a_url_that_tells_no_repository_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="are wanted"):
        Place.of(ForgeKind.GITHUB, url)
