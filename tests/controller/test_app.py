"""Whole journeys through the shell: the real loop, look, store and translators on fakes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import pytest

from rollout.controller import app, lanes
from rollout.controller.app import A_FEW
from rollout.controller.ports import Json
from rollout.errors import ConflictError, OutsideError, RefusedError, RolloutError
from tests import virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout, endpoints, objects
from tests.fakes import FakeKube

Story = Callable[[Shop], Awaitable[None]]


def play(story: Story, *rollouts: Json) -> Shop:
    """The shop after ``story``, with a controller at work in it."""

    async def whole() -> Shop:
        shop = Shop()
        shop.kube.put(*(rollouts or (a_rollout(),)))
        async with shop.controller():
            await shop.until("Healthy")
            await story(shop)
        return shop

    return virtual.run(whole())


async def promoted(shop: Shop) -> None:
    await shop.push("v2")
    await shop.until("Progressing")
    await shop.until("Healthy")


def test_a_good_revision_reaches_everyone_and_leaves_no_trace_on_the_routes() -> None:
    shop = play(promoted)
    route = {"route": [{"destination": {"host": "shop", "subset": "stable"}}]}
    found = shop.kube.objects["VirtualService", NAMESPACE, "shop"]
    assert (shop.status()["stable"]["name"], found["spec"]["http"]) == ("v2", [route])
    assert "annotations" not in found["metadata"]


def test_a_journey_costs_few_writes_and_rest_costs_none() -> None:
    async def story(shop: Shop) -> None:
        shop.kube.writes.clear()
        await promoted(shop)
        assert len(shop.kube.writes) <= 32, shop.kube.writes
        shop.kube.writes.clear()
        await asyncio.sleep(3600)
        assert shop.kube.writes == []

    play(story)


def test_a_bad_revision_is_taken_back_in_the_look_that_measured_it() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 50, "canary": 50})
        shop.metrics.value = 7
        await shop.until("Degraded")
        assert (shop.weights(), shop.status()["stable"]["name"]) == ({"stable": 100}, "v1")
        told = ["100/0", "100/0", "95/5", "50/50", "100/0", "100/0", "100/0"]
        assert shop.splits() == told

    play(story)


def test_a_person_who_aborts_is_heard_at_once() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        await shop.request("abort@1")
        await asyncio.sleep(0.2)
        assert shop.weights()["stable"] == 100
        assert shop.status()["lastHandledRequest"] == "abort@1"

    play(story)


@pytest.mark.parametrize("what", ["abort", "push", "pods"])
def test_a_prometheus_that_hangs_keeps_no_way_back_waiting(what: str) -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        shop.metrics.late = 1000
        await asyncio.sleep(40)
        if what == "abort":
            await shop.request("abort@1")
        elif what == "push":
            await shop.push("v3")
        else:
            shop.kube.put(endpoints("shop", {"v1": 2, "v2": 0}))

        def gone() -> bool:
            canary = shop.status().get("attempt", {}).get("canary") or {}
            return canary.get("name") != "v2" or not shop.weights().get("canary")

        await shop.comes(gone, 2)

    play(story)


def test_what_is_refused_while_a_prometheus_is_late_does_not_make_the_gate_blind() -> None:
    """Nobody goes back by it, so the look waits for the answers as ever."""

    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        shop.metrics.late = 30
        await asyncio.sleep(40)
        await shop.request("approve@1")
        await shop.comes(lambda: shop.status().get("lastHandledRequest") == "approve@1", 60)
        assert "no answer yet" not in shop.status()["because"]

    play(story)


@pytest.mark.parametrize("what", ["abort", "pods"])
def test_a_refresh_that_waits_for_its_turn_keeps_no_way_back_waiting(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As among a thousand that are refreshed in the same minute."""
    monkeypatch.setattr(lanes, "TELLING", 0)
    monkeypatch.setattr(lanes, "PATIENCE", 1000)

    async def aborted(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        await asyncio.sleep(40)
        if what == "abort":
            await shop.request("abort@1")
        else:
            shop.kube.put(endpoints("shop", {"v1": 2, "v2": 0}))
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 2)

    play(aborted)


def test_a_persons_word_does_not_stand_behind_a_thousand_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = lanes.Lanes()
    monkeypatch.setattr(app, "Lanes", lambda: taken)

    async def aborted(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        async with contextlib.AsyncExitStack() as thousand:
            for _ in range(lanes.THINKING):
                await thousand.enter_async_context(taken.thinking(urgent=False))
            await shop.request("abort@1")
            await shop.comes(lambda: not shop.weights().get("canary"), 2)

    play(aborted)


def test_who_speaks_before_a_prometheus_hangs_is_heard_too() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        shop.metrics.late = 1000
        await shop.request("pause@1")
        await shop.until("Paused", seconds=2)
        shop.metrics.late = 0
        await shop.request("resume@2")
        await shop.comes(shop.rests_on_v2)

    play(story)


def test_a_late_answer_is_waited_for_when_nobody_else_waits() -> None:
    async def story(shop: Shop) -> None:
        shop.metrics.late = 3
        await shop.push("v2")
        await shop.comes(shop.rests_on_v2)

    play(story)


def test_a_pause_and_a_resume_lose_nothing() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        await shop.request("pause@1")
        await shop.until("Paused")
        await asyncio.sleep(600)
        assert shop.weights() == {"stable": 95, "canary": 5}
        await shop.request("resume@2")
        await shop.until("Healthy")
        assert shop.status()["stable"]["name"] == "v2"

    play(story)


def test_a_foreign_edit_of_a_weight_is_restored() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        await asyncio.sleep(5)
        path = "/spec/http/0/route/{}/weight"
        ops = [
            {"op": "replace", "path": path.format(0), "value": 0},
            {"op": "replace", "path": path.format(1), "value": 100},
        ]
        await shop.kube.patch("VirtualService", NAMESPACE, "shop", ops)
        await asyncio.sleep(0.2)
        assert shop.weights() == {"stable": 95, "canary": 5}

    play(story)


def test_a_canary_that_loses_its_pods_loses_its_requests() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        shop.kube.put(endpoints("shop", {"v1": 2, "v3": 2}))
        await asyncio.sleep(0.2)
        assert shop.weights()["stable"] == 100

    play(story)


def test_a_deleted_rollout_gives_the_routes_back_and_is_gone() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        when = {"op": "add", "path": "/metadata/deletionTimestamp", "value": "2026-01-01T00:00:00Z"}
        await shop.kube.patch("Rollout", NAMESPACE, "shop", [when])
        await asyncio.sleep(60)
        assert ("Rollout", NAMESPACE, "shop") not in shop.kube.objects
        assert shop.weights() == {"stable": 100}

    play(story)


def test_one_broken_rollout_costs_its_neighbour_nothing() -> None:
    broken = a_rollout("broken")
    broken = {**broken, "spec": {**broken["spec"], "strategy": {}}}

    async def story(shop: Shop) -> None:
        await promoted(shop)
        assert shop.status()["stable"]["name"] == "v2"

    shop = play(story, a_rollout(), broken)
    told = shop.status("broken")
    assert (told["phase"], told["observedGeneration"]) == ("Paused", 1)
    assert told["because"] == "strategy names 0 strategies; exactly one is wanted"
    stalled = {one["type"]: one["status"] for one in told["conditions"]}
    assert stalled == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}


def test_a_rollout_that_cannot_be_read_is_told_once_and_goes_on_when_it_can() -> None:
    broken = a_rollout("broken", strategy={})

    async def story(shop: Shop) -> None:
        shop.kube.put(*objects("broken"))
        await shop.until("Paused", "broken", 5)
        written = len(shop.kube.writes)
        await asyncio.sleep(600)
        assert len(shop.kube.writes) == written
        good = {"op": "replace", "path": "/spec", "value": a_rollout("broken")["spec"]}
        await shop.kube.patch("Rollout", NAMESPACE, "broken", [good])
        await shop.until("Healthy", "broken", 5)
        assert shop.status("broken")["because"] == "v1 has everyone"

    play(story, a_rollout(), broken)


def test_what_is_remembered_of_a_rollout_that_cannot_be_read_stays() -> None:
    status = {"stage": {"name": "Stepping", "split": {"stable": 95, "canary": 5}}, "epoch": 7}
    broken = {**a_rollout("broken"), "spec": {"service": 7}, "status": status}

    async def story(shop: Shop) -> None:
        await shop.until("Paused", "broken", 5)
        assert shop.status("broken").items() >= status.items()

    play(story, a_rollout(), broken)


def made_at(time: str, obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "creationTimestamp": time}}


def test_a_second_rollout_of_a_service_is_refused_and_does_not_stop_the_first() -> None:
    first = made_at("2026-01-02T00:00:00Z", a_rollout())
    second = a_rollout("other", service="shop", workload={"deployments": "shop-{revision}"})
    second = made_at("2026-01-03T00:00:00Z", second)

    async def story(shop: Shop) -> None:
        shop.kube.put(second)
        await shop.until("Paused", "other", 5)
        because = "service shop: rollout shop/shop has it already; one of the two must go"
        assert shop.status("other")["because"] == because
        await shop.push("v3", "other")
        await promoted(shop)
        assert shop.status("other")["because"] == because
        await shop.kube.delete("Rollout", NAMESPACE, "shop")
        await shop.until("Progressing", "other", 2)
        assert shop.status("other")["stable"]["name"] == "v2"

    play(story, first)


def test_a_service_that_is_not_there_is_said_and_waited_for() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        service = shop.kube.get("Service", NAMESPACE, "shop")
        assert service is not None
        await shop.kube.delete("Service", NAMESPACE, "shop")
        await shop.until("Paused", seconds=5)
        assert shop.status()["because"] == "service shop/shop: is not there; it is wanted"
        shop.kube.put(service)
        await shop.comes(shop.rests_on_v2)
        assert shop.status()["attempt"]["number"] == 1

    play(story)


def test_a_spec_that_can_no_longer_be_read_leaves_the_last_good_one_in_force() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        broken = {"op": "replace", "path": "/spec/strategy", "value": {"canary": {"steps": 7}}}
        await shop.kube.patch("Rollout", NAMESPACE, "shop", [broken])
        shop.metrics.value = 7
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 60)

    play(story)


@pytest.mark.parametrize(
    "error",
    [
        ConflictError("virtualservice shop/shop: somebody wrote first"),
        OutsideError("virtualservice shop/shop: no answer"),
        OutsideError("virtualservice shop/shop: 429 too many", retry_after=1.0),
        RefusedError("virtualservice shop/shop: 403 forbidden"),
        ValueError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("times", [1, 5])
def test_a_journey_ends_well_whatever_went_wrong_on_its_way(error: Exception, times: int) -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        for _ in range(12):
            await asyncio.sleep(11)
            shop.kube.errors += [error] * times
        shop.kube.errors.clear()
        await shop.comes(shop.rests_on_v2)
        assert shop.weights() == {"stable": 100}

    play(story)


def test_a_refusal_that_lasts_is_told_in_the_status_and_is_not_hammered() -> None:
    async def story(shop: Shop) -> None:
        def refuse(write: str) -> None:
            if write.startswith("patch VirtualService"):
                tries.append(write)
                raise RefusedError("virtualservice shop/shop: 403 no patch for you")

        tries: list[str] = []
        shop.kube.before = refuse
        await shop.push("v2")
        await asyncio.sleep(600)
        assert "403" in shop.status()["because"]
        assert 5 < len(tries) < 40

    play(story)


def test_a_dead_chat_and_refused_events_do_not_delay_a_rollback() -> None:
    async def story(shop: Shop) -> None:
        def refuse(write: str) -> None:
            if write.startswith("create Event"):
                raise OutsideError("event: no answer")

        shop.kube.before = refuse
        shop.chat.errors["*"] = OutsideError("slack: no answer")
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        shop.metrics.value = 7
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 60)

    play(story)


class Killed(RolloutError):
    """The process ends here: no handler of ours may notice."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_between_any_two_effects_heals(after: bool) -> None:
    clean = play(promoted)
    effects = len(clean.kube.writes)
    for point in range(effects):
        crashed = virtual.run(_with_a_crash(point, after))
        assert crashed.weights() == {"stable": 100}, point
        assert crashed.status()["stable"]["name"] == "v2", point
        assert _splits(crashed) == _splits(clean), point


def _splits(shop: Shop) -> list[str]:
    """The distinct splits of the journey, as its history tells them."""
    told = [entry["split"] for entry in shop.status()["history"]]
    return [split for i, split in enumerate(told) if i == 0 or told[i - 1] != split]


async def _with_a_crash(point: int, after: bool) -> Shop:
    """A journey whose first process dies around its write number ``point``."""
    shop = Shop()
    shop.kube.put(a_rollout())
    dead = asyncio.Event()
    count = -1

    def crash(_: str) -> None:
        nonlocal count
        count += 1
        if count == point + after:
            dead.set()
        if dead.is_set():
            raise Killed("the process is dead")

    shop.kube.before = crash
    async with shop.controller():
        pushing = asyncio.create_task(_push_when_healthy(shop))
        await shop.comes(lambda: dead.is_set() or shop.rests_on_v2())
        pushing.cancel()
        await asyncio.gather(pushing, return_exceptions=True)
    shop.kube.before = lambda _: None
    async with shop.controller():
        await _push_when_healthy(shop)
        await shop.comes(shop.rests_on_v2)
        await asyncio.sleep(60)
    return shop


async def _push_when_healthy(shop: Shop) -> None:
    if shop.rollout()["spec"]["revision"] == "v1":
        await shop.until("Healthy")
        shop.kube.put({**shop.rollout(), "spec": a_rollout(revision="v2")["spec"]})
    await asyncio.sleep(1)


def test_our_own_metrics_tell_phases_and_weights() -> None:
    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with shop.controller() as controller:
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
            await shop.comes(lambda: "confirmedAt" in shop.status()["stage"])
            text = controller.metrics_text()
            assert (controller.health(), controller.readiness()) == ("", "")
        shop_is = 'namespace="shop",phase="Progressing",reason="WaitingForBake"'
        assert f'rollout_info{{name="shop",{shop_is}}} 1.0' in text
        assert 'rollout_canary_weight_percent{name="shop",namespace="shop"} 5.0' in text
        assert 'rollout_rollouts{phase="Progressing"} 1.0' in text
        assert 'rollout_rollouts{phase="Healthy"} 0.0' in text
        assert "rollout_leader 1.0" in text

    virtual.run(story())


def test_a_loop_that_hangs_is_not_healthy() -> None:
    async def story() -> None:
        shop = Shop()
        async with shop.controller() as controller:
            await asyncio.sleep(1)
        await asyncio.sleep(60)
        assert controller.health() == "no heartbeat for 61 s"

    virtual.run(story())


def test_a_cache_that_is_late_is_waited_for_at_the_start_and_when_leading_begins() -> None:
    class Late(FakeKube):
        listed = False

        def list(self, kind: str, concern: str = "") -> Sequence[Json]:
            if not self.listed:
                raise OutsideError(f"{kind}: not listed yet")
            return super().list(kind, concern)

    async def story() -> None:
        kube = Late()
        shop = Shop(kube)
        kube.put(a_rollout())
        async with shop.controller(namespace="rollout-system"):
            await asyncio.sleep(30)
            assert kube.writes == ["create Lease rollout-controller"] + [
                "patch Lease rollout-controller"
            ] * (len(kube.writes) - 1)
            kube.listed = True
            await shop.until("Healthy", seconds=90)

    virtual.run(story())


def test_whoever_loses_its_lease_while_an_object_waits_to_go_does_not_let_it_go() -> None:
    """Its lines are the next one's to write, who reads them from it."""

    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with shop.controller(namespace="rollout-system") as controller:
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(shop.rests_on_v2)

            async def lost(_: Json) -> None:
                assert controller.shards is not None
                controller.shards.leaders[0]._until = float("-inf")

            controller.partings.append(lost)
            when = {
                "op": "add",
                "path": "/metadata/deletionTimestamp",
                "value": "2026-01-01T00:00:00Z",
            }
            await shop.kube.patch("Rollout", NAMESPACE, "shop", [when])
            await asyncio.sleep(60)
            assert shop.kube.get("Rollout", NAMESPACE, "shop") is not None

    virtual.run(story())


def test_a_rollout_that_cannot_be_read_can_still_be_deleted() -> None:
    broken = a_rollout("broken")
    meta = {
        **broken["metadata"],
        "finalizers": ["rollout.dev/finalizer"],
        "deletionTimestamp": "2026-01-01T00:00:00Z",
    }
    broken = {**broken, "metadata": meta, "spec": {"service": 7}}

    async def story(shop: Shop) -> None:
        await asyncio.sleep(1)
        assert ("Rollout", NAMESPACE, "broken") not in shop.kube.objects

    play(story, a_rollout(), broken)


def told(shop: Shop) -> list[tuple[str, str, str]]:
    """Every Event's reason, type and message, in the order in which they were written."""
    found = sorted(shop.kube.list("Event"), key=lambda e: int(e["metadata"]["resourceVersion"]))
    return [(event["reason"], event["type"], event["message"]) for event in found]


def test_a_write_that_is_denied_is_told_and_what_stood_behind_it_once_it_is_done() -> None:
    denied = "virtualservice shop/shop: 403 denied by policy 'no canaries on Friday'"

    async def story(shop: Shop) -> None:
        def deny(write: str) -> None:
            if write == "patch VirtualService shop":
                raise RefusedError(denied)

        shop.kube.before = deny
        await shop.push("v2")
        await asyncio.sleep(30)
        assert told(shop)[-1] == ("LookFailed", "Warning", denied)
        assert [one for one in told(shop) if one[0] == "LookFailed"] == [told(shop)[-1]]
        shop.kube.before = lambda _: None
        await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
        await asyncio.sleep(1)
        assert told(shop)[-1][:2] == ("StepStarted", "Normal")
        await shop.comes(shop.rests_on_v2)

    play(story)


def test_an_event_has_the_times_by_which_kubectl_sorts() -> None:
    shop = play(promoted)
    for event in shop.kube.list("Event"):
        assert event["apiVersion"] == "v1"
        assert event["firstTimestamp"] == event["lastTimestamp"]
        assert event["lastTimestamp"][:19] == event["eventTime"][:19]


def test_a_namespace_that_takes_nothing_new_keeps_no_deleted_rollout() -> None:
    """What may not be made (403 in a namespace that ends) stands in nobody's way home."""

    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 50, "canary": 50})

        def refuse(write: str) -> None:
            if write.startswith(("create", "patch Deployment", "patch DestinationRule")):
                raise RefusedError("namespace shop: 403 it is being terminated")

        await shop.kube.delete("DestinationRule", NAMESPACE, "shop")
        shop.kube.before = refuse
        shop.kube.put(endpoints("shop", {"v1": 0, "v2": 0}))
        meta = shop.rollout()["metadata"]
        shop.kube.put({**shop.rollout(), "metadata": {**meta, "deletionTimestamp": "now"}})
        await shop.comes(lambda: ("Rollout", NAMESPACE, "shop") not in shop.kube.objects, 300)
        assert shop.weights() == {"stable": 100}

    play(story)


def test_who_begins_looks_first_where_something_is_under_way_and_elsewhere_a_few_at_a_time() -> (
    None
):
    async def story() -> list[str]:
        shop = Shop()
        resting = [f"a-{number:03}" for number in range(2 * A_FEW)]
        shop.kube.put(a_rollout())
        async with shop.controller():
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(lambda: shop.weights().get("canary") == 50)
        for name in resting:
            shop.kube.put(*objects(name), a_rollout(name))
        await shop.push("v1")
        shop.kube.writes.clear()
        async with shop.controller():
            await shop.comes(lambda: all(shop.status(name) for name in resting))
        return [*dict.fromkeys(shop.kube.writes)]

    writes = virtual.run(story())
    adopted = [f"patch Rollout a-{number:03} status" for number in range(2 * A_FEW)]
    rested = [write for write in writes if " a-" in write]
    assert sorted(rested[:A_FEW]) == adopted[:A_FEW]  # side by side, in whatever order
    assert sorted(rested[A_FEW:]) == adopted[A_FEW:]
    assert writes.index("patch VirtualService shop") < writes.index(adopted[A_FEW])
