"""Name servers, asked by the real edge over UDP and TCP, and what the core makes of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.edges.dns import NameServers
from rollout.lab.dns.server import DnsServer
from rollout.lab.dns.zone import Record, Zone
from rollout.model.switching import DnsQuestion, RecordPair, SeenRecords, Served
from rollout.model.switchover import Side
from rollout.model.traffic import Split
from rollout.upgrade.switchover import served
from tests.upgrade.switchover.world import HOST, TARGETS, spec

BLUE, GREEN = TARGETS[Side.BLUE][0], TARGETS[Side.GREEN][0]
TTL = 30


def zone(blue: int, green: int) -> Zone:
    made = Zone("example.com")
    made.change(float("-inf"), records(blue, green))
    return made


def records(blue: int, green: int) -> list[Record]:
    sides = (("blue", blue, BLUE), ("green", green, GREEN))
    return [Record(HOST, "A", name, weight, TTL, (to,)) for name, weight, to in sides]


@asynccontextmanager
async def server(of: Zone) -> AsyncIterator[DnsServer]:
    running = DnsServer(of)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


async def asked(running: DnsServer, times: int, kind: str = "A") -> Served:
    question = DnsQuestion((HOST,), (running.address,), times)
    return (await NameServers().ask(question, {HOST: kind}))[0]


def agrees(answer: Served, before: Split, split: Split) -> str:
    """Empty where the core is sure; else what it says."""
    given = spec(10)
    given = replace(given, dns=replace(given.dns, name_servers=(answer.server,)))
    pair = RecordPair(HOST, "A", "x", split.stable, split.canary, timedelta(seconds=TTL), TARGETS)
    said = served.agreement(given, SeenRecords((pair,)), (answer,), (before, split))
    return "" if said.agrees else said.because


@pytest.mark.parametrize("green", [1, 25, 75, 100])
async def test_the_answers_divide_as_the_weights_do_and_are_believed(green: int) -> None:
    split, before = Split.giving_canary(green), Split(100, 0)
    async with server(zone(100 - green, green)) as running:
        for _ in range(5):  # a chance of one in a thousand, five times
            answer = await asked(running, served.times(before, split))
            if not (why := agrees(answer, before, split)):
                break
    assert why == ""
    assert answer.ttl == timedelta(seconds=TTL)
    assert answer.problem == ""


async def test_a_server_with_the_old_weights_is_not_believed() -> None:
    before, split = Split(90, 10), Split(75, 25)
    async with server(zone(90, 10)) as running:
        answer = await asked(running, served.times(before, split))
    assert agrees(answer, before, split)


async def test_a_stale_server_goes_on_answering_from_its_old_serial() -> None:
    of = zone(100, 0)
    async with server(of) as running:
        running.faults.stale = True
        before = await asked(running, 1)
        of.change(float("-inf"), records(0, 100))
        assert (await asked(running, 60)).answers == {BLUE: 60}
        running.faults.stale = False
        assert (await asked(running, 60)).answers == {GREEN: 60}
    assert before.answers == {BLUE: 1}


async def test_weights_that_are_all_zero_are_all_equal() -> None:
    async with server(zone(0, 0)) as running:
        answer = await asked(running, 400)
    assert 100 < answer.answers[GREEN] < 300


async def test_servfail_is_a_problem_and_costs_one_query() -> None:
    async with server(zone(90, 10)) as running:
        running.faults.servfail = True
        answer = await asked(running, 300)
        assert running.queries == 1
    assert answer.problem == f"it answers SERVFAIL for {HOST}"


async def test_a_cache_is_not_believed() -> None:
    async with server(zone(90, 10)) as running:
        running.faults.cache = True
        answer = await asked(running, 300)
    assert answer.problem.startswith("it has no authority for the name")


async def test_some_lost_packets_are_sent_again() -> None:
    async with server(zone(0, 100)) as running:
        running.faults.loss = 0.02
        answer = await asked(running, 60)
    assert answer.problem == ""
    assert answer.answers[GREEN] >= 54


async def test_answers_that_are_cut_off_are_asked_for_by_tcp() -> None:
    async with server(zone(50, 50)) as running:
        running.faults.truncate = True
        answer = await asked(running, 80)
    assert sum(answer.answers.values()) == 80
    assert set(answer.answers) == {BLUE, GREEN}


async def test_a_name_that_is_not_there_is_said() -> None:
    async with server(Zone("example.com")) as running:
        assert (await asked(running, 60)).problem == f"it answers NXDOMAIN for {HOST}"


async def test_a_server_of_another_zone_refuses() -> None:
    async with server(Zone("example.org")) as running:
        assert (await asked(running, 60)).problem == f"it answers REFUSED for {HOST}"


async def test_an_address_that_answers_nothing_is_no_error_of_ours() -> None:
    async with server(zone(90, 10)) as running:
        where = running.address
    question = DnsQuestion((HOST,), (where, "no-such-host.invalid"), 60)
    silent, unknown = await NameServers().ask(question, {})
    assert silent.problem == "no answer"
    assert unknown.problem == "its address cannot be found"


async def test_a_canonical_name_is_told_as_the_record_has_it() -> None:
    of = Zone("example.com")
    of.change(float("-inf"), [Record(HOST, "CNAME", "green", 1, TTL, ("green.lb.example.net",))])
    async with server(of) as running:
        answer = await asked(running, 3, "CNAME")
    assert answer.answers == {"green.lb.example.net.": 3}
