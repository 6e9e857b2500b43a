"""Signed commits only, end to end: the policy's signers, a source that says verify, real git."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.lab.apiserver.server import kubeconfig
from rollout.lab.kube.client import ApiRefusedError, Kind, Kube
from rollout.lab.programs import processes
from tests.controller.shop import a_rollout

pytestmark = pytest.mark.lab

SOURCE = Kind("rollout.dev", "v1alpha1", "rolloutsources", "RolloutSource")
ROLLOUT = Kind("rollout.dev", "v1alpha1", "rollouts", "Rollout")
SPACE = "signed"


class Repo:
    """A person's repository, and the keys of two people."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repo"
        self.keys = {who: folder / who for who in ("ann", "eve")}
        for path in self.keys.values():
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
        _run("git", "init", "-q", "-b", "main", self.folder)

    def push(self, revision: str, who: str = "") -> str:
        """The commit that asks for ``revision``, signed by ``who``."""
        manifest = a_rollout(revision=revision)
        manifest = {**manifest, "metadata": {"name": "shop"}}
        (self.folder / "shop.yaml").write_text(yaml.safe_dump(manifest))
        person = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        sign = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={self.keys.get(who)}.pub")
        _run("git", "-C", self.folder, "add", ".")
        signing = (*sign, "-c", "commit.gpgsign=true") if who else ("-c", "commit.gpgsign=false")
        _run("git", "-C", self.folder, *person, *signing, "commit", "-q", "-m", revision)
        return _run("git", "-C", self.folder, "rev-parse", "HEAD").strip()

    def line(self, who: str) -> str:
        return f"{who}@example.com {self.keys[who].with_suffix('.pub').read_text()}"


def _run(*words: object) -> str:
    done = subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
async def repo(api: str, tmp_path: Path) -> AsyncIterator[Repo]:
    """The repository, with a controller at work whose policy knows ann as ``releases``."""
    made = Repo(tmp_path)
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump({"localGit": True, "signers": {"releases": made.line("ann")}}))
    config = tmp_path / "kubeconfig"
    config.write_text(kubeconfig(api))
    command = (
        *(sys.executable, "-m", "rollout", "--kubeconfig", config, "run"),
        *("--policy", file, "--cache", tmp_path / "clones", "--namespace", SPACE),
    )
    child = await processes.start("controller", command, log=tmp_path / "controller.log")
    try:
        yield made
        assert not child.ended, child.last_words()
    finally:
        await child.stop()


async def follow(api: str, repo: Repo, *signers: str) -> Kube:
    """A source that wants these signers."""
    kube = Kube(api)
    await kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    spec = {"url": str(repo.folder), "interval": "5s", "verify": [*signers]}
    meta = {"name": "git", "namespace": SPACE}
    await kube.create(SOURCE, {"metadata": meta, "spec": spec})
    return kube


async def comes(kube: Kube, text: str) -> dict[str, Any]:
    """The source's status, once it says ``text`` somewhere."""
    found: dict[str, Any] = {}
    for _ in range(10_000):
        found = (await kube.read(SOURCE, SPACE, "git")).get("status") or {}
        if text in str(found):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"never {text!r}: {found}")


async def rollouts(kube: Kube) -> list[str]:
    """The revisions that are asked for."""
    found = (await kube.list(ROLLOUT))[0]
    return [o["spec"]["revision"] for o in found if o["metadata"]["namespace"] == SPACE]


async def ended(kube: Kube) -> None:
    """Nothing is left for the next test."""
    await kube.delete(SOURCE, SPACE, "git")
    with contextlib.suppress(ApiRefusedError):
        await kube.delete(ROLLOUT, SPACE, "shop")
    while await rollouts(kube):
        await asyncio.sleep(0.1)
    await kube.close()


async def test_only_what_an_allowed_signer_signed_is_applied(api: str, repo: Repo) -> None:
    first = repo.push("v1")
    kube = await follow(api, repo, "releases")
    try:
        await comes(kube, f"commit {first[:12]} is not signed")
        assert await rollouts(kube) == []
        second = repo.push("v2", "ann")
        await comes(kube, f"'commit': '{second}'")
        assert await rollouts(kube) == ["v2"]
        third = repo.push("v3", "eve")
        await comes(kube, f"commit {third[:12]} is signed by nobody on the list")
        assert await rollouts(kube) == ["v2"]
        fourth = repo.push("v4", "ann")
        await comes(kube, f"'commit': '{fourth}'")
        assert await rollouts(kube) == ["v4"]
    finally:
        await ended(kube)


async def test_a_name_that_the_policy_does_not_know_applies_nothing(api: str, repo: Repo) -> None:
    repo.push("v1", "ann")
    kube = await follow(api, repo, "releases", "everybody")
    try:
        await comes(kube, "verify names 'everybody'")
        assert await rollouts(kube) == []
    finally:
        await ended(kube)
