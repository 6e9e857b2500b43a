from pathlib import Path

import pytest

from rollout.cli import policy
from rollout.cli.policy import PagePolicy, Policy, Readers, VerifyPolicy
from rollout.errors import RefusedError

FULL = """
localGit: true
webhooks: ["https://gate.example.com"]
signers:
  releases: |
    # who may sign
    ann@example.com ssh-ed25519 AAAA
verify: {"*": {signers: [releases]}, shop/source: {signers: [releases], mode: every}}
abroad: {shop/source: [bookinfo]}
page: {login: true, readers: loggedIn, hosts: [rollout.example.com]}
"""


def test_the_whole_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(FULL)
    found = policy.read(str(file))
    assert (found.local_git, found.webhooks) == (True, ("https://gate.example.com",))
    assert found.signers["releases"].endswith("ssh-ed25519 AAAA\n")
    assert found.verify == {
        "*": VerifyPolicy(("releases",)),
        "shop/source": VerifyPolicy(("releases",), "every"),
    }
    assert found.abroad == {"shop/source": ("bookinfo",)}
    assert found.page == PagePolicy(("rollout.example.com",), Readers.LOGGED_IN, login=True)


def test_without_a_file_or_with_an_empty_one_nothing_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("")
    assert policy.read("") == policy.read(str(file)) == Policy()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("page: {oidc: {issuer: 'https://i.example', clientId: x}}", "page.login must be true"),
        ("page: {login: true, oidc: {issuer: 'http://i.example', clientId: x}}", "issuer"),
        ("page: {login: true, oidc: {issuer: 'https://i', clientid: x}}", "clientId"),
        (
            "page: {login: true, oidc: {issuer: 'https://i', clientId: x, scopes: [email]}}",
            "scopes lacks openid",
        ),
        ("localgit: true", "policy.yaml: localgit is unknown; did you mean localGit?"),
        ("webhooks: https://a", "policy.yaml: webhooks is 'https://a'; a list is wanted"),
        ("webhooks: [https://a/b]", "policy.yaml: webhooks: 'https://a/b'; scheme://host or"),
        ("signers: {a: ann}", "signers.a is no list"),
        ("signers: {a: ''}", "signers.a is no list"),
        ("verify: {'*': {signers: [a]}}", "verify.* names 'a'; a name of signers is wanted"),
        ("verify: {'*': {signers: []}}", "policy.yaml: verify.*.signers has 0 entries"),
        ("verify: {'*': {signers: [a], modes: x}}", "verify.*.modes is unknown; did you mean mode"),
        ("verify: {'*': {signers: [a], mode: all}}", "verify.*.mode is 'all'"),
        ("verify: {shop: {signers: []}}", "verify.shop.signers has 0 entries"),
        (
            "{signers: {a: ann x y}, verify: {shop: {signers: [a]}}}",
            "verify.shop is no source; namespace/name or * is wanted",
        ),
        (
            "abroad: {source: [shop]}",
            "abroad.source is no source; namespace/name is wanted",
        ),
        ("page: {logins: true}", "page.logins is unknown; did you mean login?"),
        ("page: {hosts: ['https://a/b']}", "page.hosts[0] is 'https://a/b'"),
        ("page: {readers: loggedIn}", "page.readers is loggedIn; page.login must be true then"),
        ("[", "policy.yaml:2: is not YAML"),
        ("a: &b []\nwebhooks: *b", "policy.yaml:1: a has an anchor; write the value out"),
        ("localGit: on", "policy.yaml: localGit is 'on'"),
        ("webhooks: !!binary YQ==", "webhooks has the tag"),
        ("localGit: true\n---\npage: {}", "has 2 documents; one is wanted"),
        ("7", "policy.yaml: is 7; a mapping is wanted"),
    ],
)
def test_what_is_wrong_with_it_is_said(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(RefusedError) as caught:
        policy.read(str(file))
    assert says in str(caught.value)


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(RefusedError, match="--policy must name"):
        policy.read("/nowhere/policy.yaml")
