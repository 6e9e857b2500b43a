"""Who logs in at the controller's page with a token: what they ask is theirs, to the API server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rollout.cli.pages import Also, ByKey, ByToken
from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.keeping.inbox import of_rollouts
from rollout.controller.loop import clock
from rollout.controller.seeing import concerns
from rollout.edges import kube
from rollout.edges.kube import Kube
from rollout.errors import RefusedError
from rollout.lab.apiserver.server import ApiServer
from rollout.lab.apiserver.wire.access import User
from rollout.manifest import definition, objects, schema
from rollout.model.reasons import Verb
from rollout.web.page import people
from rollout.web.page.reader import Place
from tests.fakes import FakeMetrics
from tests.ports.conftest import listed
from tests.ports.test_kube import a_rollout

CART = Place("rollout", "default", "shop")
USERS = {"ours-token": "controller", "anns-token": "ann", "eves-token": "eve", "no-token": ""}


@dataclass
class Scene:
    server: ApiServer
    cluster: Kube
    controller: Controller
    door: ByToken


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """A cluster in which Eve may read and not patch, and where Mallory may nothing."""
    server = ApiServer()
    await server.start()
    server.access.tokens |= {token: User(name) for token, name in USERS.items()}
    server.access.tokens["mallorys-token"] = User("mallory")
    server.access.denials.append(lambda asked: asked.user.name == "mallory")
    server.access.denials.append(lambda a: a.user.name == "eve" and a.verb == "patch")
    file = folder / "kubeconfig"
    file.write_text(server.kubeconfig("ours-token"))
    api = await kube.connect(str(file))
    async with Kube(api, concerns.of) as cluster:
        for kind in schema.KINDS.values():
            await cluster.create(definition.crd(kind))
        await listed(cluster, "Rollout")
        await cluster.create(a_rollout("default"))
        controller = Controller(Outside(cluster, FakeMetrics()), Settings())
        yield Scene(server, cluster, controller, ByToken(api, "", controller))
    await server.stop()


async def test_a_request_is_written_with_the_persons_token_and_the_status_says_who(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as it:
        ann = await it.door.prove(" anns-token\n")
        it.server.access.denials.append(
            lambda a: a.user.name == "controller" and a.verb == "patch" and not a.subresource
        )
        await ann.ask(CART, Verb.ABORT)
        await ann.close()
        obj = it.cluster.get("Rollout", "default", "shop")
        fresh = await it.cluster.fetch("Rollout", "default", "shop")
        assert obj is not None
        assert fresh is not None
        text = fresh["metadata"]["annotations"][objects.REQUEST]
        assert text.startswith("abort@")
        assert fresh["status"]["vouched"] == {"text": text, "who": "kubernetes:ann"}


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("guessed-token", "the API server does not take this token"),
        ("mallorys-token", "mallory may not list rollouts"),
        ("no-token", "nobody may not list rollouts"),
        ("short", "that is no token; `kubectl create token` makes one"),
        ("a b\r\nHost: evil", "that is no token; `kubectl create token` makes one"),
        ("", "that is no token; `kubectl create token` makes one"),
    ],
)
async def test_whoever_is_not_known_or_may_not_read_is_not_let_in(
    tmp_path: Path, token: str, why: str
) -> None:
    async with scene(tmp_path) as it:
        with pytest.raises(RefusedError) as refused:
            await it.door.prove(token)
        assert str(refused.value) == why


async def test_who_may_not_patch_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        eve = await it.door.prove("eves-token")
        before = await it.cluster.fetch("Rollout", "default", "shop")
        with pytest.raises(RefusedError, match="eve may not patch rollout default/shop"):
            await eve.ask(CART, Verb.ABORT)
        await eve.close()
        assert await it.cluster.fetch("Rollout", "default", "shop") == before


async def test_a_token_that_is_over_is_told_as_such(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        ann = await it.door.prove("anns-token")
        del it.server.access.tokens["anns-token"]
        with pytest.raises(people.OverError, match="your token is over; log in anew"):
            await ann.ask(CART, Verb.ABORT)
        await ann.close()


async def test_the_page_of_ones_own_machine_asks_as_its_owner(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        door = ByKey("key", "ann", of_rollouts(it.controller.store, lambda _: None), clock)
        with pytest.raises(RefusedError, match="that is not the key that the command printed"):
            await door.prove("another")
        await (await door.prove("key")).ask(CART, Verb.PAUSE)
        fresh = await it.cluster.fetch("Rollout", "default", "shop")
        assert fresh is not None
        assert fresh["metadata"]["annotations"][objects.REQUEST].startswith("pause@")
        assert "vouched" not in (fresh.get("status") or {})


async def test_kinds_are_watched_only_where_both_list_and_watch_are_allowed(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as it:
        it.server.access.denials.append(
            lambda a: a.resource == "controlplaneupgrades" and a.verb == "watch"
        )
        also = Also(it.cluster)
        assert [kind for kind in also.wanted if await also.may(kind)] == ["ClusterSwitchover"]
