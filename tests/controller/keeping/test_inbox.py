from typing import Any

import pytest

from rollout.controller.keeping import inbox
from rollout.controller.keeping.inbox import Inbox
from rollout.errors import ConflictError, RefusedError
from rollout.manifest import objects
from rollout.model.reasons import Verb
from rollout.model.spec import Request
from rollout.model.status import Answer
from tests import make
from tests.fakes import FakeKube


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
    text = await inbox.ask(kube, "shop", "shop", Verb.PAUSE)
    assert annotations(kube) == {"note": "mine", objects.REQUEST: text}


async def test_an_object_that_never_stands_still_is_told_of() -> None:
    kube = cluster()
    kube.before = lambda _: noted(kube, "again")
    with pytest.raises(ConflictError, match="shop/shop: it keeps changing; ask once more"):
        await inbox.ask(kube, "shop", "shop", Verb.PAUSE)


async def test_nothing_is_asked_of_a_rollout_that_is_not_there() -> None:
    with pytest.raises(RefusedError, match="rollout shop/other: is not there"):
        await inbox.ask(cluster(), "shop", "other", Verb.PAUSE)


async def test_who_asked_is_known_to_the_one_process_that_saw_the_proof() -> None:
    kube = cluster()
    here, elsewhere = Inbox(kube, lambda _: None), Inbox(kube, lambda _: None)
    nonce = await here.ask("shop", "shop", Verb.PAUSE, "U1")
    said = objects.request(annotations(kube)[objects.REQUEST])
    assert (here.signed(said), elsewhere.signed(said)) == (Request(Verb.PAUSE, nonce, "U1"), said)
    assert here.signed(None) is None


def test_answers_of_past_attempts_are_dropped() -> None:
    woken: list[str] = []
    box, shop = Inbox(FakeKube(), woken.append), make.rollout(make.canary_spec())
    past, present = (Answer("ann", True, make.START, 0, attempt) for attempt in (1, 2))
    box.answer(shop.key, past)
    box.answer(shop.key, present)
    assert box.answers(shop, 2) == box.answers(shop, 1) == (present,)
    assert woken == [shop.key, shop.key]
