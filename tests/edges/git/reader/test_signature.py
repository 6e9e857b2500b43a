"""Signed commits, made by git itself, and what is wrong with those that are refused."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pygit2
import pytest

from rollout.edges.git.reader import signature
from rollout.errors import RefusedError
from rollout.model.source import Signature
from tests.deploy.programs import bubblewrap
from tests.edges.git.depot import git
from tests.edges.git.transports import keygen

SIGN = ("-c", "gpg.format=ssh", "-c", "commit.gpgsign=true")


@dataclass
class Signers:
    """Two people with a key each, and a repository that both write to."""

    folder: Path
    found: Signature | None = None

    def line(self, who: str, options: str = "") -> str:
        """The line of ``who`` in a list of allowed signers."""
        return f"{who}@x {options}{(self.folder / f'{who}.pub').read_text().strip()}"

    def commit(self, *settings: str) -> str:
        file = self.folder / "depot" / "shop.yaml"
        file.write_text(f"a: {len(list(self.folder.rglob('*')))}")
        git("add", ".", folder=self.folder / "depot")
        git(*settings, "commit", "-m", "change", folder=self.folder / "depot")
        return git("rev-parse", "HEAD", folder=self.folder / "depot")

    def signed(self, who: str) -> str:
        return self.commit(*SIGN, "-c", f"user.signingkey={self.folder / who}.pub")

    def read(self, *signers: str) -> str:
        """The commit that is taken."""
        repo = pygit2.Repository(str(self.folder / "depot"))
        commit = repo[repo.head.target]
        self.found = signature.check(repo, commit, signature.Rules("git x", signers))
        return str(commit.id)

    def fingerprint(self, who: str) -> str:
        """As ssh-keygen itself tells it."""
        command = ["ssh-keygen", "-l", "-f", str(self.folder / f"{who}.pub")]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return told.split()[1]


@pytest.fixture
def signers(tmp_path: Path) -> Signers:
    for who in ("ann", "eve"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / who)]
        subprocess.run(command, check=True)
    (tmp_path / "depot").mkdir()
    git("init", "-q", "-b", "main", folder=tmp_path / "depot")
    return Signers(tmp_path)


def test_a_commit_of_an_allowed_signer_is_taken(signers: Signers) -> None:
    commit = signers.signed("ann")
    assert signers.read(signers.line("eve"), signers.line("ann")) == commit


def test_the_key_that_signed_is_named_with_its_signer(signers: Signers) -> None:
    signers.signed("ann")
    signers.read(signers.line("eve"), signers.line("ann"))
    assert signers.found == Signature(signers.fingerprint("ann"), "ann@x")


def test_a_commit_without_a_signature_is_refused(signers: Signers) -> None:
    """P-GIT-10, SEC-10."""
    signers.commit()
    with pytest.raises(RefusedError, match="is not signed; one by an allowed signer is wanted"):
        signers.read(signers.line("ann"))


@pytest.mark.parametrize(
    "options", ['namespaces="file" ', 'valid-before="20200101" ', 'valid-after="20990101" ']
)
def test_a_key_that_is_not_allowed_here_or_now_is_refused(signers: Signers, options: str) -> None:
    """P-GIT-10, SEC-10."""
    signers.signed("ann")
    with pytest.raises(RefusedError, match="is signed by nobody on the list"):
        signers.read(signers.line("ann", options))


def test_of_a_key_s_lines_the_one_for_git_counts(signers: Signers) -> None:
    """ssh-keygen finds the first that has the key, and asks only then what it is for."""
    signers.signed("ann")
    other = signers.line("ann", 'namespaces="file,!git" ')
    good = signers.line("ann", 'namespaces="file,g*" ').replace("ann@x", "ann@work")
    signers.read(other, good)
    assert signers.found == Signature(signers.fingerprint("ann"), "ann@work")


def test_sec_10_a_revoked_key_signs_nothing_whichever_list_has_it(signers: Signers) -> None:
    signers.signed("ann")
    revoked = "@revoked " + (signers.folder / "ann.pub").read_text()
    for lists in ((revoked, signers.line("ann")), (signers.line("ann") + "\n" + revoked,)):
        with pytest.raises(RefusedError, match="is signed by a key that was revoked; one by"):
            signers.read(*lists)
    another = "@revoked " + (signers.folder / "eve.pub").read_text()
    assert signers.read(signers.line("ann"), another)


def certified(signers: Signers, *words: str, validity: str = "-1d:+1d") -> str:
    """The CA's own public key; ann's certificate by it has signed a commit."""
    ca = signers.folder / "ca"
    if not ca.exists():
        keygen(ca)
    command = ["ssh-keygen", "-q", "-s", str(ca), "-I", "ann", "-V", validity, *words]
    subprocess.run([*command, str(signers.folder / "ann.pub")], check=True, capture_output=True)
    signers.commit(*SIGN, "-c", f"user.signingkey={signers.folder / 'ann-cert.pub'}")
    return ca.with_suffix(".pub").read_text().strip()


def test_a_certificate_of_an_authority_on_the_list_signs(signers: Signers) -> None:
    ca = certified(signers, "-n", "ann@x")
    signers.read(f"*@x cert-authority {ca}")
    assert signers.found == Signature(signers.fingerprint("ann"), "ann@x")


def test_sec_10_a_certificate_for_somebody_or_something_else_signs_nothing(
    signers: Signers,
) -> None:
    ca = certified(signers, "-n", "ann@x")
    ann = (signers.folder / "ann.pub").read_text()
    nobody, revoked = "is signed by nobody on the list", "is signed by a key that was revoked"
    authority = f"*@x cert-authority {ca}"
    for lists, why in (
        ((f"bob@x cert-authority {ca}",), nobody),
        ((f"*@x {ca}",), nobody),
        ((f'*@x cert-authority,namespaces="file" {ca}',), nobody),
        ((authority, f"@revoked {ann}"), revoked),
        ((authority, f"@revoked {ca}"), revoked),
    ):
        with pytest.raises(RefusedError, match=why):
            signers.read(*lists)
    for words, validity in (
        (("-n", "ann@x"), "-2d:-1d"),  # over
        (("-n", "ann@x", "-h"), "-1d:+1d"),  # of a host
        ((), "-1d:+1d"),  # for nobody by name
    ):
        certified(signers, *words, validity=validity)
        with pytest.raises(RefusedError, match=nobody):
            signers.read(authority)


def test_a_commit_of_somebody_else_is_refused(signers: Signers) -> None:
    signers.signed("eve")
    with pytest.raises(RefusedError, match="is signed by nobody on the list"):
        signers.read(signers.line("ann"))


def raw(signers: Signers) -> bytes:
    repo = pygit2.Repository(str(signers.folder / "depot"))
    found: bytes = repo[repo.head.target].read_raw()
    return found


def write(signers: Signers, data: bytes) -> None:
    """A commit of exactly these bytes is on the branch."""
    repo = pygit2.Repository(str(signers.folder / "depot"))
    made = repo.odb.write(pygit2.enums.ObjectType.COMMIT, data)
    repo.references.create("refs/heads/main", made, force=True)


def test_a_changed_commit_under_an_old_signature_is_refused(signers: Signers) -> None:
    """P-GIT-10, SEC-10."""
    signers.signed("ann")
    write(signers, raw(signers).replace(b"change\n", b"chance\n"))
    with pytest.raises(RefusedError, match="is signed by nobody on the list"):
        signers.read(signers.line("ann"))


@pytest.mark.parametrize("header", [b"gpgsig", b"gpgsig-sha256"])
def test_a_commit_with_two_signatures_is_refused(signers: Signers, header: bytes) -> None:
    """P-GIT-10, SEC-10."""
    signers.signed("ann")
    head, _, text = raw(signers).partition(b"\n\n")
    signature = head[head.index(b"gpgsig ") + 7 :]
    write(signers, head + b"\n" + header + b" " + signature + b"\n\n" + text)
    with pytest.raises(RefusedError, match="has 2 signatures; one by an allowed signer is wanted"):
        signers.read(signers.line("ann"))


def test_a_signature_that_is_not_sshs_is_refused(signers: Signers) -> None:
    signers.signed("ann")
    write(signers, raw(signers).replace(b"SSH SIGNATURE", b"SIGNED MESSAGE"))
    with pytest.raises(RefusedError, match="has no SSH or OpenPGP signature"):
        signers.read(signers.line("ann"))
    write(signers, raw(signers).replace(b"SIGNED MESSAGE", b"PGP SIGNATURE"))
    with pytest.raises(RefusedError, match="is signed by nobody on the list; one by an allowed"):
        signers.read(signers.line("ann"))


def test_a_header_that_cannot_be_read_is_the_authors_doing_and_no_broken_clone(
    signers: Signers,
) -> None:
    """P-GIT-10: the clone would be thrown away and fetched anew at every poll."""
    signers.signed("ann")
    write(signers, raw(signers).replace(b"-----END", b"\0----END"))
    with pytest.raises(RefusedError, match="has a header that cannot be read"):
        signers.read(signers.line("ann"))


async def test_a_user_without_a_name_cannot_verify_and_it_is_said_so() -> None:
    """As in an image whose /etc/passwd does not know it: ssh-keygen verifies nothing then."""
    program = "from rollout.edges.git.reader import signature; signature._keygen(['verify'], b'')"
    words = ["--unshare-user", "--uid", "65533", "--bind", "/", "/", "--dev", "/dev"]
    command = [str(await bubblewrap()), *words, sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wanted = "ssh-keygen: user 65533 has no name; a line in /etc/passwd is wanted"
    assert done.stderr.splitlines()[-1].endswith(wanted)
