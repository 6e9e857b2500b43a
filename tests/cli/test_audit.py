"""``rollout audit``: what a log tells, and what it says of itself."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from rollout.model.audit import Act, Proof
from tests import make
from tests.audit.logs import a_log, a_record, written
from tests.cli.conftest import Run

ANN = "slack:U0ANN"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    made = a_log(path)
    made.open()
    made.append([
        a_record(1, because="v2 was pushed", commit="c0ffee"),
        a_record(2, act=Act.APPROVAL, proof=Proof.SLACK, who=ANN, because=f"approved by {ANN}"),
        a_record(
            *(3,),
            act=Act.REQUEST,
            proof=Proof.KUBERNETES,
            claimed="field manager kubectl-annotate",
            because="aborted by a person",
            object="pay/cart",
            uid="u3",
        ),
        a_record(
            *(4,),
            act=Act.SOURCE,
            proof=Proof.SIGNATURE,
            who="ann@acme (SHA256:abc)",
            claimed="author dev@x.org",
            because="1 manifest is in force",
            kind="RolloutSource",
            object="shop/git",
        ),
    ])  # fmt: skip
    made.close()
    return path


def test_show_says_who_did_what_by_which_proof(run: Run, log: Path) -> None:
    shown = run("audit", "show", str(log))
    assert shown.exit_code == 0
    rows = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    at = make.START.strftime("%Y-%m-%d")
    assert rows == [
        "TIME OBJECT ACT WHO BECAUSE",
        f"{at} 00:01:00 shop/shop decision controller v2 was pushed",
        f"{at} 00:02:00 shop/shop approval {ANN} approved by {ANN}",
        f"{at} 00:03:00 pay/cart request kubernetes (field manager kubectl-annotate, unverified) "
        "aborted by a person",
        f"{at} 00:04:00 rolloutsource shop/git source ann@acme (SHA256:abc) "
        "(author dev@x.org, by a signed commit) 1 manifest is in force",
    ]


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (["--rollout", "cart"], [3]),
        (["-r", "shop/shop"], [1, 2]),
        (["--actor", ANN], [2]),
        (["--actor", "controller"], [1]),
        (["--since", (make.START + timedelta(minutes=3)).isoformat()], [3, 4]),
        (["--until", (make.START + timedelta(minutes=2)).isoformat()], [1]),
        (["--since", "1s"], []),
    ],
)
def test_show_has_what_is_asked_for(
    run: Run, log: Path, filters: list[str], numbers: list[int]
) -> None:
    shown = json.loads(run("audit", "show", str(log), "-o", "json", *filters).stdout)
    assert [body["epoch"] for body in shown] == numbers


def test_show_of_a_broken_log_says_so_and_shows_what_is_whole(run: Run, log: Path) -> None:
    log.write_text(log.read_text().replace("v2 was pushed", "v3 was pushed"))
    shown = run("audit", "show", str(log))
    assert "this log is not whole" in shown.stderr
    assert "v3 was pushed" not in shown.stdout
    assert f"approved by {ANN}" in shown.stdout


def test_verify_prints_a_head_that_a_later_one_can_ask_for(run: Run, log: Path) -> None:
    said = run("audit", "verify", str(log))
    assert said.exit_code == 0
    whole, head = said.stdout.splitlines()
    assert whole == "6 lines are whole"
    name = head.removeprefix("head ")
    assert run("audit", "verify", str(log), "--head", name).exit_code == 0
    cut = log.read_bytes().splitlines(keepends=True)[:-1]
    log.write_bytes(b"".join(cut))
    later = run("audit", "verify", str(log), "--head", name)
    assert later.exit_code == 1
    assert later.stdout == (
        "number 5 with that hash is not there: the log was cut, or written anew\n"
    )


def test_verify_names_the_first_line_that_is_not_as_it_was_written(run: Run, log: Path) -> None:
    log.write_text(log.read_text().replace("v2 was pushed", "v3 was pushed"))
    said = run("audit", "verify", str(log))
    assert said.exit_code == 1
    why = "edited: what it says does not have the hash that it names"
    assert said.stdout == f"{log}:3: {why}\n"


def test_verify_takes_the_files_of_a_rotated_log_in_any_order(run: Run, tmp_path: Path) -> None:
    path, old = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    written(path, 2)
    path.rename(old)
    written(path, 0)
    assert run("audit", "verify", str(path), str(old)).stdout.startswith("6 lines are whole\n")
    alone = run("audit", "verify", str(path)).stdout
    assert alone.startswith("2 lines are whole; numbers 0 to 3 are in earlier files\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["verify", "/nowhere"], "/nowhere: No such file or directory; name a file of the audit"),
        (["show", "{log}", "--since", "yesterday"], "'yesterday' is no time; 2h or 2026-01-31T"),
    ],
)
def test_what_cannot_be_read_is_named(run: Run, log: Path, words: list[str], says: str) -> None:
    said = run("audit", *(word.format(log=log) for word in words))
    assert said.exit_code != 0
    assert says in str(said.exception)
