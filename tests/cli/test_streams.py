"""Where words go, as a shell may give it: closed, full, cut off, in an encoding of few characters.

The program as a process, since Python makes its streams before any line of ours runs.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "examples" / "canary")
PROGRAM = "import sys; from rollout.cli.main import main; sys.argv[0] = 'rollout'; main()"


def shell(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``command`` in a shell, in which ``$ROLLOUT`` is the program."""
    words = {"ROLLOUT": f'{sys.executable} -c "{PROGRAM}"', **variables}
    line = command.replace("$ROLLOUT", words.pop("ROLLOUT"))
    given = {**os.environ, "PYTHONPATH": str(ROOT), **words}
    return subprocess.run(
        ["bash", "-c", line], check=False, capture_output=True, env=given, encoding="utf-8"
    )


@pytest.mark.parametrize(
    "command",
    [
        "$ROLLOUT crds | head -c 9",
        "$ROLLOUT version | true",
        f"$ROLLOUT validate {EXAMPLE} | true",
        "$ROLLOUT --help | head -c 9",
    ],
)
def test_whoever_stops_reading_is_told_nothing_more(command: str) -> None:
    assert shell(command).stderr == ""


@pytest.mark.parametrize("command", ["$ROLLOUT version >&-", f"$ROLLOUT plan {EXAMPLE} >&-"])
def test_a_stream_that_was_closed_before_is_none_to_write_to(command: str) -> None:
    said = shell(command)
    assert (said.returncode, said.stderr, said.stdout) == (0, "", "")


def test_without_a_stream_for_errors_the_exit_code_says_it() -> None:
    said = shell("$ROLLOUT validate /nowhere 2>&-")
    assert (said.returncode, said.stdout) == (2, "")


def test_no_standard_input_holds_nothing() -> None:
    assert "nothing of ours found" in shell("$ROLLOUT validate - <&-").stderr


@pytest.mark.parametrize("command", ["version", "crds", f"validate {EXAMPLE}"])
def test_a_full_disk_is_a_sentence_whatever_is_printed(command: str) -> None:
    said = shell(f"$ROLLOUT {command} >/dev/full")
    last = said.stderr.splitlines()[-1]
    assert (said.returncode, last) == (1, "the answer cannot be written: No space left on device")
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("command", ["crds", "install", f"plan {EXAMPLE} -o markdown"])
def test_a_character_that_a_locale_lacks_is_written_otherwise(command: str) -> None:
    said = shell(f"$ROLLOUT {command}", PYTHONIOENCODING="ascii")
    assert (said.returncode, said.stdout.isascii()) == (0, True)
    assert "\\u" in said.stdout or "\\x" in said.stdout
