"""Every way to a repository, with real servers: who is let in, and what is said if not."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pygit2
import pytest

from rollout.edges.git import address
from rollout.edges.git.processes import Processes
from rollout.edges.git.repo import GitRepo
from rollout.errors import OutsideError, RefusedError
from rollout.model.source import Origin, Reading, Relation
from tests.edges.git.depot import Depot, git
from tests.edges.git.transports import (
    PASSWORD,
    TOKEN,
    USER,
    Authority,
    GitDaemon,
    Sshd,
    TlsGit,
    keygen,
    leaks,
)
from tests.ports.test_repo import SHOP

LOGIN = {"username": USER, "password": PASSWORD}
MONOREPO = {
    b"shop": {b"shop.yaml": (SHOP % "v1").encode()},
    b"cart": {b"cart.yaml": (SHOP.replace("shop", "cart") % "v1").encode()},
}


class World:
    """A repository with a branch, a tag and two teams' folders, and a reader of it."""

    def __init__(self, folder: Path) -> None:
        (folder / "depots").mkdir()
        self.depot = Depot(folder / "depots" / "shop.git")
        self.first = self.depot.commit({b"shop": MONOREPO[b"shop"]})
        self.depot.repo.references.create("refs/tags/v1", pygit2.Oid(hex=self.first))
        self.second = self.depot.commit(MONOREPO)
        self.depots = self.depot.path.parent
        self.repo = GitRepo(Processes(folder / "cache"), local=True)

    async def read(self, url: str, secret: Mapping[str, str] | None = None, **more: str) -> Reading:
        origin = Origin("shop/git", url, "main", "", secret or {}, secret_name="shop/login")
        return await self.repo.read(replace(origin, **more), "")  # type: ignore[arg-type]

    async def refusal(
        self, url: str, secret: Mapping[str, str] | None = None, **more: str
    ) -> tuple[type[Exception], str]:
        """Whose fault it is, and the sentence, which names the address and holds no secret."""
        with pytest.raises((RefusedError, OutsideError)) as caught:
            await self.read(url, secret, **more)
        text = str(caught.value)
        assert leaks(text, {k: v for k, v in (secret or {}).items() if k != "username"}) == []
        assert "\n" not in text
        begin = f"git {address.shown(url)}: "
        assert text.startswith(begin)
        return caught.type, text.removeprefix(begin)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.repo.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.made(tmp_path / "ca")


@pytest.fixture
async def https(world: World, authority: Authority) -> AsyncIterator[TlsGit]:
    server = await TlsGit(world.depots, authority.server()).start()
    yield server
    await server.stop()


@pytest.fixture
async def sshd(tmp_path: Path) -> AsyncIterator[Sshd]:
    server = await Sshd.made(tmp_path / "ssh")
    yield server
    await server.stop()


@pytest.fixture
async def daemon(world: World) -> AsyncIterator[GitDaemon]:
    server = await GitDaemon(world.depots).start()
    yield server
    await server.stop()


async def holds_everything(world: World, url: str, secret: Mapping[str, str]) -> None:
    """Branch, tag and the folders of a monorepo are read over this way."""
    whole = await world.read(url, secret)
    assert (whole.commit, [one.name for one in whole.documents]) == (world.second, ["cart", "shop"])
    tag = await world.read(url, secret, ref="refs/tags/v1")
    assert (tag.commit, [one.name for one in tag.documents]) == (world.first, ["shop"])
    cart = await world.read(url, secret, path="cart")
    assert [one.file for one in cart.documents] == ["cart/cart.yaml"]
    pushed = world.depot.commit({b"shop": MONOREPO[b"shop"]})
    assert (await world.read(url, secret)).commit == pushed


# https


@pytest.mark.parametrize("entry", ["ca.crt", "caFile"])
async def test_https_with_a_password_and_a_ca_of_ones_own(
    world: World, authority: Authority, https: TlsGit, entry: str
) -> None:
    await holds_everything(world, f"{https.url}/shop.git", {**LOGIN, entry: authority.ca})


async def test_https_with_a_bearer_token(world: World, authority: Authority) -> None:
    server = await TlsGit(world.depots, authority.server(), basic=False).start()
    secret = {"bearerToken": TOKEN + "\n", "ca.crt": authority.ca}
    await holds_everything(world, f"{server.url}/shop.git", secret)
    assert await world.refusal(
        f"{server.url}/shop.git", {**secret, "bearerToken": "wr0ng-one"}
    ) == (
        RefusedError,
        "the bearerToken was refused; another in secret shop/login is wanted",
    )
    assert await world.refusal(f"{server.url}/shop.git", {**LOGIN, "ca.crt": authority.ca}) == (
        RefusedError,
        "refuses us, and takes no basic authentication; "
        "a bearerToken that it lets in, in secret shop/login, is wanted",
    )
    await server.stop()


async def test_credentials_that_are_wrong_or_missing_name_their_secret(
    world: World, authority: Authority, https: TlsGit
) -> None:
    """P-GIT-03, SEC-15."""
    url, ca = f"{https.url}/shop.git", {"ca.crt": authority.ca}
    assert await world.refusal(url, {**LOGIN, "password": "wr0ng-one", **ca}) == (
        RefusedError,
        "the username and password were refused; what it lets in, in secret shop/login, is wanted",
    )
    assert await world.refusal(url, {"token": "wr0ng-one", **ca}) == (
        RefusedError,
        "the token was refused; what it lets in, in secret shop/login, is wanted",
    )
    assert await world.refusal(url, {"bearerToken": "wr0ng-one", **ca}) == (
        RefusedError,
        "the bearerToken was refused; another in secret shop/login is wanted",
    )
    assert await world.refusal(url, ca) == (
        RefusedError,
        "wants credentials; username and password, or bearerToken, in secret shop/login is wanted",
    )


async def test_a_server_whose_certificate_is_not_good_is_told_nothing(
    world: World, authority: Authority, https: TlsGit, tmp_path: Path
) -> None:
    """P-GIT-03."""
    old = await TlsGit(world.depots, authority.server("old", days=-1)).start()
    other = await TlsGit(world.depots, authority.server("other", host="git.example.com")).start()
    login = {**LOGIN, "ca.crt": authority.ca}
    assert await world.refusal(f"{old.url}/shop.git", login) == (
        RefusedError,
        "its certificate has expired; a new one on the server is wanted",
    )
    assert await world.refusal(f"{other.url}/shop.git", login) == (
        RefusedError,
        "its certificate is for another host; an address that it names, in url, is wanted",
    )
    stranger = Authority.made(tmp_path / "stranger")
    unknown = (
        "its certificate is by an unknown CA; that CA's as ca.crt in secret shop/login is wanted"
    )
    for secret in (LOGIN, {**LOGIN, "ca.crt": stranger.ca}):
        assert await world.refusal(f"{https.url}/shop.git", secret) == (RefusedError, unknown)
    assert old.seen + other.seen + https.seen == []
    assert await world.refusal(f"{https.url}/shop.git", {**LOGIN, "ca.crt": "hello"}) == (
        RefusedError,
        "ca.crt of secret shop/login is no certificate; PEM is wanted",
    )
    await old.stop()
    await other.stop()


async def test_a_ca_of_one_source_is_not_trusted_for_another(
    world: World, authority: Authority, https: TlsGit
) -> None:
    url = f"{https.url}/shop.git"
    await world.read(url, {**LOGIN, "ca.crt": authority.ca})
    _, text = await world.refusal(url, LOGIN)
    assert text.startswith("its certificate is by an unknown CA")


async def test_a_redirect_to_another_host_or_port_gets_no_credentials(
    world: World, authority: Authority, https: TlsGit
) -> None:
    """P-GIT-03, SEC-13."""
    for host in ("localhost", "127.0.0.1"):
        port = https.url.rpartition(":")[2]
        where = f"https://{host}:{port}/shop.git?token=planted-in-location"
        server = await TlsGit(world.depots, authority.server(), elsewhere=where).start()
        kind, text = await world.refusal(
            f"{server.url}/shop.git", {**LOGIN, "ca.crt": authority.ca}
        )
        assert (kind, "planted" in text) == (RefusedError, False)
        assert text in (
            "redirects to another host, which was told nothing; its new address in url is wanted",
            "another host asked for the credentials and got none; its own address is wanted",
        )
        await server.stop()
    assert https.seen == []


async def test_what_is_gone_or_empty_is_said(
    world: World, authority: Authority, https: TlsGit
) -> None:
    login = {**LOGIN, "ca.crt": authority.ca}
    url = f"{https.url}/shop.git"
    await world.read(url, login)
    assert await world.refusal(url, login, ref="prod") == (
        RefusedError,
        "has no 'refs/heads/prod'; it has main",
    )
    Depot(world.depots / "empty.git")
    assert await world.refusal(f"{https.url}/empty.git", login) == (
        OutsideError,
        "is empty; a first commit is wanted",
    )
    shutil.rmtree(world.depot.path)
    assert await world.refusal(url, login) == (
        RefusedError,
        "is not there, or hidden from these credentials; "
        "another url, or the right to read for secret shop/login, is wanted",
    )


async def test_a_branch_that_is_deleted_and_comes_back_is_read_again(world: World) -> None:
    """P-GIT-01."""
    url = str(world.depot.path)
    await world.read(url)
    world.depot.repo.references.delete("refs/heads/main")
    _, text = await world.refusal(url)
    assert text == "has no 'refs/heads/main'; it has no branch"
    world.depot.reset(world.first)
    assert (await world.read(url)).commit == world.first


async def test_a_shallow_repository_is_told_what_would_mend_it(
    world: World, authority: Authority, https: TlsGit, sshd: Sshd
) -> None:
    source = f"file://{world.depot.path}"
    git("clone", "-q", "--bare", "--depth", "1", source, "shallow.git", folder=world.depots)
    kind, text = await world.refusal(f"{https.url}/shallow.git", {**LOGIN, "ca.crt": authority.ca})
    assert (kind, text) == (
        OutsideError,
        "its answer is no git that we read (a shallow clone?); `git fetch --unshallow` there, "
        "or a full repository, is wanted; the next poll tries again",
    )


# ssh


def by_key(sshd: Sshd, **more: str) -> dict[str, str]:
    return {"identity": sshd.key(), "known_hosts": sshd.known_hosts(), **more}


async def test_ssh_with_a_key_and_a_pinned_host(world: World, sshd: Sshd) -> None:
    await holds_everything(world, sshd.url(world.depot.path), by_key(sshd))


@pytest.mark.parametrize("entry", ["ssh-privatekey", "sshPrivateKey"])
async def test_a_key_under_the_names_of_kubernetes_and_argo(
    world: World, sshd: Sshd, entry: str
) -> None:
    secret = {entry: sshd.key(), "known_hosts": sshd.known_hosts()}
    assert (await world.read(sshd.url(world.depot.path), secret)).commit == world.second


async def test_a_hosts_key_may_be_hashed_and_the_users_key_encrypted(
    world: World, sshd: Sshd, tmp_path: Path
) -> None:
    (tmp_path / "known").write_text(sshd.known_hosts())
    process = await asyncio.create_subprocess_exec(
        *("ssh-keygen", "-q", "-H", "-f", str(tmp_path / "known")),
        stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    await process.wait()
    hashed = (tmp_path / "known").read_text()
    assert hashed.startswith("|1|")
    keygen(tmp_path / "locked", "pass-planted")
    (sshd.folder / "user.pub").write_text((tmp_path / "locked.pub").read_text())
    key = (tmp_path / "locked").read_text()
    secret = {"identity": key, "password": "pass-planted", "known_hosts": hashed}
    url = sshd.url(world.depot.path)
    assert (await world.read(url, secret)).commit == world.second
    unreadable = (
        RefusedError,
        "the private key cannot be read; one in PEM or OpenSSH's format, its passphrase as "
        "password, in secret shop/login is wanted",
    )
    for wrong in ({"password": "other-planted"}, {"identity": "no key", "password": ""}):
        assert await world.refusal(url, {**secret, **wrong}) == unreadable


async def test_a_secret_as_people_paste_it_opens_what_it_should(
    world: World, sshd: Sshd, tmp_path: Path
) -> None:
    """Windows' line ends, a closing newline, a line that means nothing, a pattern."""
    keygen(tmp_path / "locked", "pass-planted")
    (sshd.folder / "user.pub").write_text((tmp_path / "locked.pub").read_text())
    mine = sshd.known_hosts()
    for known in (
        mine.replace("\n", "\r\n"),
        f"garbage\n[127.0.0.1]:{sshd.port} ssh-new AAAA\n{mine}",
        "[127.0.0.*]:* " + mine.partition(" ")[2],
    ):
        secret = {
            "identity": (tmp_path / "locked").read_text().replace("\n", "\r\n").strip(),
            "password": "pass-planted\n",
            "known_hosts": known,
        }
        reading = await world.read(sshd.url(world.depot.path), secret)
        assert reading.commit == world.second


async def test_a_host_is_the_same_however_its_letters_are_written(world: World, sshd: Sshd) -> None:
    known = sshd.known_hosts().replace("127.0.0.1", "localhost")
    url = sshd.url(world.depot.path).replace("127.0.0.1", "LocalHost")
    reading = await world.read(url, by_key(sshd, known_hosts=known))
    assert reading.commit == world.second


async def test_a_host_with_several_keys_is_known_by_any_of_them(world: World, sshd: Sshd) -> None:
    """P-GIT-03: the one that is pinned is asked for, whichever the host would rather show."""
    await sshd.stop()
    for kind in ("rsa", "ecdsa"):
        keygen(sshd.folder / kind, kind=kind)
        with (sshd.folder / "config").open("a") as config:
            config.write(f"HostKey {sshd.folder / kind}\n")
    await sshd.start()
    for kind in ("host", "rsa", "ecdsa"):
        secret = by_key(sshd, known_hosts=sshd.known_hosts(kind))
        assert (await world.read(sshd.url(world.depot.path), secret)).commit == world.second


async def test_a_host_that_is_unknown_or_shows_another_key_is_told_nothing(
    world: World, sshd: Sshd, tmp_path: Path
) -> None:
    """P-GIT-03."""
    url, name = sshd.url(world.depot.path), f"[127.0.0.1]:{sshd.port}"
    unknown = (
        f"{name} is not in known_hosts; its line (`ssh-keyscan -p {sshd.port} 127.0.0.1`) "
        "in secret shop/login is wanted"
    )
    changed = (
        f"{name} shows another host key than known_hosts has; its own key there, if it was "
        "changed on purpose, in secret shop/login, is wanted"
    )
    revoked = (
        f"{name} has no key in known_hosts that counts; its line (`ssh-keyscan -p {sshd.port} "
        "127.0.0.1`) in secret shop/login is wanted"
    )
    other, mine = sshd.known_hosts("stranger"), sshd.known_hosts()
    for text in (f"@revoked {mine}{mine}", f"{mine}@revoked * {mine.partition(' ')[2]}"):
        assert await world.refusal(url, by_key(sshd, known_hosts=text)) == (RefusedError, revoked)
    assert await world.refusal(url, by_key(sshd, known_hosts="")) == (RefusedError, unknown)
    elsewhere = "git.example.com " + other.partition(" ")[2]
    assert await world.refusal(url, by_key(sshd, known_hosts=elsewhere)) == (RefusedError, unknown)
    assert await world.refusal(url, by_key(sshd, known_hosts=other)) == (RefusedError, changed)
    assert "Accepted" not in (sshd.folder / "log").read_text()


async def test_a_key_that_ssh_does_not_let_in_names_its_secret(world: World, sshd: Sshd) -> None:
    url = sshd.url(world.depot.path)
    assert await world.refusal(url, by_key(sshd, identity=sshd.key("stranger"))) == (
        RefusedError,
        "the key was refused; what it lets in, in secret shop/login, is wanted",
    )
    assert await world.refusal(url, {**LOGIN, "known_hosts": sshd.known_hosts()}) == (
        RefusedError,
        "wants a key; identity in secret shop/login is wanted",
    )
    assert await world.refusal(sshd.url(world.depots / "gone.git"), by_key(sshd)) == (
        RefusedError,
        "is not there, or hidden from these credentials; "
        "another url, or the right to read for secret shop/login, is wanted",
    )


# git-daemon and a path


async def test_a_repository_by_sha_256_is_refused_in_words(
    world: World, daemon: GitDaemon, tmp_path: Path
) -> None:
    depot = world.depots / "sha256.git"
    git("init", "-q", "-b", "main", "--object-format=sha256", "work", folder=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "first", folder=tmp_path / "work")
    git("clone", "-q", "--bare", "work", str(depot), folder=tmp_path)
    wanted = (
        RefusedError,
        "has objects by SHA-256, which are not read; a repository by SHA-1, git's default, "
        "is wanted",
    )
    assert await world.refusal(f"{daemon.url}/sha256.git") == wanted
    assert await world.refusal(str(depot)) == wanted


async def test_a_path_may_have_spaces_and_letters_of_any_language(world: World) -> None:
    depot = world.depots / "das Lager ü.git"
    git("clone", "-q", "--bare", str(world.depot.path), str(depot), folder=world.depots)
    assert (await world.read(str(depot))).commit == world.second


async def test_a_tag_of_no_commit_costs_its_own_source_alone(
    world: World, daemon: GitDaemon
) -> None:
    """All sources of one repository share its poll: the one that follows it harms no other."""
    tags = {"tree": "main^{tree}", "blob": "main:shop/shop.yaml"}
    for name, what in tags.items():
        git("tag", "-a", name, "-m", "odd", what, folder=world.depot.path)
        git("tag", f"light-{name}", what, folder=world.depot.path)
    git("tag", "-a", "twice", "-m", "a tag's tag", "main", folder=world.depot.path)
    git("tag", "-f", "-a", "twice", "-m", "again", "twice", folder=world.depot.path)
    url = f"{daemon.url}/shop.git"
    odd = [f"refs/tags/{light}{name}" for name in tags for light in ("", "light-")]
    asked = [world.read(url, ref=ref) for ref in (*odd, "refs/tags/twice", "main")]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(one) for one in told[:-2]] == [
        f"git {url}: {ref} is no commit; one is wanted" for ref in odd
    ]
    assert [one.commit for one in told[-2:] if isinstance(one, Reading)] == [world.second] * 2


async def test_a_tag_that_is_moved_is_read_where_it_is_now(world: World, daemon: GitDaemon) -> None:
    """P-GIT-01: a lightweight one and an annotated one, forward, back, and gone."""
    url = f"{daemon.url}/shop.git"
    for words in ((), ("-a", "-m", "moved")):
        for commit in (world.first, world.second, world.first):
            git("tag", "-f", *words, "now", commit, folder=world.depot.path)
            assert (await world.read(url, ref="refs/tags/now")).commit == commit
    git("tag", "-d", "now", folder=world.depot.path)
    assert await world.refusal(url, ref="refs/tags/now") == (
        RefusedError,
        "has no 'refs/tags/now'; it has main",
    )


async def test_git_daemon_and_a_path_where_the_operator_allows_them(
    world: World, daemon: GitDaemon
) -> None:
    await holds_everything(world, f"{daemon.url}/shop.git", {})
    world.depot.commit(MONOREPO)
    world.second = world.depot.head()
    await holds_everything(world, str(world.depot.path), {})
    kind, text = await world.refusal(f"{daemon.url}/gone.git")
    assert (kind, text.partition(";")[0]) == (
        RefusedError,
        "is not there, or hidden from these credentials",
    )
    assert await world.refusal(str(world.depots / "gone.git")) == (
        RefusedError,
        "is not there; another path in url is wanted",
    )


async def test_a_rewind_is_told_over_every_way(world: World, daemon: GitDaemon, sshd: Sshd) -> None:
    """P-GIT-01, SEC-27."""
    world.depot.commit(MONOREPO | {b"README": b"more"})
    ways: list[tuple[str, dict[str, str]]] = [
        (f"{daemon.url}/shop.git", {}),
        (sshd.url(world.depot.path), by_key(sshd)),
    ]
    for url, secret in ways:
        await world.read(url, secret)
    world.depot.reset(world.first)
    for url, secret in ways:
        origin = Origin("shop/git", url, "main", "", secret, secret_name="shop/login")
        assert (await world.repo.read(origin, world.second)).relation is Relation.REWIND
