from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.controller.keeping.finalizer import FINALIZER
from rollout.controller.keeping.store import Held, Store, worth_saving
from rollout.errors import ConflictError, ManifestError, OutsideError
from rollout.model.reasons import WaitsFor
from rollout.model.status import ConfirmedBy, Outcome, Revision, RolloutStatus, Verdict
from tests import make
from tests.controller.shop import NAMESPACE, a_rollout
from tests.fakes import FakeKube
from tests.make import MINUTE, START

KEY = f"{NAMESPACE}/shop"


def world() -> tuple[FakeKube, Store, Held]:
    kube = FakeKube()
    kube.put(a_rollout())
    store = Store(kube)
    return kube, store, held(store)


def held(store: Store) -> Held:
    found = store.load(KEY)
    assert found is not None
    return found


def gathered(status: RolloutStatus, text: str = "fine") -> RolloutStatus:
    return make.changed(
        status, verdicts=(Verdict("errors", Outcome.PASS, text),), checkpoint={"n": 1}
    )


async def test_what_was_saved_is_read_back_also_by_another_process() -> None:
    kube, store, before = world()
    status = replace(before.status, because="v1 has everyone", epoch=1)
    await store.save(before, status, START)
    assert held(store).status == held(Store(kube)).status == status


async def test_nothing_new_is_not_written() -> None:
    kube, store, before = world()
    after = await store.save(before, before.status, START)
    assert (after, kube.writes) == (before, [])


async def test_what_was_only_gathered_is_kept_in_memory_and_written_once_a_minute() -> None:
    kube, store, _ = world()
    for second in range(0, 130, 10):
        status = gathered(held(store).status, f"look {second}")
        await store.save(held(store), status, START + timedelta(seconds=second))
    assert held(store).status.attempt.verdicts[0].text == "look 120"
    assert kube.writes == ["patch Rollout shop status"] * 2


async def test_what_was_forgotten_since_it_was_read_is_not_saved() -> None:
    """Another replica may have led meanwhile, and written what we do not know."""
    kube, store, before = world()
    store.forget(lambda key: key == KEY)
    with pytest.raises(ConflictError, match="somebody wrote it meanwhile"):
        await store.save(before, replace(before.status, epoch=1), START)
    assert kube.writes == []


async def test_what_is_forgotten_while_it_is_written_is_written_and_read_again() -> None:
    """The Lease was lost and won anew in the time of one request."""
    kube, store, before = world()
    status = replace(before.status, because="v1 has everyone", epoch=1)
    kube.before = lambda _: store.forget(lambda key: key == KEY)
    after = await store.save(before, status, START)
    assert (after.status, held(store).status) == (status, status)
    assert (await store.add_finalizer(held(store), START)).finalized


async def test_what_is_not_of_the_shard_is_not_forgotten() -> None:
    kube, store, before = world()
    await store.save(before, gathered(before.status), START)
    store.forget(lambda key: key == "another/shop")
    assert held(store).status == gathered(before.status)
    assert kube.writes == []


async def test_who_is_asked_hears_of_it_at_once_also_if_somebody_wrote_at_that_moment() -> None:
    kube, store, before = world()
    await store.save(before, gathered(before.status), START)
    others = ["note"]

    def wrote(_: object) -> None:
        if others:
            obj = kube.get("Rollout", NAMESPACE, "shop")
            assert obj is not None
            meta = {**obj["metadata"], "annotations": {"note": others.pop()}}
            kube.put({**obj, "metadata": meta})

    kube.before = wrote
    asks = replace(held(store).status, because="waiting", waits_for=WaitsFor.APPROVAL)
    with pytest.raises(ConflictError):
        await store.save(held(store), asks, START)
    await store.save(held(store), asks, START)
    assert held(Store(kube)).status.waits_for is WaitsFor.APPROVAL


async def test_a_new_sentence_is_written_at_once_and_then_once_a_minute() -> None:
    kube, store, _ = world()
    for second in range(0, 130, 10):
        status = replace(held(store).status, because=f"{'abc'[second % 3]}: {second} requests")
        await store.save(held(store), status, START + timedelta(seconds=second))
    assert len(kube.writes) == 3
    assert store.unsaid(KEY, START + timedelta(seconds=130)) is None


async def test_a_gate_that_turns_blind_is_told_at_once_and_flapping_once_a_minute() -> None:
    kube, store, _ = world()
    for second in range(0, 130, 5):
        blind = second % 10 == 5
        outcome = Outcome.ERROR if blind else Outcome.INCONCLUSIVE
        told = "no answer" if blind else "baking for 5m"
        status = make.changed(
            held(store).status, verdicts=(Verdict("errors", outcome, told),), because=told
        )
        await store.save(held(store), status, START + timedelta(seconds=second))
        if second == 5:
            assert held(Store(kube)).status.because == "no answer"
    assert len(kube.writes) <= 3 * 2  # of three begun minutes


async def test_another_trouble_and_one_after_an_edit_are_told_at_once() -> None:
    kube, store, before = world()

    async def save(second: int, trouble: str, generation: int) -> str:
        verdicts = (Verdict("webhook qa", Outcome.ERROR, trouble),)
        status = make.changed(
            before.status, verdicts=verdicts, because="baking", observed_generation=generation
        )
        await store.save(held(store), status, START + timedelta(seconds=second))
        return held(Store(kube)).status.attempt.verdicts[0].text

    assert await save(0, "secret qa is missing", 0) == "secret qa is missing"
    assert await save(5, "it answers 401", 0) == "it answers 401"
    assert await save(10, "it redirects", 0) == "it answers 401"
    assert await save(15, "it redirects", 1) == "it redirects"
    assert await save(17, "it is slow", 1) == "it is slow"


async def test_people_who_are_asked_hear_of_it_at_once() -> None:
    kube, store, before = world()
    told = ("baking for 5m", WaitsFor.BAKE), ("waiting for approval: 0 of 1", WaitsFor.APPROVAL)
    for second, (because, waits_for) in enumerate(told):
        status = replace(before.status, because=because, waits_for=waits_for)
        before = await store.save(before, status, START + timedelta(seconds=second))
    assert held(Store(kube)).status.because == "waiting for approval: 0 of 1"


async def test_a_countdown_is_no_new_sentence() -> None:
    kube, store, before = world()
    before = await store.save(before, replace(before.status, because="~3,500 more"), START)
    await store.save(before, replace(before.status, because="~920 more"), START)
    assert (len(kube.writes), store.unsaid(KEY, START)) == (1, None)


async def test_a_trouble_that_counts_its_seconds_is_written_once_a_minute() -> None:
    kube, store, _ = world()
    for second in range(120):
        because = f"virtualservice: nothing heard for {second} s"
        status = replace(held(store).status, because=because)
        await store.save(held(store), status, START + timedelta(seconds=second), at_once=True)
    assert kube.writes == ["patch Rollout shop status"] * 2


async def test_a_sentence_that_waits_is_said_within_the_minute() -> None:
    _, store, before = world()
    before = await store.save(before, replace(before.status, because="first"), START)
    await store.save(before, replace(before.status, because="second"), START)
    assert store.unsaid(KEY, START + timedelta(seconds=20)) == timedelta(seconds=40)


async def test_what_follows_a_request_is_written_at_once_for_whoever_asked() -> None:
    kube, store, before = world()
    before = await store.save(before, replace(before.status, because="paused by ann"), START)
    resumed = replace(before.status, because="resumed by ann", last_handled_request="resume@1")
    after = await store.save(before, resumed, START)
    await store.save(after, replace(after.status, because="baking for 5m"), START)
    assert held(Store(kube)).status.because == "baking for 5m"


def at_proxies(store: Store, second: int) -> RolloutStatus:
    """The status once the proxies have what was asked of them at ``second``."""
    at = START + timedelta(seconds=second)
    return make.changed(
        held(store).status, asked_at=at, confirmed_at=at, confirmed_by=ConfirmedBy.SYNCZ
    )


async def stood(store: Store, second: int) -> None:
    """A step begins, and its route is at the proxies in the same second."""
    at = START + timedelta(seconds=second)
    status = make.changed(held(store).status, asked_at=at, confirmed_at=None, confirmed_by=None)
    await store.save(held(store), replace(status, epoch=status.epoch + 1), at)
    await store.save(held(store), at_proxies(store, second), at)


async def test_the_proxies_confirmation_is_written_at_once_however_short_the_step() -> None:
    kube, store, _ = world()
    for second in range(0, 10, 2):
        await stood(store, second)
        assert held(Store(kube)).status == held(store).status
    assert kube.writes == ["patch Rollout shop status"] * 10


async def test_what_takes_a_confirmation_back_is_written_at_once() -> None:
    kube, store, _ = world()
    await stood(store, 0)
    status = make.changed(held(store).status, confirmed_at=None, confirmed_by=None)
    await store.save(held(store), status, START)
    assert held(Store(kube)).status == status


async def test_what_was_gathered_goes_with_the_next_write_that_matters() -> None:
    kube, store, before = world()
    await store.save(before, gathered(before.status), START)
    status = replace(held(store).status, epoch=7)
    await store.save(held(store), status, START)
    assert held(Store(kube)).status == status
    assert len(kube.writes) == 1


async def test_an_unwritten_status_survives_a_new_spec_and_not_a_foreign_status() -> None:
    kube, store, before = world()
    await store.save(before, gathered(before.status), START)
    kube.put(
        {**kube.objects["Rollout", NAMESPACE, "shop"], "spec": a_rollout(revision="v2")["spec"]}
    )
    assert held(store).status.attempt.checkpoint == {"n": 1}
    op = {"op": "add", "path": "/status", "value": {"because": "somebody else's"}}
    await kube.patch("Rollout", NAMESPACE, "shop", [op], "status")
    assert held(store).status == RolloutStatus(because="somebody else's")


async def test_an_epoch_never_falls_whatever_somebody_wrote_over_a_status() -> None:
    kube, store, before = world()
    await store.save(before, replace(before.status, epoch=7), START)
    await kube.patch(
        "Rollout", NAMESPACE, "shop", [{"op": "replace", "path": "/status", "value": {}}], "status"
    )
    assert held(store).status == RolloutStatus(epoch=7)
    await kube.delete("Rollout", NAMESPACE, "shop")
    kube.put(a_rollout())
    assert held(store).status == RolloutStatus()


async def test_who_wrote_second_does_nothing() -> None:
    kube, store, before = world()
    other = Store(kube)
    await other.save(held(other), replace(before.status, epoch=1), START)
    with pytest.raises(ConflictError):
        await store.save(before, replace(before.status, epoch=2), START)
    assert held(store).status.epoch == 1


async def test_a_namesake_that_was_made_anew_remembers_nothing() -> None:
    kube, store, before = world()
    await store.save(before, gathered(before.status), START)
    await kube.delete("Rollout", NAMESPACE, "shop")
    kube.put(a_rollout())
    assert held(store).status == RolloutStatus()


async def test_our_finalizer_is_added_beside_others_and_taken_alone() -> None:
    kube, store, _ = world()
    obj = kube.objects["Rollout", NAMESPACE, "shop"]
    kube.put({**obj, "metadata": {**obj["metadata"], "finalizers": ["theirs"]}})
    after = await store.add_finalizer(held(store), START)
    assert after.finalized
    assert await store.add_finalizer(after, START) is after
    await store.remove_finalizer(after)
    assert kube.objects["Rollout", NAMESPACE, "shop"]["metadata"]["finalizers"] == ["theirs"]
    assert FINALIZER not in str(kube.objects)


async def test_a_spec_that_cannot_be_read_is_the_last_good_one_with_the_reason() -> None:
    kube, store, before = world()
    broken = {**a_rollout()["spec"], "strategy": {}}
    kube.put({**kube.objects["Rollout", NAMESPACE, "shop"], "spec": broken})
    after = held(store)
    assert after.rollout.spec == before.rollout.spec
    assert "names 0 strategies" in after.problem
    with pytest.raises(ManifestError, match="rollout shop/shop: "):
        held(Store(kube))


async def test_a_cache_that_cannot_be_read_is_not_an_absent_rollout() -> None:
    class Deaf(FakeKube):
        def get(self, kind: str, namespace: str, name: str) -> None:
            raise OutsideError("rollout: not listed yet")

    with pytest.raises(OutsideError):
        Store(Deaf()).load(KEY)
    assert Store(FakeKube()).load(KEY) is None


@pytest.mark.parametrize(
    ("change", "worth"),
    [
        ({"verdicts": (Verdict("errors", Outcome.FAIL, "x"),)}, False),
        ({"checkpoint": {"a": 1}}, False),
        ({"warnings": ("ROL-001: x",)}, False),
        ({"because": "x"}, False),
        ({"confirmed_at": START + MINUTE, "confirmed_by": ConfirmedBy.SYNCZ}, False),
        ({"asked_at": START, "confirmed_at": START + MINUTE}, True),
        ({"epoch": 1, "checkpoint": {"a": 1}}, True),
        ({}, False),
    ],
)
def test_only_what_cannot_be_gathered_again_is_worth_a_write(
    change: dict[str, object], worth: bool
) -> None:
    old = RolloutStatus()
    assert worth_saving(old, make.changed(old, **change)) is worth


FORMER = {"phase": "Healthy", "stage": "Idle", "stable": {"name": "v1"}, "attempt": 3, "epoch": 7}


async def test_a_status_of_the_former_shape_is_written_in_todays_at_the_first_look() -> None:
    kube, store, before = world()
    kube.put({**kube.objects["Rollout", NAMESPACE, "shop"], "status": FORMER})
    before = held(store)
    assert (before.status.stable, before.status.attempt.number) == (Revision("v1"), 3)
    await store.save(before, before.status, START)
    status = kube.objects["Rollout", NAMESPACE, "shop"]["status"]
    assert (status["stage"]["name"], status["attempt"]) == ("Idle", {"number": 3})


async def test_the_finalizer_comes_after_a_status_that_the_api_server_would_refuse() -> None:
    kube, store, _ = world()
    kube.put({**kube.objects["Rollout", NAMESPACE, "shop"], "status": FORMER})
    after = await store.add_finalizer(held(store), START)
    assert (after.finalized, after.obj["status"]["stage"]["name"]) == (True, "Idle")
    assert len(kube.writes) == 2


async def test_what_is_no_request_is_read_and_forgotten_though_the_spec_stays() -> None:
    kube, store, before = world()
    texts = ("frobnicate@1", "", "abort@2")
    heard = []
    for text in texts:
        meta = {**before.obj["metadata"], "annotations": {"rollout.dev/request": text}}
        kube.put({**before.obj, "metadata": meta})
        read = held(store).rollout
        heard.append((read.misread, read.request.text if read.request else ""))
    assert heard == [("frobnicate@1", ""), ("", ""), ("", "abort@2")]


async def test_there_is_news_after_more_than_gathering_and_after_others_wrote() -> None:
    kube, store, before = world()
    assert not store.news(KEY)
    moved = replace(before.status, because="v1 has everyone", epoch=1)
    await store.save(before, moved, START)
    assert store.news(KEY)
    await store.save(held(store), gathered(moved), START + MINUTE)
    writes = len(kube.writes)
    await store.save(held(store), gathered(moved, "still"), START + 3 * MINUTE)
    assert (len(kube.writes), store.news(KEY)) == (writes + 1, False)
    kube.put({**held(store).obj, "metadata": {**held(store).obj["metadata"], "labels": {"a": "b"}}})
    assert store.news(KEY)
    kube.hidden["Rollout"] = "rollout: not listed"
    assert store.news(KEY)
    assert Store(FakeKube()).news(KEY)


async def test_a_sentence_saved_after_what_moved_keeps_the_news() -> None:
    _, store, before = world()
    moved = replace(before.status, epoch=1)
    after = await store.save(before, replace(moved, because="not yet"), START)
    await store.save(after, moved, START, at_once=True)
    assert store.news(KEY)


async def test_whoever_was_told_something_since_its_last_look_comes_first() -> None:
    kube = FakeKube()
    for name in ("a", "b", "c", "d"):
        kube.put(a_rollout(name))
        made = kube.objects["Rollout", NAMESPACE, name]
        kube.put({**made, "status": {"observedGeneration": 1, "stage": {"name": "Stepping"}}})
    reverted, asked = (kube.objects["Rollout", NAMESPACE, name] for name in "cd")
    kube.put({**reverted, "spec": {**reverted["spec"], "revision": "v0"}})
    noted = {"annotations": {"rollout.dev/request": "abort"}}
    kube.put({**asked, "metadata": {**asked["metadata"], **noted}})
    under_way, at_rest = Store(kube).rollouts()
    assert (under_way, at_rest) == ([f"{NAMESPACE}/{name}" for name in "cdab"], [])
