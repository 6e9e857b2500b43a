import pytest

from rollout.messages import links

OLD, NEW = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("repository", "commit", "diff"),
    [
        (
            "https://github.com/a/b.git",
            f"https://github.com/a/b/commit/{NEW}",
            f"https://github.com/a/b/compare/{OLD}...{NEW}",
        ),
        (
            "https://gitlab.example.com/a/b/",
            f"https://gitlab.example.com/a/b/-/commit/{NEW}",
            f"https://gitlab.example.com/a/b/-/compare/{OLD}...{NEW}",
        ),
        (
            "https://bitbucket.org/a/b",
            f"https://bitbucket.org/a/b/commits/{NEW}",
            f"https://bitbucket.org/a/b/branches/compare/{NEW}..{OLD}",
        ),
        ("javascript:alert(1)//https://github.com/a/b", "", ""),
        ("ssh://git@github.com/a/b", "", ""),
        ("https://user:secret@github.com/a/b", "", ""),
        ('https://github.com/a"onclick="x', "", ""),
        ("", "", ""),
    ],
)
def test_a_forge_has_pages_at_an_https_address_of_a_plain_shape(
    repository: str, commit: str, diff: str
) -> None:
    assert links.commit(repository, NEW) == commit
    assert links.diff(repository, OLD, NEW) == diff


def test_what_is_no_commit_has_no_page_and_nothing_changed_between_one_and_itself() -> None:
    assert links.commit("https://github.com/a/b", "../../evil") == ""
    assert links.diff("https://github.com/a/b", NEW, NEW) == ""
