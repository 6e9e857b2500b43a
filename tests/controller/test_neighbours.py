"""A neighbour that cannot be read costs itself, and never a look at anybody's Rollout."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any

import pytest

from rollout.controller.ports import Json
from rollout.errors import OutsideError
from rollout.model.observation import CountsQuestion, ValueQuestion
from tests import virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout
from tests.fakes import FakeKube, FakeMetrics

Story = Callable[[Shop], Awaitable[None]]
QUEUE = 'count(up{job!="{{args.team}}"}) or vector(1)'


def template(query: str = QUEUE, **spec: Any) -> Json:
    metrics = [{"name": "queue", "query": query, "max": 50}]
    return {
        "kind": "AnalysisTemplate",
        "metadata": {"name": "shop-defaults", "namespace": NAMESPACE},
        "spec": {"args": {"team": "pay"}, "metrics": metrics} | spec,
    }


def templated(*uses: Any) -> Json:
    """The shop's Rollout, judged by its own limit and by a shared template."""
    made = a_rollout()
    analysis = made["spec"]["analysis"] | {"templates": [*(uses or ({"name": "shop-defaults"},))]}
    return {**made, "spec": made["spec"] | {"analysis": analysis}}


def play(story: Story, *, shop: Shop | None = None, rollout: Json | None = None) -> Shop:
    """The shop after ``story``, with v2 at 50 % when it begins."""

    async def whole() -> Shop:
        played = shop or Shop()
        played.kube.put(template(), rollout or templated())
        async with played.controller():
            await played.until("Healthy")
            await played.push("v2")
            await played.comes(lambda: played.weights() == {"stable": 50, "canary": 50})
            await story(played)
        return played

    return virtual.run(whole())


ODD_SPECS: list[Any] = [
    template(QUEUE.replace("team", "taem"))["spec"],
    {"args": [], "metrics": None},
    None,
    "a sentence",
    {"metrics": [{"name": "queue", "query": 7}]},
]
odd = pytest.mark.parametrize("spec", ODD_SPECS)


def verdicts(shop: Shop) -> dict[str, str]:
    return {one["metric"]: one["outcome"] for one in shop.status()["attempt"]["verdicts"]}


@odd
def test_a_template_that_cannot_be_read_is_an_error_of_its_metrics_and_holds(spec: Any) -> None:
    async def story(shop: Shop) -> None:
        shop.kube.put({**template(), "spec": spec})
        await shop.comes(lambda: "error" in verdicts(shop).values(), 120)
        assert verdicts(shop)["errors-limit"] == "pass"
        assert shop.weights() == {"stable": 50, "canary": 50}
        shop.kube.put(template())
        await shop.comes(shop.rests_on_v2)

    play(story)


@odd
def test_a_bad_canary_is_taken_back_beside_a_template_that_cannot_be_read(spec: Any) -> None:
    async def story(shop: Shop) -> None:
        shop.kube.put({**template(), "spec": spec})
        await asyncio.sleep(16)
        shop.metrics.value = 7
        await shop.until("Degraded", seconds=120)
        assert (shop.weights(), shop.status()["stable"]["name"]) == ({"stable": 100}, "v1")

    play(story)


async def aborted(shop: Shop) -> None:
    await shop.request("abort@1")


async def reverted(shop: Shop) -> None:
    await shop.push("v1")


async def deleted(shop: Shop) -> None:
    gone = {**shop.rollout()["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    shop.kube.put({**shop.rollout(), "metadata": gone})


ways_back = pytest.mark.parametrize("back", [aborted, reverted, deleted])


@odd
@ways_back
def test_every_way_back_works_beside_a_template_that_cannot_be_read(spec: Any, back: Story) -> None:
    async def story(shop: Shop) -> None:
        shop.kube.put({**template(), "spec": spec})
        await asyncio.sleep(5)
        await back(shop)
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 2)
        if back is deleted:
            await shop.comes(lambda: shop.kube.get("Rollout", NAMESPACE, "shop") is None, 120)

    play(story)


def test_an_argument_that_kubectl_dropped_with_its_null_is_still_required() -> None:
    async def story(shop: Shop) -> None:
        shop.kube.put(template(args={"limit": "5"}))
        await shop.comes(lambda: verdicts(shop).get("queue") == "error", 120)
        told = {one["metric"]: one["text"] for one in shop.status()["attempt"]["verdicts"]}["queue"]
        assert told == "queue: {{args.team}} is not given; template shop-defaults wants it"

    play(story)


def test_an_argument_that_kubectl_dropped_with_its_null_can_be_given() -> None:
    async def story(shop: Shop) -> None:
        shop.kube.put(template(args={"limit": "5"}))
        await shop.comes(shop.rests_on_v2)

    given = templated({"name": "shop-defaults", "args": {"team": "pay"}})
    play(story, rollout=given)


class Unlucky(FakeMetrics):
    """A client with a bug in it."""

    broken = False

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Any:
        if self.broken:
            raise ZeroDivisionError("a bug")
        return await super().ask(counts, values)


@ways_back
def test_every_way_back_works_beside_a_bug_in_asking_prometheus(back: Story) -> None:
    metrics = Unlucky()

    async def story(shop: Shop) -> None:
        metrics.broken = True
        await shop.comes(lambda: set(verdicts(shop).values()) == {"error"}, 120)
        assert shop.weights() == {"stable": 50, "canary": 50}
        await back(shop)
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 2)

    play(story, shop=Shop(metrics=metrics))


class Blind(FakeKube):
    """An API server that lets us read some kinds no more."""

    kinds: tuple[str, ...] = ()

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        self._may(kind)
        return super().get(kind, namespace, name)

    def list(self, kind: str, concern: str = "") -> Any:
        self._may(kind)
        return super().list(kind, concern)

    def _may(self, kind: str) -> None:
        if kind in self.kinds:
            raise OutsideError(f"{kind.lower()}: forbidden")


@ways_back
@pytest.mark.parametrize(
    "kind", ["Service", "Deployment", "Pod", "EndpointSlice", "AnalysisTemplate", "Gateway"]
)
def test_every_way_back_works_while_a_kind_cannot_be_read(kind: str, back: Story) -> None:
    kube = Blind()

    async def story(shop: Shop) -> None:
        kube.kinds = (kind,)
        await asyncio.sleep(5)
        await back(shop)
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 2)
        if back is deleted:
            await shop.comes(lambda: shop.kube.get("Rollout", NAMESPACE, "shop") is None, 120)

    play(story, shop=Shop(kube=kube))


@pytest.mark.parametrize("kind", ["Deployment", "Pod", "EndpointSlice"])
def test_nobody_is_sent_to_pods_that_cannot_be_read(kind: str) -> None:
    kube = Blind()

    async def story(shop: Shop) -> None:
        kube.kinds = (kind,)
        await asyncio.sleep(600)
        assert shop.weights() == {"stable": 50, "canary": 50}
        assert shop.status()["because"] == f"{kind.lower()}: forbidden"
        kube.kinds = ()
        await shop.comes(shop.rests_on_v2)

    play(story, shop=Shop(kube=kube))


@ways_back
def test_every_way_back_works_without_the_service(back: Story) -> None:
    async def story(shop: Shop) -> None:
        del shop.kube.objects["Service", NAMESPACE, "shop"]
        del shop.kube.objects["EndpointSlice", NAMESPACE, "shop-1"]
        await asyncio.sleep(5)
        assert shop.weights() == {"stable": 50, "canary": 50}
        await back(shop)
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 2)

    play(story)


@ways_back
def test_labels_that_are_none_reach_no_subset_and_stop_no_way_back(back: Story) -> None:
    async def story(shop: Shop) -> None:
        found: Any = shop.kube.objects["Deployment", NAMESPACE, "shop-v2"]
        odd = {"matchLabels": {"app": "shop", "version": [[7]]}}
        shop.kube.put({**found, "spec": {**found["spec"], "selector": odd}})
        because = "deployment shop/shop-v2: selector.matchLabels.version is a list; text is wanted"
        await shop.comes(lambda: shop.status()["because"] == because, 60)
        await back(shop)
        await shop.comes(lambda: not shop.weights().get("canary"), 3)
        rule: Any = shop.kube.objects["DestinationRule", NAMESPACE, "shop"]
        labels = [value for one in rule["spec"]["subsets"] for value in one["labels"].values()]
        assert set(labels) <= {"v1", "v2"}

    play(story)


def scribbled(shop: Shop, epoch: int = 10**15) -> None:
    """Somebody writes a number into our mark on the routes that we have never decided."""
    obj: Any = deepcopy(shop.kube.objects["VirtualService", NAMESPACE, "shop"])
    marks = obj["metadata"]["annotations"]
    (key,) = (key for key in marks if key.startswith("rollout.dev/"))
    marks[key] = json.dumps(json.loads(marks[key]) | {"epoch": epoch})
    shop.kube.put(obj)


@ways_back
def test_every_way_back_works_though_somebody_scribbled_on_our_mark(back: Story) -> None:
    async def story(shop: Shop) -> None:
        scribbled(shop)
        await asyncio.sleep(1)
        await back(shop)
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 12)
        if back is deleted:
            await shop.comes(lambda: shop.kube.get("Rollout", NAMESPACE, "shop") is None, 120)

    play(story)


@pytest.mark.parametrize("epoch", [10**15, 2**60, 10**400, -1])
def test_a_journey_goes_on_though_somebody_scribbled_on_our_mark(epoch: int) -> None:
    async def story(shop: Shop) -> None:
        scribbled(shop, epoch)
        await shop.comes(shop.rests_on_v2, 600)

    play(story)


async def annotated(shop: Shop, text: str) -> None:
    """Somebody writes the request by hand."""
    obj: Any = deepcopy(shop.rollout())
    obj["metadata"].setdefault("annotations", {})["rollout.dev/request"] = text
    shop.kube.put(obj)


def test_a_request_by_hand_is_heard_without_a_nonce() -> None:
    async def story(shop: Shop) -> None:
        await annotated(shop, "Abort")
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 2)
        assert shop.status()["lastHandledRequest"] == "abort@"

    play(story)


def test_what_is_no_request_is_told_once_and_stops_nothing() -> None:
    async def story(shop: Shop) -> None:
        await annotated(shop, "rollback now")
        await shop.comes(lambda: "refusedRequests" in shop.status(), 70)
        (refusal,) = shop.status()["refusedRequests"]
        assert (refusal["request"], refusal["by"], refusal["because"]) == (
            "rollback now",
            "kubernetes",
            "none of promote, skip, pause, resume, abort, retry, approve, reject",
        )
        await shop.comes(shop.rests_on_v2, 600)
        assert shop.status()["refusedRequests"] == [refusal]

    play(story)
