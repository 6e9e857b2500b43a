import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pygit2
import pytest

from rollout.edges.git import address
from rollout.edges.git.reader import clones, remote, tree
from rollout.edges.git.reader.access import Repository
from rollout.edges.git.reader.remote import RemoteTip, Want
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.model.source import Problem, Relation
from tests.edges.git.depot import LINK, MODULE, Depot


@dataclass(frozen=True)
class Fetched:
    """What one ref holds; ``clone``: where it was read from."""

    clone: Path
    tip: RemoteTip
    files: tuple[tree.ManifestFile, ...]
    problems: list[Problem]
    notes: list[str]
    unread: list[str]

    @property
    def commit(self) -> str:
        return self.tip.commit

    @property
    def relation(self) -> Relation:
        return self.tip.relation


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    return Depot(tmp_path / "depot.git")


def poll(depot: Depot, *wants: Want) -> remote.Polled:
    place = clones.CloneCache(depot.path.parent / "cache", local=True)
    return remote.poll(Repository(str(depot.path)), wants, place)


def read(depot: Depot, since: str = "", path: str = "", ref: str = "main") -> Fetched:
    """What one ref holds now."""
    polled = poll(depot, Want(ref, since))
    [tip] = polled.tips
    if isinstance(tip, RolloutError):
        raise tip
    repo = pygit2.Repository(str(polled.clone))
    folder = tree.Folder(repo, "git x", path)
    try:
        files = folder.files(repo[tip.commit], {})
    except remote.BROKEN:
        clones.spoil(polled.clone)  # as the child does; its parent then asks again
        return read(depot, since, path, ref)
    return Fetched(polled.clone, tip, files, folder.problems, folder.notes, folder.unread)


def blob(data: bytes) -> str:
    return str(pygit2.hash(data))


def refused(fetched: Fetched) -> list[str]:
    return [problem.message for problem in fetched.problems]


def test_only_manifests_under_the_path_are_read(depot: Depot) -> None:
    inner = {b"b.yml": b"2", b"c.txt": b"3", b"deep": {b"d.json": b"4"}}
    commit = depot.commit({b"a.yaml": b"1", b"shop": inner})
    fetched = read(depot, path="shop")
    assert fetched.tip == RemoteTip(commit, Relation.FIRST)
    assert (fetched.problems, fetched.notes) == ([], [])
    assert fetched.files == (
        tree.ManifestFile("shop/b.yml", blob(b"2"), b"2", commit, "ann@example.com"),
        tree.ManifestFile("shop/deep/d.json", blob(b"4"), b"4", commit, "ann@example.com"),
    )


def test_the_relation_says_how_the_commit_follows(depot: Depot) -> None:
    """P-GIT-01, SEC-27: a rewind and unrelated history are told apart."""
    first = depot.commit({b"a.yaml": b"1"})
    second = depot.commit({b"a.yaml": b"2"})
    assert read(depot, second).relation is Relation.SAME
    assert read(depot, first).relation is Relation.FORWARD
    sibling = depot.commit({b"a.yaml": b"3"}, first)
    assert read(depot, second).relation is Relation.UNRELATED
    depot.reset(first)
    assert read(depot, sibling).relation is Relation.REWIND
    depot.root({b"a.yaml": b"4"})
    assert read(depot, first).relation is Relation.UNRELATED
    assert read(depot, "0" * 40).relation is Relation.UNRELATED


def test_a_file_has_the_commit_and_author_that_changed_it_last(depot: Depot) -> None:
    first = depot.commit({b"a.yaml": b"1", b"b.yaml": b"1"}, author="ann@x")
    second = depot.commit({b"a.yaml": b"2", b"b.yaml": b"1"}, author="bob@x")
    depot.commit({b"a.yaml": b"2", b"b.yaml": b"1", b"README": b"x"}, author="eve@x")
    changed = {file.name: (file.commit, file.author) for file in read(depot).files}
    assert changed == {"a.yaml": (second, "bob@x"), "b.yaml": (first, "ann@x")}


def test_a_merge_changes_only_what_no_parent_has(depot: Depot) -> None:
    base = depot.commit({b"a.yaml": b"1", b"b.yaml": b"1", b"c.yaml": b"1"})
    left = depot.commit({b"a.yaml": b"2", b"b.yaml": b"1", b"c.yaml": b"1"}, base)
    right = depot.commit({b"a.yaml": b"1", b"b.yaml": b"2", b"c.yaml": b"1"}, base)
    merge = depot.commit({b"a.yaml": b"2", b"b.yaml": b"2", b"c.yaml": b"3"}, left, right)
    changed = {file.name: file.commit for file in read(depot).files}
    assert changed == {"a.yaml": left, "b.yaml": right, "c.yaml": merge}


def test_links_modules_and_odd_names_are_refused_and_the_rest_is_read(depot: Depot) -> None:
    """P-GIT-05, SEC-07."""
    depot.commit(
        {
            b"good.yaml": b"1",
            b"link.yaml": (LINK, b"/etc/passwd"),
            b"module": (MODULE, b"\1" * 20),
            b"..": {b"x.yaml": b"1"},
            b".git": {b"y.yaml": b"1"},
            b"a\nb.yaml": b"1",
            b"\xff.yaml": b"1",
            b"back\\slash.yaml": b"1",
            b"odd\x1b.txt": b"passed over",
        }
    )
    fetched = read(depot)
    assert [file.name for file in fetched.files] == ["good.yaml"]
    assert fetched.notes == ["module: is a submodule; its manifests are not read"]
    assert sorted(refused(fetched)) == [
        "..: has a name that means another place; a plain name is wanted",
        ".git: has a name that means another place; a plain name is wanted",
        "\\udcff.yaml: has a name that is not UTF-8; a plain name is wanted",
        "a\\nb.yaml: has a name that no line can show; a plain name is wanted",
        "back\\\\slash.yaml: has a name that means another place; a plain name is wanted",
        "link.yaml: is a symbolic link; a file is wanted",
    ]


def test_a_link_that_may_lead_to_manifests_is_left_open_and_one_to_a_folder_is_told(
    depot: Depot,
) -> None:
    """P-GIT-05: a folder that becomes a link must not look like one whose files were deleted."""
    links = {b"down": b"teams/shop", b"file": b"teams/shop/a.yaml", b"out": b"../../etc"}
    links |= {b"absolute": b"/etc", b"nowhere": b"gone/too", b"loop": b"loop/x", b"root": b"."}
    depot.commit(
        {
            b"teams": {b"shop": {b"a.yaml": b"1", b"up": (LINK, b"../../teams")}},
            b"README.md": (LINK, b"teams/shop/a.yaml"),
            b"module": (MODULE, b"\1" * 20),
            **{name: (LINK, target) for name, target in links.items()},
        }
    )
    fetched = read(depot)
    assert [file.name for file in fetched.files] == ["teams/shop/a.yaml"]
    assert fetched.problems == []
    assert fetched.notes == [
        "down: is a link to a folder; its manifests are not read there",
        "module: is a submodule; its manifests are not read",
        "root: is a link to a folder; its manifests are not read there",
        "teams/shop/up: is a link to a folder; its manifests are not read there",
    ]
    told = {one.partition(":")[0] for one in fetched.notes}
    assert {*fetched.unread} - told == {"out", "absolute", "nowhere", "loop"}
    assert told <= {*fetched.unread}


def test_a_large_file_is_refused_without_being_read(depot: Depot) -> None:
    """P-GIT-04."""
    depot.commit({b"big.yaml": b"x" * ((1 << 20) + 1), b"good.yaml": b"1"})
    fetched = read(depot)
    assert [file.name for file in fetched.files] == ["good.yaml"]
    assert refused(fetched) == ["big.yaml: has 1048577 bytes; at most 1 MiB is read"]


def test_too_many_manifests_are_refused_as_a_whole(depot: Depot) -> None:
    """P-GIT-04."""
    depot.commit({b"%d.yaml" % number: b"1" for number in range(2001)})
    with pytest.raises(RefusedError, match="more than 2000 manifests or 32 MiB of them; a small"):
        read(depot)


def test_a_deep_tree_is_refused_at_its_depth(depot: Depot) -> None:
    """P-GIT-04."""
    files: dict[bytes, object] = {b"x.yaml": b"1"}
    for _ in range(30):
        files = {b"d": files}
    depot.commit(files)
    [problem] = read(depot).problems
    assert problem.message.endswith("/d: is more than 20 folders deep; fewer")


def test_a_folder_that_is_missing_is_a_problem(depot: Depot) -> None:
    commit = depot.commit({b"a.yaml": b"1"})
    found = f"is no folder of commit {commit[:12]}; a folder is wanted"
    assert refused(read(depot, path="deploy")) == [f"deploy: {found}"]
    assert refused(read(depot, path="a.yaml")) == [f"a.yaml: {found}"]


def test_an_empty_repository_and_a_missing_branch_are_told_apart(depot: Depot) -> None:
    with pytest.raises(OutsideError, match="is empty; a first commit is wanted"):
        read(depot)
    depot.commit({b"a.yaml": b"1"})
    with pytest.raises(RefusedError, match="has no 'refs/heads/prod'; it has main"):
        read(depot, ref="prod")


def test_an_annotated_tag_is_read_as_its_commit(depot: Depot) -> None:
    commit = depot.commit({b"a.yaml": b"1"})
    who = pygit2.Signature("Ann", "ann@example.com")
    kind = pygit2.enums.ObjectType.COMMIT
    depot.repo.create_tag("v1", pygit2.Oid(hex=commit), kind, who, "one")
    assert read(depot, ref="refs/tags/v1").commit == commit


def cache(depot: Depot) -> Path:
    [folder] = (depot.path.parent / "cache").glob("*/*.git")
    return folder


def test_a_broken_cache_is_cloned_anew(depot: Depot) -> None:
    """P-GIT-09."""
    commit = depot.commit({b"a.yaml": b"1"})
    read(depot)
    for file in cache(depot).glob("objects/pack/*"):
        file.chmod(0o600)
        file.write_bytes(b"garbage")
    assert read(depot).commit == commit


@pytest.mark.parametrize("name", ["HEAD", "config", "objects", "refs"])
def test_a_cache_with_a_missing_part_is_cloned_anew(depot: Depot, name: str) -> None:
    """P-GIT-09."""
    depot.commit({b"a.yaml": b"1"})
    read(depot)
    part = cache(depot) / name
    shutil.rmtree(part) if part.is_dir() else part.unlink()
    commit = depot.commit({b"a.yaml": b"2"})
    assert read(depot).commit == commit


def test_what_a_crash_left_behind_is_cloned_anew(depot: Depot) -> None:
    """P-GIT-09."""
    depot.commit({b"a.yaml": b"1"})
    read(depot)
    folder = cache(depot)
    (folder / "refs/rollout/tip.lock").touch()
    busy = folder.parent.with_suffix(".busy")
    busy.touch()
    commit = depot.commit({b"a.yaml": b"2"})
    assert read(depot).commit == commit
    assert not busy.exists()
    assert not folder.exists()


def test_a_lock_left_behind_is_cloned_anew(depot: Depot) -> None:
    """P-GIT-09."""
    depot.commit({b"a.yaml": b"1"})
    read(depot)
    (cache(depot) / "refs/rollout/tip.lock").touch()
    commit = depot.commit({b"a.yaml": b"2"})
    assert read(depot).commit == commit


def test_one_poll_says_where_several_refs_are_and_one_that_is_missing_costs_itself(
    depot: Depot,
) -> None:
    first = depot.commit({b"a.yaml": b"1"})
    depot.repo.references.create("refs/tags/v1", pygit2.Oid(hex=first))
    second = depot.commit({b"a.yaml": b"2"})
    wants = Want("main", first), Want("refs/tags/v1", first), Want("prod"), Want("HEAD")
    tips = poll(depot, *wants).tips
    assert tips[:2] == (RemoteTip(second, Relation.FORWARD), RemoteTip(first, Relation.SAME))
    assert str(tips[2]).endswith("has no 'refs/heads/prod'; it has main")
    assert tips[3] == RemoteTip(second, Relation.FIRST)


def test_a_clone_that_nobody_asks_for_goes(depot: Depot, tmp_path: Path) -> None:
    depot.commit({b"a.yaml": b"1"})
    old = read(depot).clone.parent
    week_ago = old.stat().st_mtime - clones.UNUSED - 1
    os.utime(old.with_suffix(".used"), (week_ago, week_ago))
    other = Depot(tmp_path / "other.git")
    other.commit({b"a.yaml": b"1"})
    read(other)
    assert not old.exists()


def test_an_lfs_pointer_is_named_and_passed_over(depot: Depot) -> None:
    """P-GIT-05."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    depot.commit({b"big.yaml": pointer, b"shop.yaml": b"1"})
    fetched = read(depot)
    assert [file.name for file in fetched.files] == ["shop.yaml"]
    assert fetched.notes == ["big.yaml: is an LFS pointer; its content is not read"]


@pytest.mark.parametrize(
    ("url", "local", "error"),
    [
        ("https://git.invalid/shop.git", False, ""),
        ("ssh://git@git.invalid/shop.git", False, ""),
        ("git@git.invalid:shop.git", False, ""),
        ("/srv/shop.git", True, ""),
        ("/srv/my shop.git", True, ""),
        ("/srv/shop.git\t", True, "is no address; https://… or ssh://… is wanted"),
        ("http://127.0.0.1:8080/shop.git", True, ""),
        ("/srv/shop.git", False, "is a path of this machine; https or ssh is wanted"),
        ("../shop.git", False, "is a path of this machine; https or ssh is wanted"),
        ("file:///srv/shop.git", False, "is a path of this machine; https or ssh is wanted"),
        ("FILE:///srv/shop.git", False, "is a path of this machine; https or ssh is wanted"),
        ("http://git.invalid/shop.git", True, "is not encrypted; https or ssh is wanted"),
        ("http://127.0.0.1/shop.git", False, "is not encrypted; https or ssh is wanted"),
        ("git://127.0.0.1/shop.git", True, ""),
        ("git://127.0.0.1/shop.git", False, "is not encrypted; https or ssh is wanted"),
        ("git://git.invalid/shop.git", True, "is not encrypted; https or ssh is wanted"),
        ("ftp://git.invalid/shop.git", True, "speaks 'ftp'; https or ssh is wanted"),
        ("https://127.0.0.1/shop.git", False, "is this machine itself; a host outside is wanted"),
        ("https://localhost/shop.git", False, "is this machine itself; a host outside is wanted"),
        ("https://2130706433/shop.git", False, "is this machine itself; a host outside is wante"),
        ("https://[::1]/shop.git", False, "is this machine itself; a host outside is wanted"),
        ("https://[::ffff:127.0.0.1]/x", False, "is this machine itself; a host outside is want"),
        ("https://169.254.169.254/x", False, "is this machine itself; a host outside is wanted"),
        ("https://0.0.0.0/x", False, "is this machine itself; a host outside is wanted"),
        ("ssh://localhost/x", False, "is this machine itself; a host outside is wanted"),
        ("git@localhost:x", False, "is this machine itself; a host outside is wanted"),
        ("-oProxyCommand=id", True, "is no address; https://… or ssh://… is wanted"),
        ("https://git.invalid/a b", False, "is no address; https://… or ssh://… is wanted"),
        ("https://git.invalid/\n", False, "is no address; https://… or ssh://… is wanted"),
        ("ext::sh -c id", True, "is no address; https://… or ssh://… is wanted"),
    ],
)
def test_only_open_addresses_are_spoken_to(url: str, local: bool, error: str) -> None:
    """SEC-13."""
    try:
        address.check(url, local)
        said = ""
    except RefusedError as refusal:
        said = str(refusal)
    assert error in said
    assert bool(error) == bool(said)


@pytest.mark.parametrize(
    "path", ["deploy", "./deploy", "/deploy/", "deploy/.", "deploy//", ".//deploy"]
)
def test_a_folder_is_the_same_in_every_spelling(depot: Depot, path: str) -> None:
    depot.commit({b"a.yaml": b"1", b"deploy": {b"b.yaml": b"2"}})
    depot.commit({b"a.yaml": b"3", b"deploy": {b"b.yaml": b"2"}})
    assert read(depot, path=path) == read(depot, path="deploy")
    assert [file.name for file in read(depot, path=path).files] == ["deploy/b.yaml"]


@pytest.mark.parametrize("path", ["", ".", "./", "/", "././"])
def test_the_root_is_the_same_in_every_spelling(depot: Depot, path: str) -> None:
    depot.commit({b"a.yaml": b"1", b"deploy": {b"b.yaml": b"2"}})
    fetched = read(depot, path=path)
    assert [file.name for file in fetched.files] == ["a.yaml", "deploy/b.yaml"]
    assert fetched.problems == []


def test_a_folder_that_is_a_submodule_is_told_as_one(depot: Depot) -> None:
    commit = depot.commit({b"charts": (MODULE, b"\1" * 20)})
    assert refused(read(depot, path="charts")) == [
        f"charts: is a submodule, which is not followed, of commit {commit[:12]}; "
        "a folder is wanted"
    ]


@pytest.mark.parametrize(
    ("ref", "hint"),
    [
        ("r1", "r1 is a tag: write refs/tags/r1"),
        ("8fcd439498eec5f39ef8e72bd1cc5ffb9d9725f2", "a commit's id is no ref: name a branch"),
        ("8fcd439", "a commit's id is no ref: name a branch, or a tag as refs/tags/…"),
        ("v1.*", "patterns and ranges are not followed: name a branch"),
        (">=1.0", "patterns and ranges are not followed: name a branch"),
    ],
)
def test_a_ref_that_is_no_branch_is_told_what_it_may_mean(
    depot: Depot, ref: str, hint: str
) -> None:
    commit = depot.commit({b"a.yaml": b"1"})
    depot.repo.references.create("refs/tags/r1", pygit2.Oid(hex=commit))
    with pytest.raises(RefusedError) as refusal:
        read(depot, ref=ref)
    assert f"has no 'refs/heads/{ref}'; {hint}" in str(refusal.value)
