"""OpenPGP signatures by a real gpg; and what every commit since the last must have (SEC-10)."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pygit2
import pytest

from rollout.edges.git.reader import signature
from rollout.edges.git.reader.signature import Rules
from rollout.errors import RefusedError
from rollout.model.source import Signature
from tests.edges.git.depot import Depot

LONG_AGO = "--faked-system-time=20200101T000000!"


@dataclass
class Signers:
    """People with OpenPGP keys, and a repository; ``home`` is short, for gpg-agent's socket."""

    home: Path
    depot: Depot

    def gpg(self, *arguments: str, text: bytes = b"") -> bytes:
        environment = {"PATH": os.environ["PATH"], "GNUPGHOME": str(self.home)}
        command = ["gpg", "--batch", "--yes", "--quiet", "--passphrase", "", *arguments]
        command[4:4] = ["--pinentry-mode", "loopback"]
        done = subprocess.run(command, input=text, env=environment, capture_output=True, check=True)
        return done.stdout

    def key(self, who: str, *words: str, ends: str = "never") -> str:
        """The public half of a new key of ``who``."""
        self.gpg(*words, "--quick-gen-key", f"{who} <{who}@x>", "ed25519", "sign", ends)
        return self.public(who)

    def public(self, who: str) -> str:
        return self.gpg("--armor", "--export", f"{who}@x").decode()

    def fingerprint(self, who: str) -> str:
        """As gpg itself tells it."""
        listed = self.gpg("--with-colons", "--list-keys", f"{who}@x").decode()
        [finger] = [x.split(":")[9] for x in listed.splitlines() if x.startswith("fpr")]
        return finger

    def revoke(self, who: str) -> str:
        """The public half, with its revocation."""
        finger = self.fingerprint(who)
        text = (self.home / "openpgp-revocs.d" / f"{finger}.rev").read_text()
        self.gpg("--import", text=text.replace(":-----BEGIN", "-----BEGIN").encode())
        return self.public(who)

    def sign(self, who: str, payload: bytes, *words: str) -> bytes:
        return self.gpg(*words, "-u", f"{who}@x", "--armor", "--detach-sign", text=payload)

    def unsigned(self, *parents: str) -> bytes:
        """The bytes of a new commit."""
        made = self.depot.commit({b"a.yaml": os.urandom(8).hex().encode()}, *parents)
        found: bytes = self.depot.repo[made].read_raw()
        return found

    def commit(self, who: str, *parents: str, words: tuple[str, ...] = ()) -> str:
        """A commit that ``who`` has signed; the branch points at it."""
        payload = self.unsigned(*parents)
        return self.written(payload, self.sign(who, payload, *words))

    def written(self, payload: bytes, signed: bytes, header: bytes = b"gpgsig") -> str:
        """The commit of these bytes with ``signed`` as a header of it."""
        head, _, text = payload.partition(b"\n\n")
        return self.raw(head + b"\n" + folded(header, signed) + b"\n\n" + text)

    def raw(self, data: bytes) -> str:
        made = str(self.depot.repo.odb.write(pygit2.enums.ObjectType.COMMIT, data))
        self.depot.reset(made)
        return made

    def check(self, *keys: str, every: bool = False, since: str = "") -> Signature | None:
        commit = self.depot.repo[self.depot.head()]
        return signature.check(self.depot.repo, commit, Rules("git x", keys, every, since))


def folded(header: bytes, signed: bytes) -> bytes:
    return header + b" " + signed.strip().replace(b"\n", b"\n ")


@pytest.fixture
def signers(tmp_path: Path) -> Iterator[Signers]:
    home = Path(tempfile.mkdtemp(prefix="gpg-"))
    made = Signers(home, Depot(tmp_path / "depot.git"))
    yield made
    environment = {"PATH": os.environ["PATH"], "GNUPGHOME": str(home)}
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
    shutil.rmtree(home, ignore_errors=True)


def test_a_commit_by_an_allowed_openpgp_key_is_taken(signers: Signers) -> None:
    ann, eve = signers.key("ann"), signers.key("eve")
    signers.commit("ann")
    found = signers.check(eve, f"bob@x ssh-ed25519 AAAA\n{ann}")
    assert found == Signature(signers.fingerprint("ann"), "ann <ann@x>")
    with pytest.raises(RefusedError, match="is signed by nobody on the list; one by an allowed s"):
        signers.check(eve)
    with pytest.raises(RefusedError, match="is signed by nobody on the list"):
        signers.check("bob@x ssh-ed25519 AAAA")


def test_sec_10_a_key_that_has_expired_by_now_signs_nothing_whenever_it_did(
    signers: Signers,
) -> None:
    key = signers.key("old", LONG_AGO, ends="1d")
    signers.commit("old", words=(LONG_AGO,))
    with pytest.raises(RefusedError, match="is signed by a key that has expired"):
        signers.check(key)


def test_a_key_of_several_people_s_names_and_a_subkey_are_its_primary_key_s(
    signers: Signers,
) -> None:
    signers.key("ann")
    finger = signers.fingerprint("ann")
    signers.gpg("--quick-add-uid", finger, "Ann at home <ann@home>")
    before = signers.public("ann")
    signers.commit("ann")
    assert signers.check(before) == Signature(finger, "Ann at home <ann@home>")
    signers.gpg("--quick-add-key", finger, "ed25519", "sign", "never")
    signers.commit("ann")
    assert signers.check(signers.public("ann")) == Signature(finger, "Ann at home <ann@home>")
    with pytest.raises(RefusedError, match="is signed by nobody on the list"):
        signers.check(before)


def test_sec_10_a_subkey_that_was_revoked_signs_nothing(signers: Signers) -> None:
    signers.key("ann")
    finger = signers.fingerprint("ann")
    signers.gpg("--quick-add-key", finger, "ed25519", "sign", "never")
    signers.commit("ann")
    answers = b"key 1\nrevkey\ny\n1\n\ny\nsave\n"
    signers.gpg("--no-tty", "--command-fd", "0", "--edit-key", finger, text=answers)
    with pytest.raises(RefusedError, match="is signed by a key that was revoked"):
        signers.check(signers.public("ann"))


@pytest.mark.parametrize("digest", ["SHA1", "RIPEMD160"])
def test_sec_10_a_digest_that_can_be_forged_proves_nothing(signers: Signers, digest: str) -> None:
    key = signers.key("ann")
    signers.commit("ann", words=("--digest-algo", digest))
    with pytest.raises(RefusedError, match="is signed by nobody on the list"):
        signers.check(key)


def test_sec_10_a_signature_over_text_is_over_other_bytes_too(signers: Signers) -> None:
    """OpenPGP's text signatures hold for every kind of line ends."""
    key = signers.key("ann")
    payload = signers.unsigned()
    signed = signers.sign("ann", payload, "--textmode")
    for bytes_ in (payload, payload.replace(b"change", b"change\r")):
        signers.written(bytes_, signed)
        with pytest.raises(RefusedError, match=r"has a signature over (text|other bytes)"):
            signers.check(key)


def test_sec_10_a_key_that_was_revoked_signs_nothing_whenever_it_did(signers: Signers) -> None:
    key = signers.key("ann")
    signers.commit("ann")
    signers.check(key)
    revoked = signers.revoke("ann")
    with pytest.raises(RefusedError, match="is signed by a key that was revoked"):
        signers.check(revoked)


def test_sec_10_a_signature_over_other_bytes_is_refused(signers: Signers) -> None:
    key = signers.key("ann")
    signed = signers.sign("ann", signers.unsigned())
    signers.written(signers.unsigned(), signed)
    with pytest.raises(RefusedError, match="has a signature over other bytes"):
        signers.check(key)


def test_sec_10_two_signatures_in_one_block_are_refused(signers: Signers) -> None:
    keys = [signers.key("ann"), signers.key("eve")]
    payload = signers.unsigned()
    both = signers.sign("ann", payload, "-u", "eve@x")
    signers.written(payload, both)
    with pytest.raises(RefusedError, match="has 2 signatures in one"):
        signers.check(*keys)


def test_sec_10_the_five_ways_in_which_readers_of_commits_differ_are_all_refused(
    signers: Signers,
) -> None:
    """What git and libgit2 make of odd headers was compared; ours refuses each of them."""
    key = signers.key("ann")
    payload = signers.unsigned()
    good, fake = signers.sign("ann", payload), signers.sign("ann", b"other bytes")
    head, _, text = payload.partition(b"\n\n")

    def commit(*headers: bytes) -> None:
        signers.raw(b"\n".join([head, *headers]) + b"\n\n" + text)

    first, second = folded(b"gpgsig", good), folded(b"gpgsig", fake)
    other = folded(b"gpgsig-sha256", good)
    for headers in (
        (b"extra not signed", first),
        (second, first),
        (first, second),
        (first, other),
        (other, first),
    ):
        commit(*headers)
        with pytest.raises(RefusedError, match=r"has 2 signatures|other bytes"):
            signers.check(key)
    commit(first)
    signers.check(key)


def test_tip_asks_of_the_last_commit_and_every_of_all_since_the_one_in_force(
    signers: Signers,
) -> None:
    """P-GIT-10: a signed merge of unsigned commits."""
    key = signers.key("ann")
    taken = signers.commit("ann")
    signers.depot.commit({b"a.yaml": b"unsigned"})
    signers.commit("ann")
    signers.check(key)
    with pytest.raises(RefusedError, match="is not signed"):
        signers.check(key, every=True, since=taken)
    signers.check(key, every=True)  # nothing was in force before: there is the last one alone


def test_p_git_10_a_signed_merge_of_unsigned_commits_is_refused_by_every(
    signers: Signers,
) -> None:
    key = signers.key("ann")
    taken = signers.commit("ann")
    side = signers.depot.commit({b"b.yaml": b"unsigned"}, taken)
    signers.depot.reset(taken)
    signers.commit("ann", taken, side)
    signers.check(key)
    with pytest.raises(RefusedError, match=f"commit {side[:12]} is not signed"):
        signers.check(key, every=True, since=taken)
    signed = signers.commit("ann", taken)
    signers.commit("ann", taken, signed)
    signers.check(key, every=True, since=taken)


def test_a_key_that_is_no_key_is_named(signers: Signers) -> None:
    signers.key("ann")
    signers.commit("ann")
    block = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----"
    with pytest.raises(RefusedError, match="a public key cannot be read"):
        signers.check(block)
