"""Argo CD and Flux keep the same VirtualService in force as we move: at rest, and in a journey."""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.manifests import rbac
from rollout.istio import owner
from tests.cluster import objects
from tests.cluster.conftest import Control
from tests.cluster.journeys import Scene, comes
from tests.cluster.replica import replica
from tests.deploy.gitops import Argo, Flux, Json

pytestmark = [pytest.mark.envtest, pytest.mark.long, pytest.mark.timeout(1800)]

NAME = "shop"
COHORT = {"headers": {"x-tester": {"exact": "1"}}}
STEPS = [
    {"name": "testers", "cohorts": [COHORT], "bake": "1s"},
    {"weight": 50, "bake": "1s", "approval": {"approvers": ["kubernetes"]}},
]
TRACKED = {"argocd.argoproj.io/tracking-id": "shop:networking.istio.io/VirtualService:x/shop"}
EVERY = 0.3  # seconds between two rounds; Argo CD's self-heal waits five, Flux a minute


def in_git(space: str, timeout: str = "1s", **metadata: Any) -> Json:
    """The author's VirtualService, which names a subset for each role."""
    sides = [
        {"destination": {"host": NAME, "subset": subset}, "weight": weight}
        for subset, weight in (("stable", 100), ("canary", 0))
    ]
    return {
        "apiVersion": objects.ISTIO,
        "kind": "VirtualService",
        "metadata": {"name": NAME, "namespace": space, **metadata},
        "spec": {"hosts": [NAME], "http": [{"name": "all", "route": sides, "timeout": timeout}]},
    }


def by_role(space: str) -> Json:
    """The DestinationRule as it was made once; git does not have it."""
    revisions = (("stable", "v1"), ("canary", "v2"))
    subsets = [{"name": name, "labels": {"version": version}} for name, version in revisions]
    return {
        "apiVersion": objects.ISTIO,
        "kind": "DestinationRule",
        "metadata": {"name": NAME, "namespace": space},
        "spec": {"host": NAME, "subsets": subsets},
    }


@contextlib.asynccontextmanager
async def watching(tool: Argo | Flux) -> AsyncIterator[None]:
    """The tool makes its rounds, one after the other, as long as the block lasts."""

    async def rounds() -> None:
        while True:
            await tool.round()
            await asyncio.sleep(EVERY)

    task = asyncio.create_task(rounds())
    try:
        yield
    finally:
        task.cancel()
        ended = await asyncio.gather(task, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended


@contextlib.asynccontextmanager
async def shop(control: Control, folder: Path, space: str, git: Json) -> AsyncIterator[Scene]:
    """A shop whose VirtualService somebody else applies, and a controller beside it."""
    await control.apply(objects.namespace(space))
    await control.granted(*rbac.manifests(space, rbac.OWN))
    config = control.kubeconfig(folder / "config", await control.token())
    scene = Scene(control, space, folder)
    manager = "kustomize-controller" if "labels" in git["metadata"] else "argocd-controller"
    assert await control.server_side(git, manager) == ""
    await control.apply(by_role(space))
    with replica(folder, config, control.mesh, "-n", space):
        strategy = {"canary": {"steps": STEPS}}
        await scene.shop(NAME, mesh=False, entry=False, waiting=0, strategy=strategy)
        yield scene
    await control.revoked(*rbac.manifests(space, rbac.OWN))


async def http(scene: Scene) -> list[Json]:
    found: list[Json] = (await scene.read("VirtualService", NAME))["spec"]["http"]
    return found


async def divided(scene: Scene) -> None:
    """The step at 50 % is reached, with the testers' own route before it."""

    async def true() -> bool:
        routes = await http(scene)
        return [side.get("weight") for side in routes[-1]["route"]] == [50, 50]

    await comes(true, lambda: scene.status(NAME))


async def drifts(scene: Scene) -> int:
    drift = ((await scene.status(NAME)).get("attempt") or {}).get("drift") or {}
    return int(drift.get("count", 0))


async def begun(scene: Scene) -> None:
    await scene.scale("shop-v2", 1)
    await scene.push(NAME, revision="v2")


async def ended(scene: Scene) -> None:
    await scene.asks(NAME, "promote")
    await scene.rests(NAME, 1, "v2")


@pytest.mark.parametrize(
    "server_side",
    [
        pytest.param(False, id="client-side"),
        pytest.param(True, id="server-side", marks=pytest.mark.short),
    ],
)
async def test_argo_cd_heals_itself_all_the_way_and_writes_nothing_with_the_rule_of_plan(
    control: Control, tmp_path: Path, server_side: bool
) -> None:
    space = f"argo-{'server' if server_side else 'client'}"
    git = in_git(space, annotations=TRACKED)
    argo = Argo(control, git, owner.rule(git), server_side)
    async with shop(control, tmp_path, space, git) as scene:
        before = len(writes(control, space))
        async with watching(argo):
            await asyncio.sleep(3)
            assert writes(control, space)[before:] == [], "at rest nothing fights"
            await begun(scene)
            await divided(scene)
            await asyncio.sleep(2)
            assert (argo.writes, await drifts(scene)) == (0, 0)
            await ended(scene)
        assert argo.writes == 0
        assert (await scene.read("VirtualService", NAME))["spec"] == git["spec"]


async def test_a_push_that_edits_the_route_itself_lands_in_mid_journey_and_the_split_stays(
    control: Control, tmp_path: Path
) -> None:
    """Which it would not, were Argo CD told to respect the rule when it syncs."""
    space = "argo-edited"
    git = in_git(space, annotations=TRACKED)
    argo = Argo(control, git, owner.rule(git))
    async with shop(control, tmp_path, space, git) as scene:
        async with watching(argo):
            await begun(scene)
            await divided(scene)
            argo.git = in_git(space, "7s", annotations=TRACKED)

            async def landed() -> bool:
                return {route.get("timeout") for route in await http(scene)} == {"7s"}

            await comes(landed, lambda: http(scene))
            await divided(scene)
            assert (argo.writes, await drifts(scene)) == (1, 1)
            await ended(scene)
        respected = owner.rule(git).replace("=true]", "=true, RespectIgnoreDifferences=true]")
        later = in_git(space, "9s", annotations=TRACKED)
        kept_out = Argo(control, later, respected)
        assert await kept_out.round()
        assert await kept_out.round(), "out of sync for ever"
        assert [route["timeout"] for route in await http(scene)] == ["7s"]


async def test_without_the_rule_argo_cd_puts_our_split_back_at_every_round(
    control: Control, tmp_path: Path
) -> None:
    space = "argo-unruled"
    git = in_git(space, annotations=TRACKED)
    async with shop(control, tmp_path, space, git) as scene:
        await begun(scene)
        await divided(scene)
        argo = Argo(control, git)
        assert await argo.round()
        await divided(scene)
        assert await argo.round()
        assert argo.writes == 2


async def test_what_we_make_is_never_pruned_for_it_bears_no_mark_of_its_owner(
    control: Control, tmp_path: Path
) -> None:
    """Argo CD prunes what bears its tracking id or instance label, Flux what bears its labels."""
    space, name = "pruned", "templated"
    marks = {
        "annotations": {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:pruned/settings"},
        "labels": {
            "app.kubernetes.io/instance": "shop",
            "kustomize.toolkit.fluxcd.io/name": "shop",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        },
    }
    await control.apply(objects.namespace(space))
    await control.granted(*rbac.manifests(space, rbac.OWN))
    config = control.kubeconfig(tmp_path / "config", await control.token())
    scene = Scene(control, space, tmp_path)

    def marked(obj: Json) -> Json:
        found = copy.deepcopy(obj)
        found["metadata"].update(copy.deepcopy(marks))
        return found

    git = [
        objects.config_map(space, "settings", "one"),
        objects.secret(space, "password", "one"),
        *objects.service(space, name),
        objects.rollout(
            space, name, None, workload={"template": objects.configured("v1", name), "drain": "1s"}
        ),
    ]
    await control.apply(*(marked(obj) for obj in git))
    with replica(tmp_path, config, control.mesh, "-n", space):
        await scene.rests(name)

        async def ours() -> list[Json]:
            return [
                obj
                for kind in ("ConfigMap", "Secret", "Deployment", "DestinationRule")
                for obj in await control.listed(kind)
                if obj["metadata"]["namespace"] == space
                and obj["metadata"]["name"] not in named(git)
            ]

        async def true() -> bool:
            return {"ConfigMap", "Secret", "Deployment"} <= {obj["kind"] for obj in await ours()}

        await comes(true, ours)  # the status is saved before anything is made
        keys = {key for part in marks.values() for key in part}
        for obj in await ours():
            meta = obj["metadata"]
            borne = {*(meta.get("labels") or {}), *(meta.get("annotations") or {})}
            assert borne & keys == set(), meta
    await control.revoked(*rbac.manifests(space, rbac.OWN))


def named(objs: list[Json]) -> set[str]:
    return {"kube-root-ca.crt", *(o["metadata"]["name"] for o in objs if o["kind"] != "Rollout")}


FLUX = {"kustomize.toolkit.fluxcd.io/name": "shop"}
ONCE = {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}


async def test_flux_is_waited_for_until_the_object_says_what_plan_asks_for_and_then_leaves_it(
    control: Control, tmp_path: Path
) -> None:
    space = "flux"
    git = in_git(space, labels=FLUX)
    flux = Flux(control, git)
    async with shop(control, tmp_path, space, git) as scene:
        before = len(writes(control, space))
        async with watching(flux):
            await asyncio.sleep(3)
            assert (flux.writes, writes(control, space)[before:]) == (0, [])
            await begun(scene)

            async def told() -> bool:
                return "ROL-050" in str((await scene.status(NAME)).get("because"))

            await comes(told, lambda: scene.status(NAME))
            flux.git = in_git(space, labels=FLUX, annotations=ONCE)
            assert str(owner.rule(git)).count("ssa: IfNotPresent") == 1
            assert await control.server_side(flux.git, "kustomize-controller", force=True) == ""
            await divided(scene)
            await asyncio.sleep(2)
            assert (flux.writes, await drifts(scene)) == (0, 0)
            await ended(scene)
        assert flux.writes == 0
        assert (await scene.read("VirtualService", NAME))["spec"] == git["spec"]


def writes(control: Control, space: str) -> list[str]:
    """What our controller wrote to objects of that namespace that are not its own kinds."""
    return [
        f"{entry['verb']} {entry['objectRef']['resource']}"
        for entry in control.audited()
        if entry["verb"] in ("create", "update", "patch", "delete")
        and entry["objectRef"].get("namespace") == space
        and entry["objectRef"].get("apiGroup") != "rollout.dev"
        and entry["objectRef"]["resource"] != "events"
    ]
