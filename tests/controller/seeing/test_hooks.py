"""HTTP gates beside the looks: rhythm, memory, and that nobody waits for them."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from rollout import hook
from rollout.controller.ports import Json
from rollout.controller.seeing.hooks import Hooks
from rollout.errors import OutsideError, RefusedError
from rollout.model.observation import HookAnswer, HookQuestion, HookVerdict
from rollout.model.spec import Step
from tests import make, virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout
from tests.fakes import FakeKube

OPEN, HOLD, FAILED, SILENT = HookVerdict
ASKED = hook.question(make.rollout(make.canary_spec()), Step(webhook=make.QA), make.at_step())
assert ASKED is not None
Says = HookVerdict | Exception


@dataclass
class FakeWebhooks:
    """Says these in turn, and the last one for ever; ``slow``: seconds for one answer."""

    says: list[Says]
    slow: float = 0.0
    asked: list[tuple[float, HookQuestion]] = field(default_factory=list)
    entries: Mapping[str, bytes] = field(default_factory=dict)

    async def ask(
        self, question: HookQuestion, entries: Mapping[str, bytes], now: datetime
    ) -> HookAnswer:
        self.asked.append((asyncio.get_running_loop().time(), question))
        self.entries = entries
        await asyncio.sleep(self.slow)
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(said, Exception):
            raise said
        return HookAnswer(question.nonce, said, "as told")


def secret(name: str = "qa", namespace: str = NAMESPACE) -> Json:
    data = {"key": base64.b64encode(b"\xffkey").decode()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}


def played(
    story: Callable[[Hooks], Awaitable[Any]], webhooks: FakeWebhooks | None, *objs: Json
) -> tuple[Any, list[str]]:
    """What ``story`` gives, and who was woken."""

    async def whole() -> tuple[Any, list[str]]:
        kube, woken = FakeKube(), list[str]()
        kube.put(*(objs or (secret(),)))
        hooks = Hooks(webhooks, kube, virtual.clock, woken.append)
        found = await story(hooks)
        await hooks.stop()
        return found, woken

    return virtual.run(whole())


def waits(says: list[Says], seconds: float) -> list[float]:
    """When the gate was asked, in ``seconds`` of wanting to know."""
    webhooks = FakeWebhooks(says)

    async def story(hooks: Hooks) -> None:
        hooks.heard("shop/shop", ASKED)
        await asyncio.sleep(seconds)

    played(story, webhooks)
    return [at for at, _ in webhooks.asked]


def test_a_look_reads_what_was_said_so_far_and_is_woken_by_news() -> None:
    async def story(hooks: Hooks) -> list[HookAnswer | None]:
        found = [hooks.heard("shop/shop", ASKED)]
        await asyncio.sleep(4)
        found.append(hooks.heard("shop/shop", ASKED))
        await asyncio.sleep(4)
        return [*found, hooks.heard("shop/shop", ASKED)]

    found, woken = played(story, FakeWebhooks([OPEN], slow=5))
    assert ASKED is not None
    assert found == [None, None, HookAnswer(ASKED.nonce, OPEN, "as told")]
    assert woken == ["shop/shop"]


def test_while_it_holds_it_is_asked_at_its_interval() -> None:
    assert waits([HOLD], 50) == [0, 15, 30, 45]


def test_while_it_is_silent_it_is_asked_ever_less_often() -> None:
    assert waits([OutsideError("none")], 200) == [0, 1, 3, 7, 15, 31, 63, 123, 183]


def test_an_answer_ends_the_silence() -> None:
    assert waits([OutsideError("none"), OutsideError("none"), HOLD], 34) == [0, 1, 3, 18, 33]


@pytest.mark.parametrize(("wanted", "at"), [(0.5, 1), (40.0, 40), (86400.0, 300)])
def test_a_busy_gate_may_ask_for_a_while_and_not_for_ever(wanted: float, at: float) -> None:
    assert waits([OutsideError("busy", wanted)], 301)[1] == at


@pytest.mark.parametrize("verdict", [OPEN, FAILED])
def test_what_is_decided_is_not_asked_again(verdict: HookVerdict) -> None:
    assert waits([verdict], 3600) == [0]


def test_the_same_news_wakes_nobody_twice() -> None:
    async def story(hooks: Hooks) -> None:
        hooks.heard("shop/shop", ASKED)
        await asyncio.sleep(100)

    assert played(story, FakeWebhooks([HOLD]))[1] == ["shop/shop"]


def test_another_question_ends_the_first_and_no_question_ends_all() -> None:
    assert ASKED is not None
    other, webhooks = replace(ASKED, nonce="other"), FakeWebhooks([HOLD])

    async def story(hooks: Hooks) -> HookAnswer | None:
        hooks.heard("shop/shop", ASKED)
        await asyncio.sleep(1)
        first = hooks.heard("shop/shop", other)
        await asyncio.sleep(20)
        hooks.heard("shop/shop", None)
        await asyncio.sleep(100)
        return first

    assert played(story, webhooks)[0] is None
    assert [(at, one.nonce == "other") for at, one in webhooks.asked] == [
        (0, False),
        (1, True),
        (16, True),
    ]


def test_the_next_question_says_what_was_decided_since() -> None:
    assert ASKED is not None
    webhooks = FakeWebhooks([HOLD])

    async def story(hooks: Hooks) -> None:
        hooks.heard("shop/shop", ASKED)
        await asyncio.sleep(1)
        hooks.heard("shop/shop", replace(ASKED, epoch=9))
        await asyncio.sleep(15)

    played(story, webhooks)
    assert [one.epoch for _, one in webhooks.asked] == [7, 9]


def test_a_replica_that_does_not_lead_asks_nobody() -> None:
    webhooks, leads = FakeWebhooks([HOLD]), [True]

    async def story(hooks: Hooks) -> None:
        hooks.leads = lambda _: leads[0]
        hooks.heard("shop/shop", ASKED)
        await asyncio.sleep(1)
        leads[0] = False
        await asyncio.sleep(60)
        leads[0] = True
        hooks.heard("shop/shop", ASKED)
        await asyncio.sleep(1)

    played(story, webhooks)
    assert [at for at, _ in webhooks.asked] == [0, 61]


def said_at_once(webhooks: FakeWebhooks | None, *objs: Json) -> HookAnswer:
    async def story(hooks: Hooks) -> HookAnswer | None:
        hooks.heard("shop/shop", ASKED)
        await asyncio.sleep(0.1)
        return hooks.heard("shop/shop", ASKED)

    found = played(story, webhooks, *objs)[0]
    assert isinstance(found, HookAnswer)
    return found


def test_the_key_is_the_secret_of_the_rollouts_own_namespace_byte_by_byte() -> None:
    webhooks = FakeWebhooks([OPEN])
    assert said_at_once(webhooks).verdict is OPEN
    assert webhooks.entries == {"key": b"\xffkey"}


@pytest.mark.parametrize(
    ("webhooks", "objs", "because"),
    [
        (None, (), "we ask none"),
        (FakeWebhooks([OPEN]), (secret("other"),), "secret qa is missing"),
        (FakeWebhooks([OPEN]), (secret(namespace="kube-system"),), "secret qa is missing"),
        (FakeWebhooks([OPEN]), ({**secret(), "data": {"key": "%"}},), "secret qa cannot be read"),
        (FakeWebhooks([RefusedError("it redirects")]), (), "it redirects"),
        (FakeWebhooks([ValueError("x")]), (), "a bug of ours (ValueError)"),
    ],
)
def test_whatever_goes_wrong_is_silence(
    webhooks: FakeWebhooks | None, objs: tuple[Json, ...], because: str
) -> None:
    found = said_at_once(webhooks, *objs)
    assert (found.verdict, found.because) == (SILENT, because)
    assert webhooks is None or not webhooks.asked or not objs


@dataclass
class LateKube(FakeKube):
    """Has listed nothing at first."""

    early: int = 3

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        self.early -= 1
        if self.early >= 0:
            raise OutsideError("secret: not listed yet; the next look sees more")
        return super().get(kind, namespace, name)


@pytest.mark.parametrize(("early", "told"), [(3, "as told"), (99, "secret: not listed yet")])
def test_the_beginning_of_a_watch_is_no_gates_trouble_and_a_dead_one_is(
    early: int, told: str
) -> None:
    async def story() -> HookAnswer | None:
        kube = LateKube(early=early)
        kube.put(secret())
        hooks = Hooks(FakeWebhooks([OPEN]), kube, virtual.clock, lambda _: None)
        hooks.heard("shop/shop", ASKED)
        await asyncio.sleep(6)
        found = hooks.heard("shop/shop", ASKED)
        await hooks.stop()
        return found

    found = virtual.run(story())
    assert found is not None
    assert found.because.startswith(told)


HOOKED = {
    "canary": {
        "steps": [
            {
                "weight": 5,
                "bake": "1m",
                "webhook": {"name": "qa", "url": "https://qa/", "secretRef": {"name": "qa"}},
            },
            {"weight": 50, "bake": "1m"},
        ]
    }
}


def journey(story: Callable[[Shop], Awaitable[None]], webhooks: FakeWebhooks) -> Shop:
    """A pushed v2 whose first step has an HTTP gate."""

    async def whole() -> Shop:
        shop = Shop(webhooks=webhooks)
        shop.kube.put(a_rollout(strategy=HOOKED), secret())
        async with shop.controller():
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
            await story(shop)
        return shop

    return virtual.run(whole())


def test_a_gate_that_hangs_does_not_delay_the_way_back() -> None:
    async def story(shop: Shop) -> None:
        await asyncio.sleep(20)
        shop.metrics.value = 7
        await shop.comes(lambda: shop.weights() == {"stable": 100}, 16)

    webhooks = FakeWebhooks([OPEN], slow=10_000)
    shop = journey(story, webhooks)
    assert len(webhooks.asked) == 1
    assert shop.status()["phase"] in ("RollingBack", "Degraded")


def test_an_open_gate_lets_the_journey_go_on_at_once() -> None:
    async def story(shop: Shop) -> None:
        await asyncio.sleep(150)
        assert shop.weights() == {"stable": 95, "canary": 5}
        assert shop.status()["because"] == "webhook qa holds: as told"
        webhooks.says = [OPEN]
        await shop.comes(lambda: shop.weights() == {"stable": 50, "canary": 50}, 16)
        await shop.comes(shop.rests_on_v2)

    webhooks = FakeWebhooks([HOLD])
    journey(story, webhooks)
    assert len({one.nonce for _, one in webhooks.asked}) == 1


def test_a_restart_asks_the_very_same_question() -> None:
    async def whole() -> None:
        shop = Shop(webhooks=webhooks)
        shop.kube.put(a_rollout(strategy=HOOKED), secret())
        for _ in range(2):
            async with shop.controller():
                await shop.until("Healthy" if not webhooks.asked else "Progressing")
                await shop.push("v2")
                await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
                await asyncio.sleep(5)

    webhooks = FakeWebhooks([HOLD])
    virtual.run(whole())
    assert len(webhooks.asked) >= 2
    assert len({one.nonce for _, one in webhooks.asked}) == 1
