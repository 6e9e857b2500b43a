"""A team's own objects from git, on the lab's API server and on a real one alike."""

import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollout.controller.ports import Json
from rollout.controller.seeing import concerns
from rollout.controller.sources import leaves
from rollout.controller.sources.applying import AGAIN, Applier
from rollout.controller.sources.look import KubeSecrets, Policy, Sources
from rollout.edges.kube import Kube
from rollout.edges.kube.objects import Objects
from rollout.errors import ConflictError
from rollout.istio import virtualservice
from rollout.lab.revisions import installing
from rollout.lab.revisions.names import Revision as MeshRevision
from rollout.manifest import record
from rollout.model.status import Revision, RolloutStatus
from rollout.reconcile import wanted
from tests import make
from tests.cluster.objects import ISTIO, rollout
from tests.fakes_repo import POINTER, FakeRepo
from tests.ports.conftest import api, lab, listed, prepare
from tests.realkube import RealKube

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MUTATING, VALIDATING = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
TOO_NEW = ("HorizontalPodAutoscaler", "PodDisruptionBudget")
"""Kinds of a control plane in versions that an older API server lacks."""
READ = (
    MUTATING,
    VALIDATING,
    "Rollout",
    "RolloutSource",
    "AnalysisTemplate",
    "VirtualService",
    "Gateway",
    "Secret",
)


def text(*objs: Json) -> str:
    return "---\n".join(json.dumps(obj) + "\n" for obj in objs)


def config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str, replicas: int | None = 1, image: str = "shop:1") -> dict[str, Any]:
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": image}]}}
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": pod}
    spec |= {} if replicas is None else {"replicas": replicas}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


@dataclass
class Counting:
    """The real edge, which says what it was asked to write."""

    inner: Objects
    applied: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    async def in_namespaces(self, api_version: str, kind: str) -> bool:
        return await self.inner.in_namespaces(api_version, kind)

    async def read(self, api_version: str, kind: str, namespace: str, name: str) -> Json | None:
        return await self.inner.read(api_version, kind, namespace, name)

    async def marked(
        self, api_version: str, kind: str, namespace: str, label: str
    ) -> Sequence[Json]:
        return await self.inner.marked(api_version, kind, namespace, label)

    async def apply(self, obj: Json, *, force: bool = False, dry: bool = False) -> Json:
        if not dry:
            self.applied.append(f"{obj['kind']} {obj['metadata']['name']}")
        return await self.inner.apply(obj, force=force, dry=dry)

    async def remove(self, obj: Json) -> None:
        self.removed.append(f"{obj['kind']} {obj['metadata']['name']}")
        await self.inner.remove(obj)


class Team:
    """A source with ``manifests: true``; ``look`` reads and applies its repository."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.kube, self.namespace, self.now = kube, namespace, START
        self.repo, self.objects = FakeRepo(), Counting(kube.objects)
        self.sources = self.controller()

    def controller(self, **policy: Any) -> Sources:
        secrets, team = KubeSecrets(self.kube), Applier(self.kube, self.objects)
        clock = lambda: self.now  # noqa: E731
        return Sources(
            self.kube,
            self.repo,
            secrets,
            team,
            clock,
            Policy(**policy),
            steady=self.steady,
        )

    def steady(self) -> float:
        """Seconds by a clock that nobody sets."""
        return (self.now - START).total_seconds()

    async def begin(self, **spec: object) -> None:
        whole = {"url": "https://git.invalid/x", "manifests": True, "prune": True, **spec}
        await self.kube.create(
            {
                "apiVersion": "rollout.dev/v1alpha1",
                "kind": "RolloutSource",
                "metadata": {"name": "git", "namespace": self.namespace},
                "spec": whole,
            }
        )

    async def push(self, files: Mapping[str, str]) -> Mapping[str, Any]:
        """The status after a look at these files; what was written before is forgotten."""
        self.repo.push(files)
        return await self.look()

    async def look(self) -> Mapping[str, Any]:
        self.objects.applied.clear()
        self.objects.removed.clear()
        self.now += timedelta(minutes=2)
        await self.sources.look(f"{self.namespace}/git")
        obj = self.kube.get("RolloutSource", self.namespace, "git")
        assert obj is not None
        status: Mapping[str, Any] = obj["status"]
        return status

    async def read(self, kind: str, name: str, version: str = "v1") -> Any:
        return await self.kube.objects.read(version, kind, self.namespace, name)

    async def cluster_wide(self, kind: str, name: str) -> Any:
        return await self.kube.objects.read(f"{ADMISSION}/v1", kind, "", name)

    async def patched(self, kind: str, name: str, *ops: Json) -> None:
        await self.kube.patch(kind, self.namespace, name, ops)


@pytest.fixture(params=["lab", pytest.param("real", marks=pytest.mark.envtest)])
async def team(request: pytest.FixtureRequest) -> AsyncIterator[Team]:
    namespace = f"team-{uuid.uuid4().hex[:8]}"
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "lab":
            server = await stack.enter_async_context(lab())
            made = api(server.url)
        else:
            real: RealKube = request.getfixturevalue("real_kube")
            made = api(real.url, real.token, str(real.ca))
        kube = await stack.enter_async_context(Kube(made, concerns.of))
        await prepare(kube, namespace)
        await listed(kube, *READ)
        yield Team(kube, namespace)


ROUTE = {"route": [{"destination": {"host": "shop"}}]}


def routes(name: str = "shop", **more: Any) -> Json:
    spec = {"hosts": [name], "http": [{**ROUTE, **more}]}
    return {"apiVersion": ISTIO, "kind": "VirtualService", "metadata": {"name": name}, "spec": spec}


def subsets(**labels: str) -> Json:
    made = [{"name": name, "labels": {"version": label}} for name, label in labels.items()]
    spec = {"host": "shop", "subsets": made}
    meta = {"name": "shop"}
    return {"apiVersion": ISTIO, "kind": "DestinationRule", "metadata": meta, "spec": spec}


def ours(revision: str = "v1") -> Json:
    made = rollout("", "shop", revision)
    return {**made, "metadata": {"name": "shop"}}


PORTS = {"selector": {"app": "shop"}, "ports": [{"port": 80}]}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": PORTS}
ALL = text(ours(), routes(), subsets(stable="v1"), deployment("shop-v1"), SERVICE, config("shop"))


async def test_a_commit_is_applied_in_the_order_that_its_parts_need(team: Team) -> None:
    await team.begin()
    status = await team.push({"all.yaml": ALL})
    assert status["because"] == f"6 manifests of {team.repo.head[:10]} are in force"
    assert team.objects.applied == [
        "ConfigMap shop",
        "Service shop",
        "Deployment shop-v1",
        "DestinationRule shop",
        "VirtualService shop",
    ]
    assert team.kube.get("Rollout", team.namespace, "shop") is not None
    made = await team.read("ConfigMap", "shop")
    assert made["metadata"]["labels"] == {"rollout.dev/source": f"{team.namespace}.git"}
    assert made["metadata"]["annotations"]["rollout.dev/commit"] == team.repo.head
    [manager] = made["metadata"]["managedFields"]
    assert (manager["manager"], manager["operation"]) == ("rollout-source", "Apply")
    assert status["kinds"] == [
        "apps/v1 Deployment",
        "networking.istio.io/v1 DestinationRule",
        "networking.istio.io/v1 VirtualService",
        "v1 ConfigMap",
        "v1 Service",
    ]


async def test_a_commit_costs_what_it_changes_and_what_others_changed_is_put_back(
    team: Team,
) -> None:
    await team.begin()
    await team.push({"a.yaml": text(config("a", x="1")), "b.yaml": text(config("b", x="1"))})
    await team.look()
    assert team.objects.applied == []
    await team.push({"a.yaml": text(config("a", x="2")), "b.yaml": text(config("b", x="1"))})
    assert team.objects.applied == ["ConfigMap a"]
    assert (await team.read("ConfigMap", "a"))["data"] == {"x": "2"}
    found = await team.read("ConfigMap", "b")
    await team.kube.objects.remove(found)
    await team.look()
    assert await team.read("ConfigMap", "b") is None
    team.now += AGAIN
    await team.look()
    assert (await team.read("ConfigMap", "b"))["data"] == {"x": "1"}


async def test_what_git_drops_is_pruned_if_it_was_made_here_and_only_then(team: Team) -> None:
    await team.begin()
    there = {**config("there", x="1"), "metadata": {"name": "there", "namespace": team.namespace}}
    await team.kube.create(there)
    await team.push({"a.yaml": text(config("a"), config("there", x="1"), SERVICE)})
    status = await team.push({"b.yaml": text(config("b"))})
    assert team.objects.removed == ["Service shop", "ConfigMap a"]
    assert await team.read("ConfigMap", "a") is None
    assert await team.read("ConfigMap", "there") is not None
    assert status["kinds"] == ["v1 ConfigMap"]


async def test_without_prune_what_git_drops_stays(team: Team) -> None:
    await team.begin(prune=False)
    await team.push({"a.yaml": text(config("a"))})
    await team.push({"b.yaml": text(config("b"))})
    assert await team.read("ConfigMap", "a") is not None


async def test_a_new_controller_prunes_what_the_one_before_made(team: Team) -> None:
    await team.begin()
    await team.push({"a.yaml": text(config("a"), SERVICE)})
    team.sources = team.controller()
    await team.push({"a.yaml": text(config("b"))})
    assert team.objects.removed == ["Service shop", "ConfigMap a"]


async def test_a_file_that_became_a_pointer_keeps_what_it_gave_until_git_drops_it(
    team: Team,
) -> None:
    """P-GIT-05: as `git lfs migrate` makes one of every file."""
    await team.begin()
    await team.push({"a.yaml": text(config("a")), "shop.yaml": text(SERVICE)})
    status = await team.push({"a.yaml": text(config("a")), "shop.yaml": f"{POINTER}\nsize 9\n"})
    assert (team.objects.removed, status["notes"]) == (
        [],
        ["shop.yaml: is an LFS pointer; its content is not read"],
    )
    await team.push({"a.yaml": text(config("a"))})
    assert team.objects.removed == ["Service shop"]


async def test_that_everything_vanishes_is_asked_about(team: Team) -> None:
    await team.begin()
    await team.push({"a.yaml": text(config("a"), config("b"))})
    status = await team.push({"none.yaml": "# gone"})
    assert status["because"].endswith("has none of the 2 manifests in force")
    assert await team.read("ConfigMap", "a") is not None


BROKEN = deployment("broken") | {"spec": {"replicas": -1}}
CLUSTER = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "all"}, "rules": []}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("a: {", "refused: b.yaml:2: is not YAML"),
        ("kind: Deployment\n", "apiVersion"),
        (text(BROKEN), "deployment broken is refused"),
        (text({**CLUSTER, "kind": "ClusterRole"}), "ClusterRole.rbac.authorization.k8s.io"),
        (text({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}), "Secret"),
        (text(config("x") | {"metadata": {"name": "x", "namespace": "kube-system"}}), "kube-sys"),
        (text(ours()).replace('"service"', '"servise"'), "service is missing"),
        ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", "kustomize is not"),
        (text(config("a", x="2")), "stands in a.yaml:1 already"),
        ("replicas: 2\n", "is no Kubernetes object"),
        (text(config("x") | {"metadata": {"name": "x", "finalizers": ["a"]}}), "not taken from"),
    ],
)
async def test_nothing_of_a_commit_is_applied_when_a_part_of_it_is_wrong(
    team: Team, bad: str, why: str
) -> None:
    await team.begin()
    before = await team.push({"a.yaml": text(config("a", x="1"))})
    status = await team.push({"a.yaml": text(config("a", x="2")), "b.yaml": bad})
    assert team.objects.applied == []
    assert (await team.read("ConfigMap", "a"))["data"] == {"x": "1"}
    said = "; ".join([status["because"], *(one["message"] for one in status["rejected"])])
    assert why in said
    assert status["commit"] == before["commit"]


async def test_the_operators_policy_opens_kinds_and_namespaces(team: Team) -> None:
    await team.begin()
    other = f"{team.namespace}-eu"
    key = f"{team.namespace}/git"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}}
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b"}}
    inside = {**secret, "metadata": {"name": "s", "namespace": other}}
    status = await team.push({"a.yaml": text(inside, space)})
    assert len(status["rejected"]) == 2
    allowed = {key: ("Secret",), "*": ("Namespace",)}
    team.sources = team.controller(manifests=allowed, abroad={key: frozenset({other})})
    status = await team.look()
    assert status["because"] == f"2 manifests of {team.repo.head[:10]} are in force"
    assert team.objects.applied == ["Namespace " + other, "Secret s"]


@pytest.mark.parametrize("scope", ["Namespaced", "Cluster"])
async def test_a_kind_and_its_objects_may_come_in_one_commit(team: Team, scope: str) -> None:
    """The definition goes first, and what nobody can try dry follows once it is served."""
    await team.begin()
    group = f"{team.namespace}.example.com"
    crd, widget = definition(group, scope), {"apiVersion": f"{group}/v1", "kind": "Widget"}
    mine = {**widget, "metadata": {"name": team.namespace}, "spec": {"size": 3}}
    kinds = (f"Widget.{group}", f"{crd['kind']}.apiextensions.k8s.io")
    team.sources = team.controller(manifests={"*": kinds})
    status = await team.push({"a.yaml": text(config("a"), mine), "b.yaml": text(crd)})
    assert status["because"] == f"3 manifests of {team.repo.head[:10]} are in force"
    assert team.objects.applied == [
        f"{crd['kind']} widgets.{group}",
        "ConfigMap a",
        f"Widget {team.namespace}",
    ]
    space = team.namespace if scope == "Namespaced" else ""
    stored = await team.kube.objects.read(f"{group}/v1", "Widget", space, team.namespace)
    assert (stored or {})["spec"] == {"size": 3}
    status = await team.push({"a.yaml": text(config("a"))})
    assert team.objects.removed == [f"Widget {team.namespace}", f"{crd['kind']} widgets.{group}"]


async def test_a_kind_that_nobody_defines_is_waited_for(team: Team) -> None:
    await team.begin()
    widget = {"apiVersion": "none.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    team.sources = team.controller(manifests={"*": ("Widget.none.example.com",)})
    status = await team.push({"a.yaml": text(config("a"), widget)})
    assert status["because"].startswith("waits: the API server does not know none.example.com/v1")
    assert team.objects.applied == []


def definition(group: str, scope: str) -> Json:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True}
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": names,
            "versions": [{**version, "schema": {"openAPIV3Schema": free}}],
        },
    }


async def test_a_field_of_another_manager_is_not_fought_over_and_named(team: Team) -> None:
    await team.begin()
    await team.push({"a.yaml": text(deployment("shop"), config("a", x="1"))})
    image = "/spec/template/spec/containers/0/image"
    await team.patched("Deployment", "shop", {"op": "replace", "path": image, "value": "hot:fix"})
    status = await team.push({"a.yaml": text(deployment("shop", image="shop:2"), config("a"))})
    [rejected] = status["rejected"]
    assert rejected["message"].startswith(
        "a.yaml:1: deployment shop has .spec.template.spec.containers"
    )
    assert "which rollout has written otherwise" in rejected["message"]
    assert "--force-conflicts --field-manager=rollout-source" in status["rejected"][0]["message"]
    assert (await team.read("ConfigMap", "a"))["data"] == {"x": "1"}


async def test_replicas_that_a_rollout_or_an_autoscaler_wrote_are_left_to_them(team: Team) -> None:
    await team.begin()
    await team.push({"a.yaml": text(deployment("shop"))})
    await team.patched(
        "Deployment", "shop", {"op": "replace", "path": "/spec/replicas", "value": 7}
    )
    status = await team.push({"a.yaml": text(deployment("shop", image="shop:2"))})
    assert status["because"].endswith("is in force")
    found = await team.read("Deployment", "shop", "apps/v1")
    assert found["spec"]["replicas"] == 7
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "shop:2"


ADMISSION = "admissionregistration.k8s.io"
OPEN = {"*": ("ServiceAccount", *(f"{kind}.{ADMISSION}" for kind in (MUTATING, VALIDATING)))}


async def test_a_control_plane_comes_from_git_and_istiod_s_own_writes_stay(team: Team) -> None:
    """istiod writes the CA of its webhooks, and makes the validator strict once it answers."""
    revision = MeshRevision("1-30-3", "1.30.3", team.namespace)
    every = [o for o in installing.objects(revision) if o["kind"] not in TOO_NEW]
    await team.begin()
    team.sources = team.controller(manifests=OPEN)
    status = await team.push({"istiod.yaml": text(*every)})
    assert status.get("rejected", []) == []
    assert {each.partition(" ")[0] for each in team.objects.applied} == {o["kind"] for o in every}
    names = {MUTATING: revision.injector, VALIDATING: revision.validator}
    for kind, name in names.items():
        count = len((await team.cluster_wide(kind, name))["webhooks"])
        for each in range(count):
            bundle = {"path": f"/webhooks/{each}/clientConfig/caBundle", "value": "cm9vdA=="}
            strict = {"path": f"/webhooks/{each}/failurePolicy", "value": "Fail"}
            ops = [{"op": "add", **bundle}, {"op": "replace", **strict}]
            await team.kube.patch(kind, "", name, ops)
    changed = [*every[:-1], {**every[-1], "metadata": {**every[-1]["metadata"], "labels": {}}}]
    status = await team.push({"istiod.yaml": text(*changed)})
    assert status.get("rejected", []) == []
    for kind, name in names.items():
        held = await team.cluster_wide(kind, name)
        for hook in held["webhooks"]:
            assert hook["clientConfig"]["caBundle"] == "cm9vdA=="
            assert hook["failurePolicy"] == "Fail"
        await team.kube.delete(kind, "", name, held["metadata"]["uid"])


async def test_an_object_of_another_source_is_refused(team: Team) -> None:
    await team.begin()
    labels = {"rollout.dev/source": "other.git"}
    meta = {"name": "a", "namespace": team.namespace, "labels": labels}
    await team.kube.create({**config("a"), "metadata": meta})
    status = await team.push({"a.yaml": text(config("a", x="1"))})
    assert status["because"] == ("refused: a.yaml:1: configmap a belongs to source other.git")


async def test_what_a_source_left_that_is_gone_is_taken_over_and_pruned(team: Team) -> None:
    """A RolloutSource that was renamed is another one."""
    await team.begin()
    labels = {"rollout.dev/source": f"{team.namespace}.before"}
    for name in ("a", "b"):
        meta = {"name": name, "namespace": team.namespace, "labels": labels}
        await team.kube.objects.apply({**config(name), "metadata": meta})
    status = await team.push({"a.yaml": text(config("a", x="1"), config("c"))})
    assert status.get("rejected", []) == []
    taken = (await team.read("ConfigMap", "a"))["metadata"]["labels"]
    assert taken["rollout.dev/source"] == f"{team.namespace}.git"
    await team.push({"a.yaml": text(config("c"))})
    assert team.objects.removed == ["ConfigMap a"]  # b was never in this source's git


# a rollout on its way


async def remember(team: Team, status: RolloutStatus) -> None:
    """The Rollout has that status."""
    value = record.rollout_json(replace(status, because="on its way"), {}, team.now)
    op = {"op": "add", "path": "/status", "value": value}
    await team.kube.patch("Rollout", team.namespace, "shop", [op], "status")


def driver_of(team: Team) -> leaves.Driver:
    every = leaves.drivers(team.kube)
    [driver] = [one for one in every if one.rollout.namespace == team.namespace]
    return driver


async def drive(team: Team, status: RolloutStatus) -> None:
    """The Rollout has that status, and the mesh is as it wants it."""
    obj = team.kube.get("Rollout", team.namespace, "shop")
    assert obj is not None
    await remember(team, status)
    driver = driver_of(team)
    route = wanted.route(driver.rollout, driver.status)
    live = await team.read("VirtualService", "shop", ISTIO)
    ops = virtualservice.patch(live, driver.target, route, status.epoch)
    await team.kube.patch("VirtualService", team.namespace, "shop", ops)


def splits(obj: Json) -> list[list[tuple[str, int]]]:
    return [
        [(e["destination"].get("subset", ""), e.get("weight", 100)) for e in one["route"]]
        for one in obj["spec"]["http"]
    ]


FIVE = make.at_step()
DRIVEN = {"own.yaml": text(ours("v2")), "mesh.yaml": text(routes(), subsets(stable="v1"))}


async def driven(team: Team) -> None:
    """A rollout of the source is at 5 %, on a VirtualService that the source applies, too."""
    await team.begin()
    await team.push(DRIVEN)
    await drive(team, FIVE)
    live = await team.read("VirtualService", "shop", ISTIO)
    assert splits(live) == [[("stable", 95), ("canary", 5)]]


async def test_the_weights_of_a_running_journey_are_not_put_back(team: Team) -> None:
    await driven(team)
    before = await team.read("VirtualService", "shop", ISTIO)
    team.now += AGAIN
    status = await team.look()
    assert "VirtualService shop" in team.objects.applied
    live = await team.read("VirtualService", "shop", ISTIO)
    assert live["spec"] == before["spec"]
    assert live["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert status["because"].endswith("are in force")


async def test_what_git_changes_beside_the_weights_flows_through(team: Team) -> None:
    await driven(team)
    await team.push({**DRIVEN, "mesh.yaml": text(routes(timeout="3s"), subsets(stable="v1"))})
    live = await team.read("VirtualService", "shop", ISTIO)
    assert splits(live) == [[("stable", 95), ("canary", 5)]]
    assert [one.get("timeout") for one in live["spec"]["http"]] == ["3s"]
    driver = driver_of(team)
    route = wanted.route(driver.rollout, driver.status)
    assert virtualservice.differences(live, driver.target, route) == ()


async def test_a_route_that_a_rollout_is_writing_is_waited_for(team: Team) -> None:
    await driven(team)
    await remember(team, make.at_step(1))
    changed = text(routes(timeout="3s"), subsets(stable="v1"), config("new"))
    status = await team.push({**DRIVEN, "mesh.yaml": changed})
    assert team.objects.applied == []
    assert status["because"].startswith("waits: virtualservice ")
    await drive(team, make.at_step(1))
    status = await team.look()
    assert status["because"].endswith("are in force")
    live = await team.read("VirtualService", "shop", ISTIO)
    assert splits(live) == [[("stable", 50), ("canary", 50)]]
    assert live["spec"]["http"][0]["timeout"] == "3s"


async def test_a_subset_that_a_rollout_has_pointed_keeps_its_meaning(team: Team) -> None:
    await driven(team)
    now = [{"name": "stable", "labels": {"version": "v2"}}]
    op = {"op": "replace", "path": "/spec/subsets", "value": now}
    await team.patched("DestinationRule", "shop", op)
    policy = {"trafficPolicy": {"loadBalancer": {"simple": "LEAST_REQUEST"}}}
    rule = subsets(stable="v1", old="v0")
    rule = {**rule, "spec": {**rule["spec"], **policy}}
    await team.push({**DRIVEN, "mesh.yaml": text(routes(), rule)})
    live = await team.read("DestinationRule", "shop", ISTIO)
    assert live["spec"]["subsets"] == [
        {"name": "stable", "labels": {"version": "v2"}},
        {"name": "old", "labels": {"version": "v0"}},
    ]
    assert live["spec"]["trafficPolicy"] == policy["trafficPolicy"]


async def test_what_a_rollout_still_needs_is_pruned_when_it_does_no_more(team: Team) -> None:
    await team.begin()
    both = {"v1.yaml": text(deployment("shop-v1")), "v2.yaml": text(deployment("shop-v2"))}
    await team.push({**DRIVEN, **both})
    await drive(team, FIVE)
    status = await team.push({**DRIVEN, "v2.yaml": both["v2.yaml"]})
    assert team.objects.removed == []
    stays = f"deployment shop-v1 stays: rollout {team.namespace}/shop still needs it"
    assert status["notes"] == [stays]
    await remember(team, make.status(stable=Revision("v2"), subset_mode=FIVE.subset_mode))
    status = await team.look()
    assert team.objects.removed == ["Deployment shop-v1"]
    assert "notes" not in status


async def test_who_writes_between_our_look_and_our_write_is_not_overwritten(team: Team) -> None:
    await driven(team)
    metadata = {"name": "shop", "namespace": team.namespace, "resourceVersion": "1"}
    with pytest.raises(ConflictError):
        await team.kube.objects.apply({**routes(), "metadata": metadata}, force=True)
