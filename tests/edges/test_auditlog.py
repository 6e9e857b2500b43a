"""An audit log on a real disk: crashes, rotation, a full disk, another process, stdout."""

import gzip
import io
import json
import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest

from rollout.audit import chain
from rollout.audit.book import Marks
from rollout.audit.verify import File, verified
from rollout.edges.auditlog import FileLog, StreamLog, lines
from rollout.errors import OutsideError
from rollout.model.audit import Act, Proof
from tests import make
from tests.audit.logs import a_log, a_record, acts, written


def is_whole(*paths: Path) -> bool:
    return verified([File(str(path), list(lines(path))) for path in paths]).broken is None


def test_a_new_log_begins_and_says_who_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    written(path, 2)
    assert acts(path) == ["genesis", "started", "u1.1.1", "u1.1.2"]
    assert is_whole(path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_next_process_knows_what_was_told_and_the_chain_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    written(path, 3)
    log = a_log(path, "c2")
    assert log.open().epochs == {"u1": 3}
    log.append([a_record(4)])
    assert acts(path)[-3:] == ["u1.1.3", "started", "u1.1.4"]
    assert is_whole(path)


def test_a_torn_last_line_is_taken_away_and_the_log_says_so(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    whole = written(path, 3)
    path.write_bytes(b"".join(whole)[:-25])
    log = a_log(path)
    assert log.open().epochs == {"u1": 2}
    log.append([a_record(3)])
    assert acts(path)[-4:] == ["u1.1.2", "healed", "started", "u1.1.3"]
    assert is_whole(path)


@pytest.mark.parametrize("size", range(0, 900, 7))
def test_wherever_a_crash_tears_it_the_log_heals(tmp_path: Path, size: int) -> None:
    path = tmp_path / "audit.jsonl"
    whole = b"".join(written(path, 1))
    path.write_bytes(whole[: min(size, len(whole))])
    log = a_log(path)
    known = log.open()
    log.append([a_record(1)] if not known.epochs else [])
    assert is_whole(path)
    assert acts(path).count("u1.1.1") == 1


def test_a_renamed_log_goes_on_in_a_new_file_that_knows_what_the_old_one_told(
    tmp_path: Path,
) -> None:
    path, old = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    log = a_log(path)
    log.open()
    log.append([a_record(1)])
    path.rename(old)
    log.append([a_record(2)])
    log.close()
    assert acts(old) == ["genesis", "started", "u1.1.1"]
    assert acts(path) == ["continued", "u1.1.2"]
    assert is_whole(path, old)
    old.unlink()
    assert a_log(path).open() == Marks({"u1": 2})
    assert verified([File("audit.jsonl", list(lines(path)))]).first == 3


@pytest.mark.parametrize("name", ["audit.jsonl.1", "audit-20260131.jsonl", "audit.jsonl-1.gz"])
def test_a_log_that_was_renamed_while_nobody_wrote_goes_on_too(tmp_path: Path, name: str) -> None:
    path, old = tmp_path / "audit.jsonl", tmp_path / name
    raw = b"".join(written(path, 2))
    path.unlink()
    old.write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    log = a_log(path)
    assert log.open().epochs == {"u1": 2}
    log.append([a_record(3)])
    assert acts(path) == ["continued", "started", "u1.1.3"]
    assert is_whole(old, path)


def test_a_log_that_is_emptied_under_us_goes_on(tmp_path: Path) -> None:
    """logrotate's copytruncate."""
    path, old = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    log = a_log(path)
    log.open()
    log.append([a_record(1)])
    old.write_bytes(path.read_bytes())
    os.truncate(path, 0)
    log.append([a_record(2)])
    assert acts(path) == ["continued", "u1.1.2"]
    assert is_whole(old, path)


def test_two_processes_never_write_one_log(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    first, second = a_log(path), a_log(path, "c2")
    first.open()
    with pytest.raises(OutsideError, match="another process writes it"):
        second.open()
    first.close()
    second.open()
    assert is_whole(path)


def test_a_log_that_somebody_edited_is_gone_on_with_and_its_edit_stays_named(
    tmp_path: Path,
) -> None:
    path = tmp_path / "audit.jsonl"
    whole = written(path, 3)
    path.write_bytes(b"".join([*whole[:3], whole[3].replace(b"decision", b"elision!"), whole[4]]))
    log = a_log(path)
    log.open()
    log.append([a_record(4)])
    broken = verified([File("a", list(lines(path)))]).broken
    assert broken is not None
    assert (broken.line, broken.fault) == (4, "edited")


def test_a_folder_that_is_not_there_is_named_without_a_trace(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match=r"audit log .*nowhere/a.jsonl: No such file"):
        a_log(tmp_path / "nowhere" / "a.jsonl").open()


def _filling(path: Path, report: "multiprocessing.connection.Connection") -> None:
    """In a process of its own: a disk that takes no more than so many bytes a file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    log = a_log(path)
    log.open()
    log.append([a_record(1)])
    size = path.stat().st_size
    soft = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, soft))
    try:
        log.append([a_record(2), a_record(3)])
        said = ""
    except OutsideError as error:
        said = str(error)
    report.send((said, path.stat().st_size == size))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, soft))
    log.append([a_record(2), a_record(3)])
    report.send(True)


@pytest.mark.parametrize("path", ["/dev/full", "/dev/null"])
def test_what_is_no_file_is_named_and_not_read(path: str) -> None:
    """``/dev/full`` never ends: the controller took all the memory there is."""
    with pytest.raises(OutsideError, match="is no file; - is what stdout is called"):
        a_log(Path(path)).open()


def test_a_full_disk_is_told_and_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_filling, args=(path, theirs))
    child.start()
    assert ours.recv() == (f"audit log {path}: File too large", True)
    assert ours.recv() is True
    child.join()
    assert acts(path) == ["genesis", "started", "u1.1.1", "u1.1.2", "u1.1.3"]
    assert is_whole(path)


def test_what_another_file_told_before_is_not_told_again(tmp_path: Path) -> None:
    """A shard's new file, after the number of shards was changed."""
    written(old := tmp_path / "audit.jsonl", 3)
    log = FileLog(tmp_path / "shard-1.audit.jsonl", "c2", lambda: make.START, lambda: [old])
    assert log.open() == Marks(epochs={"u1": 3})
    log.append([a_record(4)])
    log.close()
    assert acts(log.path) == ["genesis", "started", "u1.1.4"]
    assert is_whole(log.path)
    assert (is_whole(old), acts(old)[-1]) == (True, "u1.1.3")


def test_stdout_is_a_chain_that_each_process_begins(tmp_path: Path) -> None:
    stream = io.BytesIO()
    for name in ("c1", "c2"):
        log = StreamLog(stream, name, lambda: make.START)
        assert log.open() is None
        log.append([a_record(1)])
    whole = stream.getvalue().splitlines(keepends=True)
    assert verified([File("stdout", whole)]).broken is not None
    assert verified([File("stdout", whole)], restarts=True).broken is None


def test_refusals_and_sources_are_known_to_the_next_file_too(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = a_log(path)
    log.open()
    refused = a_record(0, id="slack.1", act=Act.REFUSAL, proof=Proof.SLACK, who="slack:U1")
    taken = a_record(0, id="u2.abc", act=Act.SOURCE, uid="u2", kind="RolloutSource")
    log.append([refused, taken])
    path.rename(tmp_path / "audit.jsonl.1")
    log.append([a_record(1)])
    log.close()
    assert a_log(path).open() == Marks({"u1": 1}, {"u2": "u2.abc"}, {"slack.1": None})


def test_an_object_that_is_gone_is_forgotten_by_the_next_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = a_log(path)
    log.open()
    log.append([a_record(1)])
    log.forget("u1")
    path.rename(tmp_path / "audit.jsonl.1")
    log.append([a_record(1, id="u2.1.1", uid="u2")])
    log.close()
    assert a_log(path).open() == Marks({"u2": 1})


def test_a_former_file_that_is_spoilt_keeps_no_log_from_beginning(tmp_path: Path) -> None:
    path, old = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl-1.gz"
    packed = bytearray(gzip.compress(b"".join(written(path, 2))))
    path.unlink()
    packed[14:20] = b"\xff" * 6
    old.write_bytes(packed)
    with pytest.raises(OSError, match="spoilt"):
        list(lines(old))
    log = a_log(path)
    log.open()
    log.append([a_record(1)])
    assert acts(path) == ["genesis", "started", "u1.1.1"]


def test_marks_of_another_shape_keep_no_log_from_going_on(tmp_path: Path) -> None:
    """Whoever can write the file can give any line a good hash."""
    path = tmp_path / "audit.jsonl"
    lines_ = written(path, 1)
    for odd in ({"epochs": [1], "sources": 7, "refusals": {}}, {"epochs": {"u1": "x"}}):
        told = {"act": "continued", "at": "x", "controller": "x", **odd}
        forged, head = chain.sealed(chain.head(json.loads(lines_[-1])), told)
        record = {"act": "decision", "uid": "u9", "id": "u9.1.1", "epoch": "x"}
        path.write_bytes(b"".join(lines_) + forged + chain.sealed(head, record)[0])
        log = a_log(path)
        assert log.open().epochs.get("u9", 0) == 0
        log.append([a_record(2)])
        log.close()
