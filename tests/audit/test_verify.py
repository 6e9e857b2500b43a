"""SEC-22: what was removed, changed, moved, doubled or put into an audit log is found and named."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.audit import chain
from rollout.audit.chain import Head
from rollout.audit.verify import Fault, verified
from tests.audit.logs import a_file, a_log, a_record, written


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return written(tmp_path_factory.mktemp("audit") / "audit.jsonl", 8)


def fault(lines: list[bytes]) -> tuple[int, Fault] | None:
    broken = verified([a_file(lines)]).broken
    return (broken.line, broken.fault) if broken else None


def test_a_log_as_it_was_written_is_whole_and_says_where_it_ends(log: list[bytes]) -> None:
    verdict = verified([a_file(log)])
    assert (verdict.first, verdict.lines, verdict.broken) == (0, 10, None)
    assert verdict.head == Head(9, json.loads(log[-1])["hash"])


def test_a_line_that_was_edited_is_named(log: list[bytes]) -> None:
    edited = [*log[:4], log[4].replace(b"decision 3", b"decision 4"), *log[5:]]
    assert fault(edited) == (5, Fault.EDITED)


def test_spaces_are_an_edit_too(log: list[bytes]) -> None:
    assert fault([*log[:4], log[4].replace(b'":', b'": ', 1), *log[5:]]) == (5, Fault.EDITED)


def test_an_edit_with_a_new_hash_shows_in_the_next_line(log: list[bytes]) -> None:
    body = {**json.loads(log[4]), "because": "all was well"}
    body["hash"] = chain.hashed({key: body[key] for key in body if key != "hash"})
    forged = chain.canonical(body).encode() + b"\n"
    assert fault([*log[:4], forged, *log[5:]]) == (6, Fault.SPLICED)


def test_lines_that_are_gone_are_counted(log: list[bytes]) -> None:
    verdict = verified([a_file([*log[:4], *log[6:]])])
    assert str(verdict.broken) == ("audit.jsonl:5: missing: numbers 4 to 5 are gone before it")


def test_a_beginning_that_is_gone_is_missed(log: list[bytes]) -> None:
    assert fault(log[1:]) == (1, Fault.MISSING)


def test_lines_in_another_order_and_a_line_twice_are_named(log: list[bytes]) -> None:
    assert fault([*log[:4], log[5], log[4], *log[6:]]) == (5, Fault.REORDERED)
    assert fault([*log[:5], log[4], *log[5:]]) == (6, Fault.REPEATED)


def test_a_line_of_another_log_is_named(log: list[bytes], tmp_path: Path) -> None:
    other = a_log(tmp_path / "other.jsonl", "c2")
    other.open()
    other.append([a_record(number) for number in range(1, 9)])
    foreign = (tmp_path / "other.jsonl").read_bytes().splitlines(keepends=True)
    assert fault([*log[:5], foreign[5], *log[6:]]) == (6, Fault.SPLICED)
    assert fault([*log, foreign[3]]) == (11, Fault.SPLICED)


def test_a_torn_last_line_is_no_edit(log: list[bytes]) -> None:
    assert fault([*log[:-1], log[-1][:40]]) == (10, Fault.TORN)


def test_a_log_that_is_cut_off_is_whole_so_its_head_is_kept_elsewhere(log: list[bytes]) -> None:
    assert fault(log[:-3]) is None
    assert verified([a_file(log[:-3])]).head != verified([a_file(log)]).head


def test_processes_on_one_stdout_each_begin_a_chain(log: list[bytes]) -> None:
    twice = [*log, *log]
    assert fault(twice) == (11, Fault.REPEATED)
    assert verified([a_file(twice)], restarts=True).broken is None


def test_an_empty_log_is_whole() -> None:
    assert verified([a_file([])]) == verified([])


@given(data=st.data())
def test_no_change_of_any_byte_goes_unseen(data: st.DataObject, log: list[bytes]) -> None:
    number = data.draw(st.integers(0, len(log) - 1))
    place = data.draw(st.integers(0, len(log[number]) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != log[number][place]))
    changed = bytearray(log[number])
    changed[place] = other
    raw = b"".join([*log[:number], bytes(changed), *log[number + 1 :]])
    assert fault(raw.splitlines(keepends=True)) is not None


@given(data=st.data())
def test_no_line_can_go_move_or_come_twice_unseen(data: st.DataObject, log: list[bytes]) -> None:
    order = data.draw(st.lists(st.sampled_from(range(len(log))), max_size=12))
    is_prefix = order == list(range(len(order)))
    assert (fault([log[number] for number in order]) is None) == is_prefix


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"seq":true}', '{"seq":1e999}', "[" * 100_000, '{"seq":0,"seq":0}'],
)
def test_whatever_is_no_line_of_ours_is_an_edit_and_no_crash(text: str) -> None:
    assert fault([text.encode() + b"\n"]) == (1, Fault.EDITED)


@pytest.mark.parametrize(
    "change",
    [
        {"act": ["decision"]},
        {"act": None},
        {"seq": True},
        {"seq": "4"},
        {"prev": 7},
        {"prev": None},
    ],
    ids=str,
)
def test_a_line_of_another_shape_is_none_whatever_its_hash(
    log: list[bytes], change: dict[str, object]
) -> None:
    body = {**json.loads(log[4]), **change}
    del body["hash"]
    forged = chain.canonical({**body, "hash": chain.hashed(body)}).encode() + b"\n"
    assert fault([*log[:4], forged, *log[5:]]) == (5, Fault.EDITED)
    assert fault([forged]) == (1, Fault.EDITED)
