"""What is told to whom, without a network; tests/edges/git/test_transports.py has the real ones."""

from types import SimpleNamespace

import pygit2
import pytest

from rollout.edges.git import address
from rollout.edges.git.reader import access
from rollout.edges.git.reader.access import MAX_BYTES, GitAccess, Repository
from rollout.errors import OutsideError, RefusedError, RolloutError

ENUM = pygit2.enums.CredentialType
URL = "https://git.invalid/x"


def door(secret: dict[str, str], url: str = URL) -> GitAccess:
    return GitAccess(Repository(url, secret, "shop/login"))


def test_messages_show_no_password() -> None:
    assert address.shown("https://ann:secret@git.invalid/x?token=secret") == URL
    mine = Repository("https://ann:secret@git.invalid/x", {"token": "t0ken", "username": "way"})
    error = access.explained(mine, ValueError("no\nway to https://u:p@evil.invalid/ with t0ken"))
    assert str(error) == (
        "git https://git.invalid/x: no way to https://evil.invalid/ with ***; "
        "the next poll tries again"
    )


def test_credentials_go_to_their_own_host_and_port_and_only_once() -> None:
    asked = door({"token": "t"})
    for url in (
        "https://evil.invalid/x",
        "https://git.invalid:8443/x",
        "https://git.invalid.evil/",
    ):
        with pytest.raises(RefusedError, match="another host asked for the credentials and got no"):
            asked.credentials(url, None, ENUM.USERPASS_PLAINTEXT)
    given = asked.credentials("https://git.invalid:443/y", None, ENUM.USERPASS_PLAINTEXT)
    assert given.credential_tuple == ("git", "t")
    with pytest.raises(RefusedError, match="the token was refused; what it lets in, in secret sh"):
        asked.credentials(URL, None, ENUM.USERPASS_PLAINTEXT)


def test_a_password_has_its_user_and_a_token_any() -> None:
    login = {"username": "ann", "password": "p w\n"}
    given = door(login).credentials(URL, None, ENUM.USERPASS_PLAINTEXT)
    assert given.credential_tuple == ("ann", "p w")


def test_without_a_secret_nothing_is_given() -> None:
    wanted = "username and password, or bearerToken, in a Secret named by secretRef is wanted"
    with pytest.raises(RefusedError, match=f"wants credentials; {wanted}"):
        GitAccess(Repository(URL)).credentials(URL, None, ENUM.USERPASS_PLAINTEXT)


def test_a_bearer_token_is_one_header_and_goes_over_https_alone() -> None:
    assert door({"bearerToken": "abc\n"}).custom_headers() == ["Authorization: Bearer abc"]
    assert door({"token": "abc"}).custom_headers() is None
    with pytest.raises(RefusedError, match="bearerToken opens https alone"):
        door({"bearerToken": "abc"}, "ssh://git@git.invalid/x").custom_headers()
    with pytest.raises(RefusedError, match="bearerToken is not one line; one line in secret shop"):
        door({"bearerToken": "abc\r\nX-Other: 1"}).custom_headers()


def test_a_repository_that_grows_without_end_is_given_up() -> None:
    door({}).transfer_progress(SimpleNamespace(received_bytes=MAX_BYTES))
    with pytest.raises(RefusedError, match="sends more than 1 GiB; a smaller repository is wanted"):
        door({}).transfer_progress(SimpleNamespace(received_bytes=MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("said", "kind", "wanted"),
    [
        ("unexpected http status code: 401", RefusedError, "ones with the right to read"),
        ("unexpected http status code: 403", RefusedError, "ones with the right to read"),
        ("unexpected http status code: 404", RefusedError, "another url, or the right to read"),
        ("unexpected http status code: 429", OutsideError, "the next poll tries again"),
        ("unexpected http status code: 503", OutsideError, "the next poll tries again"),
        ("failed to connect to git.invalid: Connection refused", OutsideError, "the next poll"),
        ("out of memory", RefusedError, "a smaller one is wanted"),
        ("unsupported URL protocol", RefusedError, "https://… or ssh://… is wanted"),
    ],
)
def test_what_libgit2_says_is_sorted_by_who_can_mend_it(
    said: str, kind: type[RolloutError], wanted: str
) -> None:
    error = access.explained(Repository(URL, {}, "shop/login"), pygit2.GitError(said))
    assert type(error) is kind
    assert wanted in str(error)
