from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout import requests
from rollout.controller.keeping import asking
from rollout.controller.keeping.inbox import Asker, Sent, of_rollouts
from rollout.controller.keeping.store import Store
from rollout.errors import ConflictError, RefusedError
from rollout.manifest import objects, record
from rollout.model.reasons import Verb
from rollout.model.ref import Ref
from rollout.model.spec import Request
from rollout.model.status import Answer
from tests import make
from tests.controller.shop import a_rollout
from tests.fakes import FakeKube

SHOP = Ref("Rollout", "shop", "shop")


def cluster() -> FakeKube:
    kube = FakeKube()
    kube.put({"kind": "Rollout", "metadata": {"namespace": "shop", "name": "shop"}})
    return kube


def annotations(kube: FakeKube) -> dict[str, Any]:
    obj = kube.get("Rollout", "shop", "shop")
    assert obj is not None
    return dict(obj["metadata"]["annotations"])


def noted(kube: FakeKube, text: str) -> None:
    """Somebody else annotates the object at this very moment."""
    obj = kube.get("Rollout", "shop", "shop")
    assert obj is not None
    kube.put({**obj, "metadata": {**obj["metadata"], "annotations": {"note": text}}})


async def test_two_who_annotate_at_once_do_not_undo_each_other() -> None:
    kube, theirs = cluster(), ["mine"]
    kube.before = lambda _: noted(kube, theirs.pop()) if theirs else None
    text = await asking.ask(kube, "shop", "shop", Verb.PAUSE)
    assert annotations(kube) == {"note": "mine", objects.REQUEST: text}


async def test_an_object_that_never_stands_still_is_told_of() -> None:
    kube = cluster()
    kube.before = lambda _: noted(kube, "again")
    with pytest.raises(ConflictError, match="shop/shop: it keeps changing; ask once more"):
        await asking.ask(kube, "shop", "shop", Verb.PAUSE)


async def test_nothing_is_asked_of_a_rollout_that_is_not_there() -> None:
    with pytest.raises(RefusedError, match="rollout shop/other: is not there"):
        await asking.ask(cluster(), "shop", "other", Verb.PAUSE)


def begun() -> FakeKube:
    """A Rollout at its first step, as the API server has it."""
    kube = FakeKube()
    plain = record.rollout_json(make.at_step(), {}, make.START)
    kube.put({**a_rollout(), "status": plain})
    return kube


def history(kube: FakeKube) -> list[tuple[str, str]]:
    obj = kube.get("Rollout", "shop", "shop")
    assert obj is not None
    return [(e["by"], e["request"]) for e in obj["status"].get("history", ()) if "request" in e]


async def test_who_asked_is_saved_where_only_we_write_and_the_annotation_names_nobody() -> None:
    kube, woken = begun(), list[str]()
    box = of_rollouts(Store(kube), woken.append)
    await box.ask(SHOP, Verb.PAUSE, Sent("slack:U1", "press 1"), make.START)
    obj = kube.get("Rollout", "shop", "shop")
    assert obj is not None
    text = obj["metadata"]["annotations"][objects.REQUEST]
    assert obj["status"]["vouched"] == {"text": text, "who": "slack:U1"}
    assert "U1" not in text
    rollout, status = objects.rollout(obj), record.status(obj)
    vouched = requests.vouched_for(rollout, status).request
    assert vouched == Request(Verb.PAUSE, text.partition("@")[2], "slack:U1")
    other = replace(rollout, request=objects.request("pause@mine"))
    assert requests.vouched_for(other, status) == other


async def test_somebody_who_writes_for_themselves_is_named_before_their_request_is_there() -> None:
    kube, order = begun(), list[str]()

    async def patch(kind: str, namespace: str, name: str, ops: Any) -> Any:
        obj = kube.get(kind, namespace, name)
        assert obj is not None
        order.append(obj["status"]["vouched"]["who"])
        return await kube.patch(kind, namespace, name, ops)

    box = of_rollouts(Store(kube), lambda _: None)
    await box.ask_as(SHOP, Verb.ABORT, Asker("kubernetes:ann", patch), make.START)
    obj = kube.get("Rollout", "shop", "shop")
    assert obj is not None
    rollout, status = objects.rollout(obj), record.status(obj)
    asked = requests.vouched_for(rollout, status).request
    assert asked is not None
    assert (asked.verb, asked.who, order) == (Verb.ABORT, "kubernetes:ann", ["kubernetes:ann"])


async def test_an_answer_is_in_the_status_once_however_often_it_is_said() -> None:
    kube, woken = begun(), list[str]()
    box = of_rollouts(Store(kube), woken.append)
    said = Answer(True, make.START, 0, 1, entry="S0OPS", reason="fine", who="slack:U1")
    await box.answer(SHOP, said, timedelta(hours=4))
    await box.answer(SHOP, said, timedelta(hours=4))
    assert history(kube) == [("slack:U1", "approve")]
    assert woken == ["shop/shop", "shop/shop"]


async def test_an_answer_wins_against_somebody_who_writes_at_the_same_time() -> None:
    kube, others = begun(), ["note"]
    kube.before = lambda _: noted(kube, others.pop()) if others else None
    said = Answer(False, make.START, 0, 1, who="slack:U1")
    await of_rollouts(Store(kube), lambda _: None).answer(SHOP, said, timedelta(hours=4))
    assert history(kube) == [("slack:U1", "reject")]
    assert annotations(kube) == {"note": "note"}


async def test_who_asks_by_annotation_says_who_and_why_beside_it() -> None:
    kube = cluster()
    claim = asking.Claim("ada", "the shop\nis slow")
    text = await asking.ask(kube, "shop", "shop", Verb.ABORT, claim=claim)
    asked = objects.heard({"metadata": {"annotations": annotations(kube)}})["request"]
    assert asked == Request(
        Verb.ABORT, text.partition("@")[2], claimed="ada", reason="the shop is slow"
    )


async def test_a_note_of_another_request_is_nobodys() -> None:
    kube = cluster()
    await asking.ask(kube, "shop", "shop", Verb.ABORT, claim=asking.Claim("ada", "slow"))
    await asking.ask(kube, "shop", "shop", Verb.RETRY)
    asked = objects.heard({"metadata": {"annotations": annotations(kube)}})["request"]
    assert asked is not None
    assert (asked.verb, asked.asker, asked.reason) == (Verb.RETRY, "a person", "")


async def test_an_answer_for_an_object_that_is_deleted_is_none_for_the_next_of_its_name() -> None:
    """Slack is asked between the press and its effect: attempts of the next begin at 1, too."""
    kube = begun()
    obj = kube.get("Rollout", "shop", "shop")
    assert obj is not None
    box = of_rollouts(Store(kube), lambda _: None)
    said = Answer(True, make.START, 0, 1, who="slack:U1")
    with pytest.raises(RefusedError, match="is another one by now"):
        await box.answer(SHOP, said, timedelta(hours=4), "uid-of-another")
    with pytest.raises(RefusedError, match="is another one by now"):
        await box.ask(SHOP, Verb.ABORT, Sent("slack:U1", "press 1", "uid-of-another"), make.START)
    assert history(kube) == []
    await box.answer(SHOP, said, timedelta(hours=4), obj["metadata"]["uid"])
    assert history(kube) == [("slack:U1", "approve")]


async def test_nobody_can_ask_in_the_name_of_somebody_whose_own_request_was_refused() -> None:
    kube = begun()

    async def patch(*_: Any) -> Any:
        raise RefusedError("a policy says no")

    box = of_rollouts(Store(kube), lambda _: None)
    with pytest.raises(RefusedError, match="a policy says no"):
        await box.ask_as(SHOP, Verb.APPROVE, Asker("kubernetes:ann", patch), make.START)
    obj = kube.get("Rollout", "shop", "shop")
    assert obj is not None
    assert record.status(obj).vouched is None


async def test_nor_in_the_name_of_somebody_in_a_chat_whose_request_did_not_come_to_be() -> None:
    kube = begun()
    box = of_rollouts(Store(kube), lambda _: None)
    written = kube.patch

    async def patch(kind: str, namespace: str, name: str, ops: Any, sub: str = "") -> Any:
        if sub != "status":
            raise RefusedError("a policy says no")
        return await written(kind, namespace, name, ops, sub)

    kube.patch = patch  # type: ignore[method-assign,assignment]
    with pytest.raises(RefusedError, match="a policy says no"):
        await box.ask(SHOP, Verb.PAUSE, Sent("slack:U1", "press 1"), make.START)
    obj = kube.get("Rollout", "shop", "shop")
    assert obj is not None
    assert record.status(obj).vouched is None
