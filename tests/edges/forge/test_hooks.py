"""P-GH, SEC-02: webhooks of every forge as they send them, genuine and not."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.edges.forge import hooks
from rollout.lab.forge import hooks as forge
from rollout.lab.forge.hooks import FORGES, Moved
from rollout.model.forge import Ping, Push

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"j" * 32).decode()
MOVED = Moved("team/shop", "https://git.example.com/team/shop.git", "refs/heads/main", "a1", "b2")
PROOFS = (
    *("X-Hub-Signature-256", "X-Hub-Signature", "X-Gitea-Signature", "X-Forgejo-Signature"),
    *("webhook-signature", "X-Gitlab-Token"),
)


def of(headers: dict[str, str], *more: tuple[str, str]) -> hooks.Headers:
    given = [*headers.items(), *more]

    def values(name: str) -> Sequence[str]:
        return [value for key, value in given if key.lower() == name.lower()]

    return values


def genuine(
    headers: dict[str, str], body: bytes, *secrets: str, now: datetime | None = None
) -> bool:
    return hooks.is_genuine(of(headers), body, secrets, now or datetime.now(UTC))


@pytest.mark.parametrize("name", FORGES)
def test_what_a_forge_sends_is_genuine_with_its_secret_alone_sec_02(name: str) -> None:
    body, headers = FORGES[name](MOVED, SECRET)
    assert genuine(headers, body, SECRET)
    assert not genuine(headers, body, OTHER)
    assert not genuine(headers, body)
    assert not genuine({}, body, SECRET)


@pytest.mark.parametrize("name", FORGES)
def test_two_secrets_are_in_force_while_one_is_changed_sec_26(name: str) -> None:
    body, headers = FORGES[name](MOVED, SECRET)
    assert genuine(headers, body, OTHER, SECRET)
    assert genuine(headers, body, SECRET, OTHER)


@pytest.mark.parametrize("name", [name for name in FORGES if name != "gitlab"])
def test_another_body_is_not_genuine_sec_02(name: str) -> None:
    body, headers = FORGES[name](MOVED, SECRET)
    assert not genuine(headers, body + b" ", SECRET)


@pytest.mark.parametrize("name", FORGES)
def test_a_proof_that_is_there_twice_is_none_sec_02(name: str) -> None:
    body, headers = FORGES[name](MOVED, SECRET)
    for proof in PROOFS:
        if proof in headers:
            twice = of(headers, (proof.lower(), headers[proof]))
            first = [p for p in PROOFS if p in headers and p != "X-Hub-Signature"][:1]
            if proof in first:
                assert not hooks.is_genuine(twice, body, [SECRET], datetime.now(UTC))


@pytest.mark.parametrize("name", FORGES)
@pytest.mark.parametrize(
    "spoil", ["", "x", "sha256=", "sha256=" + "g" * 64, "v1,", "\udcff\xe4" * 9]
)
def test_a_spoilt_proof_is_none_whatever_it_is_sec_02(name: str, spoil: str) -> None:
    body, headers = FORGES[name](MOVED, SECRET)
    bad = {key: spoil if key in PROOFS else value for key, value in headers.items()}
    assert not genuine(bad, body, SECRET)


def test_githubs_old_signature_alone_is_not_enough() -> None:
    body, headers = forge.github(MOVED, SECRET)
    del headers["X-Hub-Signature-256"]
    assert not genuine(headers, body, SECRET)


def test_a_secret_that_can_be_guessed_is_none() -> None:
    for name in ("github", "gitlab"):
        body, headers = FORGES[name](MOVED, "short")
        assert not genuine(headers, body, "short")
    body, headers = forge.gitlab(MOVED, "")
    assert not genuine(headers, body, "")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_gitlabs_signature_is_of_now(minutes: int) -> None:
    now = datetime.now(UTC)
    at = (now + timedelta(minutes=minutes)).timestamp()
    body, headers = forge.gitlab_signed(MOVED, SECRET, at)
    assert not genuine(headers, body, SECRET, now=now)


def test_a_signing_token_that_is_none_proves_nothing() -> None:
    body, headers = forge.gitlab_signed(MOVED, SECRET)
    assert not genuine(headers, body, "a secret token of old", "whsec_!!!! no base64")


@pytest.mark.parametrize(
    ("name", "addresses", "default"),
    [
        ("github", (MOVED.url, MOVED.ssh), "main"),
        ("gitlab", (MOVED.url, MOVED.ssh), "main"),
        ("gitlab-signed", (MOVED.url, MOVED.ssh), "main"),
        ("bitbucket", (MOVED.web,), ""),
        ("bitbucket-server", (MOVED.ssh, MOVED.url), ""),
        ("gitea", (MOVED.url, MOVED.ssh), "main"),
        ("forgejo", (MOVED.url, MOVED.ssh), "main"),
    ],
)
def test_what_was_pushed_is_read(name: str, addresses: tuple[str, ...], default: str) -> None:
    body, headers = FORGES[name](MOVED, SECRET)
    assert hooks.read(of(headers), body) == Push(addresses, ("refs/heads/main",), default)


@pytest.mark.parametrize("name", ["gitlab", "bitbucket"])
def test_a_tag_is_no_branch(name: str) -> None:
    tag = Moved("team/shop", MOVED.url, "refs/tags/v1", "a1", "b2")
    body, headers = FORGES[name](tag, SECRET)
    push = hooks.read(of(headers), body)
    assert isinstance(push, Push)
    assert push.refs == ("refs/tags/v1",)


GITLAB = {"git_http_url": MOVED.url, "git_ssh_url": MOVED.ssh, "default_branch": "main"}


@pytest.mark.parametrize(
    ("told", "push"),
    [
        ({"event_name": "push", "ref": "refs/heads/main"}, ("refs/heads/main",)),
        ({"event_name": "tag_push", "ref": "refs/tags/v1"}, ("refs/tags/v1",)),
        (
            {
                "event_name": "repository_update",
                "changes": [{"before": "a1", "after": "b2", "ref": "refs/heads/main"}],
                "refs": ["refs/heads/main", 7],
            },
            ("refs/heads/main",),
        ),
        ({"event_name": "project_rename"}, None),
        ({"event_name": "user_create"}, None),
        ({"event_name": ["push"]}, None),
        ({}, None),
    ],
)
def test_of_a_gitlab_instance_s_own_hook_pushes_alone_are_read(
    told: Mapping[str, Any], push: tuple[str, ...] | None
) -> None:
    """docs.gitlab.com, "System hooks": what is answered with an error is sent no more one day."""
    body = json.dumps({"project": GITLAB, **told}).encode()
    wanted = Ping() if push is None else Push((MOVED.url, MOVED.ssh), push, "main")
    assert hooks.read(of({"X-Gitlab-Event": "System Hook"}), body) == wanted
    assert push or hooks.read(of({"X-Gitlab-Event": "System Hook"}), b'{"a": 1}') == Ping()


def test_github_may_send_a_form() -> None:
    body, headers = forge.github(MOVED, SECRET)
    form = urlencode({"payload": body.decode()}).encode()
    headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    assert hooks.read(of(headers), form) == hooks.read(of(forge.github(MOVED, SECRET)[1]), body)


@pytest.mark.parametrize(
    "sent",
    [
        forge.github(MOVED, SECRET, "ping"),
        forge.bitbucket_server(MOVED, SECRET, "diagnostics:ping"),
        (b"{}", {"X-GitHub-Event": "issues"}),
        (b"{}", {}),
    ],
)
def test_a_ping_is_a_ping(sent: tuple[bytes, dict[str, str]]) -> None:
    body, headers = sent
    assert hooks.read(of(headers), body) == Ping()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"repository": null}',
        b'{"repository": {"clone_url": 1}, "ref": []}',
        b'{"repository": {"links": {"clone": [null, {"href": 7}]}}, "push": {"changes": [1]}}',
        json.dumps({"repository": {"clone_url": "x" * 5000}}).encode(),
        b"9" * 5000,
    ],
)
@pytest.mark.parametrize(
    ("header", "event"), [("X-GitHub-Event", "push"), ("X-Event-Key", "repo:push")]
)
def test_what_cannot_be_read_is_nothing(header: str, event: str, body: bytes) -> None:
    """CVE-2025-59538 of Argo CD: such a body ended its server."""
    assert hooks.read(of({header: event}), body) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "repository",
                    "project",
                    "links",
                    "clone",
                    "href",
                    "ref",
                    "push",
                    "changes",
                    "new",
                    "name",
                    "type",
                    "clone_url",
                    "html",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_ends_the_reader(told: object) -> None:
    read = hooks.read(of({"X-GitHub-Event": "push"}), json.dumps(told).encode())
    assert read is None or isinstance(read, Push)
