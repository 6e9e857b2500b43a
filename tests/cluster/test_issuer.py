"""The page's login at an issuer that a real kube-apiserver trusts: its RBAC decides, by groups."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from rollout.cli.pages import UNNAMED, ByToken
from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.seeing import concerns
from rollout.edges import kube, oidc
from rollout.edges.kube import Kube
from rollout.lab.kube.client import Object
from rollout.manifest import definition, objects, schema
from rollout.web.page import app
from rollout.web.page.board import Board
from rollout.web.page.people import TOKEN, Sessions
from rollout.web.page.reader import Reader
from tests import issuer as issuers
from tests.cluster.conftest import Control, controlled, served
from tests.fakes import FakeMetrics
from tests.issuer import CLIENT, SECRET, Issuer
from tests.ports.conftest import listed
from tests.ports.test_kube import a_rollout
from tests.realkube import running
from tests.web.page.test_logins import agreed, browser_of, came_back
from tests.web.page.world import World

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(900), pytest.mark.long, pytest.mark.short]

GROUP = "rbac.authorization.k8s.io"


def trusting(issuer: Issuer) -> tuple[str, ...]:
    """Flags of an API server that takes the issuer's tokens."""
    return (
        f"--oidc-issuer-url={issuer.url}",
        f"--oidc-ca-file={issuer.ca}",
        f"--oidc-client-id={CLIENT}",
        "--oidc-username-claim=email",
        "--oidc-username-prefix=-",
        "--oidc-groups-claim=groups",
        "--oidc-signing-algs=RS256",
    )


def release_people() -> list[Object]:
    """That group may list and patch Rollouts."""
    meta, api = {"name": "release-people"}, f"{GROUP}/v1"
    rule = {"apiGroups": ["rollout.dev"], "resources": ["rollouts"], "verbs": ["list", "patch"]}
    who = {"kind": "Group", "apiGroup": GROUP, **meta}
    role = {"apiGroup": GROUP, "kind": "ClusterRole", **meta}
    binding = {"apiVersion": api, "kind": "ClusterRoleBinding", "metadata": meta}
    return [
        {"apiVersion": api, "kind": "ClusterRole", "metadata": meta, "rules": [rule]},
        {**binding, "roleRef": role, "subjects": [who]},
    ]


@contextlib.asynccontextmanager
async def page(control: Control, issuer: Issuer, folder: Path) -> AsyncIterator[World]:
    """The controller's page over the API server, whose people come from the issuer."""
    file = control.kubeconfig(folder / "kubeconfig", control.real.token)
    api = await kube.connect(str(file))
    async with Kube(api, concerns.of) as cluster:
        await listed(cluster, "Rollout")
        controller = Controller(Outside(cluster, FakeMetrics()), Settings())
        known = oidc.Issuer(issuer.url, CLIENT, lambda: SECRET, ca=issuer.ca.read_text())
        settings = app.Settings(login=ByToken(api, "", controller), issuer=known)
        clock = lambda: datetime.now(UTC)  # noqa: E731
        board = Board(Reader(cluster, controller.store), clock)
        made = app.Page(board, settings, Sessions(clock))
        async with app.opened(made, "127.0.0.1", 0) as address:
            yield World(address)


async def test_a_token_that_the_issuer_gives_is_checked_by_the_api_server_and_its_groups_count(
    tmp_path: Path,
) -> None:
    (tmp_path / "control").mkdir()
    with (
        issuers.running(tmp_path / "issuer") as issuer,
        running(tmp_path / "control", *trusting(issuer)) as real,
    ):
        await served(real, [definition.crd(kind) for kind in schema.KINDS.values()])
        async with controlled(real, tmp_path / "audit") as control:
            await control.apply(*release_people(), dict(a_rollout("default")))
            async with page(control, issuer, tmp_path) as found:
                await logs_in(issuer, found)
                stored = await control.read("Rollout", "default", "shop")
                request = stored["metadata"]["annotations"][objects.REQUEST]
                assert request.startswith("abort@")
                await nobody_else(issuer, found)


async def logs_in(issuer: Issuer, page: World) -> None:
    """Ann does, once the API server has read the issuer's keys, and asks for an abort.

    It asks the issuer ten seconds after its start for the first time, and takes no token before.
    """
    async with browser_of(issuer) as http:
        while (came := await _tried(http, page))[0] == 401:
            await asyncio.sleep(0.5)
        assert came == (303, "/")
        async with http.get(f"{page.url}/api/session") as answer:
            told = await answer.json()
        assert told["who"] in ("ann@example.com", UNNAMED)
        assert 0 < told["left"] <= issuers.LASTS
        ask = {"kind": "rollout", "namespace": "default", "name": "shop", "verb": "abort"}
        mine = {TOKEN: told["token"]}
        async with http.post(f"{page.url}/api/ask", json=ask, headers=mine) as answer:
            assert answer.status == 202, await answer.text()


async def _tried(http: aiohttp.ClientSession, page: World) -> tuple[int, str]:
    begun = await http.get(f"{page.url}/login", allow_redirects=False)
    back = await agreed(http, URL(begun.headers["Location"]))
    return await came_back(http, back)


async def nobody_else(issuer: Issuer, page: World) -> None:
    """Whose group may nothing; and tokens that another key has signed, or none."""
    refused = "the API server does not take this token"
    for lie, who, why in (
        ({}, "eve", "may not list rollouts"),
        ({"key": "unknown"}, "ann", refused),
        ({"alg": "none"}, "ann", refused),
        ({"alg": "ES256"}, "ann", refused),
    ):
        issuer.lies(**lie)
        async with browser_of(issuer) as http:
            begun = await http.get(f"{page.url}/login", allow_redirects=False)
            place = URL(begun.headers["Location"])
            status, text = await came_back(http, await agreed(http, place, who))
            assert (status, why in text) == (401, True), text
