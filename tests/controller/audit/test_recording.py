"""Each act once: with a log that fails, a process that dies, a replica that does not lead."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from rollout.audit.book import Marks
from rollout.controller.audit import recording as recording_module
from rollout.controller.audit.recording import PARTING, NoLog, Recording
from rollout.controller.instruments import Instruments
from rollout.controller.keeping.changing import changed
from rollout.controller.keeping.store import Store
from rollout.manifest import record
from rollout.model.audit import Act, Proof, Record
from rollout.model.status import Answer, Entry, RefusedRequest, RolloutStatus, Stage
from rollout.reconcile import requests
from tests import make, virtual
from tests.controller.shop import a_rollout
from tests.fakes import FakeKube
from tests.fakes_audit import FakeLog


def entry(epoch: int, **changes: object) -> Entry:
    plain = {"at": virtual.clock(), "stage": Stage.STEPPING, "split": "95/5", "because": "so"}
    return Entry(f"1.{epoch}", **{**plain, **changes})  # type: ignore[arg-type]


def decided(kube: FakeKube, *entries: Entry) -> None:
    """The status of shop/shop has these decisions."""
    plain = record.rollout_json(RolloutStatus(history=entries), {}, virtual.clock())
    kube.put({**a_rollout(), "status": plain})


def a_recording(kube: FakeKube, log: FakeLog | NoLog) -> Recording:
    made = Recording(kube, log, virtual.clock, Instruments(), "c1")
    kube.listen(made.changed)
    return made


async def ran(recording: Recording, seconds: float = 2) -> None:
    """It runs for so long, and is then killed."""
    task = asyncio.create_task(recording.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def events(kube: FakeKube) -> list[str]:
    return [str(obj["reason"]) for obj in kube.list("Event")]


def test_what_is_decided_is_recorded_once_and_in_order() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        decided(kube, entry(1))
        task = asyncio.create_task(ran(a_recording(kube, log), 5))
        await asyncio.sleep(1)
        decided(kube, entry(1), entry(2))
        decided(kube, entry(1), entry(2), entry(3))
        await task
        assert log.ids == ["1.1", "1.2", "1.3"]

    virtual.run(story())


def test_what_a_crash_kept_from_the_log_is_told_by_the_next_process_and_nothing_twice() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        decided(kube, entry(1), entry(2))
        log.full = True
        await ran(a_recording(kube, log))
        log.full = False
        decided(kube, entry(1), entry(2), entry(3))
        await ran(a_recording(kube, log))
        await ran(a_recording(kube, log))
        assert log.ids == ["1.1", "1.2", "1.3"]

    virtual.run(story())


def test_what_is_to_go_stays_until_its_line_is_written_also_where_no_log_is_open_yet() -> None:
    """So whoever is killed before it has not let it go, and the next process reads it."""

    async def story() -> None:
        kube, log, leads = FakeKube(), FakeLog(), [False]
        recording = a_recording(kube, log)
        recording.leading = lambda: leads[0]
        task = asyncio.create_task(ran(recording, 5))
        await asyncio.sleep(0.5)
        decided(kube, entry(1))
        parting = asyncio.create_task(recording.recorded(kube.get("Rollout", "shop", "shop") or {}))
        await asyncio.sleep(1)
        assert (parting.done(), log.ids) == (False, [])
        leads[0] = True
        await parting
        assert log.ids == ["1.1"]
        await kube.delete("Rollout", "shop", "shop")
        await task
        assert log.ids == ["1.1"]
        assert events(kube) == []

    virtual.run(story())


def test_a_log_that_takes_nothing_keeps_no_object_for_long() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        log.full = True
        decided(kube, entry(1))
        recording = a_recording(kube, log)
        task = asyncio.create_task(ran(recording, 4 * PARTING))
        began = virtual.passed()
        await recording.recorded(kube.get("Rollout", "shop", "shop") or {})
        assert virtual.passed() - began == PARTING
        await kube.delete("Rollout", "shop", "shop")
        log.full = False
        await task
        assert log.ids == ["1.1"]

    virtual.run(story())


def test_what_went_while_the_log_took_nothing_is_told_once_however_often_it_is_opened() -> None:
    class Rotated(FakeLog):
        """Its newest file begins without what is gone, and has nothing more."""

        async def open(self) -> Marks | None:
            return Marks() if self.told else await super().open()

    async def story() -> None:
        kube, log, leads = FakeKube(), Rotated(), [True]
        decided(kube, entry(1))
        recording = a_recording(kube, log)
        recording.leading = lambda: leads[0]
        task = asyncio.create_task(ran(recording, 4 * PARTING))
        await asyncio.sleep(1)
        log.told.clear()
        log.full = True
        decided(kube, entry(1), entry(2))
        await recording.recorded(kube.get("Rollout", "shop", "shop") or {})
        await kube.delete("Rollout", "shop", "shop")
        log.full = False
        await asyncio.sleep(20)
        assert log.ids == ["1.2"]
        leads[0] = False
        await asyncio.sleep(2)
        leads[0] = True
        await task
        assert log.ids == ["1.2"]

    virtual.run(story())


def test_what_had_its_time_does_not_wait_again() -> None:
    """Whoever writes it again and again would keep it for ever."""

    async def story() -> None:
        kube, log = FakeKube(), FakeLog(full=True)
        decided(kube, entry(1))
        recording = a_recording(kube, log)
        task = asyncio.create_task(ran(recording, 4 * PARTING))
        began = virtual.passed()
        for _ in range(3):
            await recording.recorded(kube.get("Rollout", "shop", "shop") or {})
        assert virtual.passed() - began == PARTING
        await task

    virtual.run(story())


def test_what_had_no_room_among_those_that_wait_is_told_though_it_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording_module, "MOST", 1)

    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        recording = a_recording(kube, log)
        task = asyncio.create_task(ran(recording, 4 * PARTING))
        await asyncio.sleep(1)
        log.full = True
        await recording.refused(a_refusal())
        decided(kube, entry(1), entry(2))
        await recording.recorded(kube.get("Rollout", "shop", "shop") or {})
        await kube.delete("Rollout", "shop", "shop")
        log.full = False
        await task
        assert log.ids == ["once", "1.1", "1.2"]

    virtual.run(story())


def test_a_full_disk_is_said_stops_nothing_and_loses_nothing() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        decided(kube, entry(1))
        recording = a_recording(kube, log)
        task = asyncio.create_task(ran(recording, 120))
        await asyncio.sleep(1)
        log.full = True
        decided(kube, entry(1), entry(2))
        await recording.refused(a_refusal())
        await asyncio.sleep(5)
        assert recording.trouble == "audit log /a: No space left on device"
        assert "rollout_audit_waiting 2.0" in recording.metrics.text()
        log.full = False
        await task
        assert recording.trouble == ""
        assert "rollout_audit_waiting 0.0" in recording.metrics.text()
        assert log.ids == ["1.1", "1.2", "once"]

    virtual.run(story())


def a_refusal() -> Record:
    return Record(
        *("slack.once", virtual.clock(), Act.REFUSAL, "Rollout", "shop/shop", "u", Proof.SLACK),
        because="shop/shop: you are not on the list of those who may answer",
        who="slack:UEVE",
    )


def test_a_refusal_at_a_door_is_in_the_log_before_anybody_is_told_and_once() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        recording = a_recording(kube, log)
        task = asyncio.create_task(ran(recording, 5))
        await asyncio.sleep(0.5)
        await recording.refused(a_refusal())
        assert log.ids == ["once"]
        await recording.refused(a_refusal())
        await task
        await ran(a_recording(kube, log))
        assert log.ids == ["once"]
        assert events(kube) == ["Refused"]

    virtual.run(story())


def test_what_people_said_is_an_event_and_what_they_asked_has_one_already() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        decided(
            kube,
            entry(1),
            entry(2, by="slack:U1", request="approve"),
            entry(3, by="slack:U2", request="reject", evidence="reason: slow"),
            entry(4, by="slack:U2", request="abort@1"),
            entry(5, by="kubernetes", request="retry@3"),
        )
        await ran(a_recording(kube, log))
        assert [(one.act, one.proof, one.who) for one in log.told] == [
            (Act.DECISION, Proof.CONTROLLER, ""),
            (Act.APPROVAL, Proof.SLACK, "slack:U1"),
            (Act.REJECTION, Proof.SLACK, "slack:U2"),
            (Act.REQUEST, Proof.SLACK, "slack:U2"),
            (Act.REQUEST, Proof.KUBERNETES, ""),
        ]
        assert sorted(events(kube)) == ["Approved", "Rejected", "Retried"]

    virtual.run(story())


def test_a_request_that_was_not_done_is_recorded_once_though_it_is_no_decision() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        not_done = RefusedRequest("skip@2", "kubernetes", virtual.clock(), "nothing to skip")
        status = RolloutStatus(history=(entry(1),), refused_requests=(not_done,))
        kube.put({**a_rollout(), "status": record.rollout_json(status, {}, virtual.clock())})
        await ran(a_recording(kube, log))
        await ran(a_recording(kube, log))
        assert [(one.act, one.proof, one.request) for one in log.told] == [
            (Act.DECISION, Proof.CONTROLLER, ""),
            (Act.REFUSAL, Proof.KUBERNETES, "skip@2"),
        ]
        assert events(kube) == ["Refused"]

    virtual.run(story())


def test_an_annotation_has_its_field_manager_beside_it_and_nobody_s_name() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        decided(kube, entry(1, by="kubernetes", request="abort@7"))
        obj = kube.objects["Rollout", "shop", "shop"]
        noted: Any = {"f:metadata": {"f:annotations": {"f:rollout.dev/request": {}}}}
        managed = [{"manager": "rollout"}, {"manager": "kubectl-annotate", "fieldsV1": noted}]
        meta = {**obj["metadata"], "managedFields": managed}
        kube.put({**obj, "metadata": {**meta, "annotations": {"rollout.dev/request": "abort@7"}}})
        await ran(a_recording(kube, log))
        assert (log.told[0].who, log.told[0].claimed) == ("", "field manager kubectl-annotate")

    virtual.run(story())


def test_a_replica_that_does_not_lead_records_nothing_and_begins_where_the_other_ended() -> None:
    async def story() -> None:
        kube, log, leads = FakeKube(), FakeLog(), [False]
        decided(kube, entry(1))
        second = a_recording(kube, log)
        second.leading = lambda: leads[0]
        task = asyncio.create_task(ran(second, 20))
        await ran(a_recording(kube, log))
        decided(kube, entry(1), entry(2))
        assert log.ids == ["1.1"]
        leads[0] = True
        await task
        assert log.ids == ["1.1", "1.2"]

    virtual.run(story())


def test_without_a_log_only_what_is_new_becomes_an_event() -> None:
    async def story() -> None:
        kube = FakeKube()
        old = virtual.clock() - timedelta(hours=2)
        decided(
            kube,
            entry(1, at=old, by="slack:U1", request="approve"),
            entry(2, by="slack:U2", request="approve"),
        )
        await ran(a_recording(kube, NoLog()))
        assert [obj["message"] for obj in kube.list("Event")] == ["so"]

    virtual.run(story())


def test_a_source_is_recorded_when_it_comes_to_something_else() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        meta = {"namespace": "shop", "name": "git"}
        obj = {"kind": "RolloutSource", "metadata": meta, "spec": {"verify": ["team"]}}
        task = asyncio.create_task(ran(a_recording(kube, log), 10))
        await asyncio.sleep(1)
        taken = {
            "commit": "c1",
            "author": "ann@x.org",
            "because": "1 manifest is in force",
            "signature": {"key": "SHA256:abc", "signer": "ann@acme"},
        }
        kube.put({**obj, "status": taken})
        kube.put({**obj, "status": taken | {"conditions": []}})
        kube.put({**obj, "status": taken | {"held": "c2", "because": "goes back"}})
        await task
        assert [(one.commit, one.stage, one.proof, one.who, one.claimed) for one in log.told] == [
            ("c1", "Applied", Proof.SIGNATURE, "ann@acme (SHA256:abc)", "author ann@x.org"),
            ("c2", "Held", Proof.ACCESS, "", ""),
        ]
        assert log.told[0].evidence == "ann@acme (SHA256:abc) is on the list of team"
        await ran(a_recording(kube, log))
        assert len(log.told) == 2

    virtual.run(story())


def test_a_status_that_cannot_be_read_is_recorded_once_it_can() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        kube.put({**a_rollout(), "status": {"stage": {"name": "Nowhere"}}})
        task = asyncio.create_task(ran(a_recording(kube, log), 10))
        await asyncio.sleep(1)
        decided(kube, entry(1))
        await task
        assert log.ids == ["1.1"]

    virtual.run(story())


def test_an_answer_in_chat_is_one_record_with_what_let_it_in() -> None:
    async def story() -> None:
        kube, log = FakeKube(), FakeLog()
        kube.put({**a_rollout(), "status": record.rollout_json(make.at_step(), {}, make.START)})
        told = Answer(True, virtual.clock(), 0, 1, "S0OPS", "dev@x.org", who="slack:U1")
        task = asyncio.create_task(ran(a_recording(kube, log), 10))
        await asyncio.sleep(1)
        change = lambda status: requests.answered_in_chat(status, told)  # noqa: E731
        await changed(Store(kube), "shop/shop", change, told.at)
        await task
        assert [(one.act, one.evidence) for one in log.told] == [
            (Act.APPROVAL, "on the list as S0OPS; told apart from dev@x.org")
        ]

    virtual.run(story())
