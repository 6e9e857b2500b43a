"""The servers that tests start end with the tests, however those end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.realkube import assets

ROOT = Path(__file__).parent.parent
HELD = """
import time
from pathlib import Path
from tests.realkube import running

def test_that_waits(tmp_path):
    with running(tmp_path) as kube:
        Path(__file__).with_name("processes").write_text(" ".join(map(str, kube.processes)) + "\\n")
        time.sleep(600)
"""


@pytest.mark.envtest
def test_nothing_is_left_of_a_pytest_that_was_killed(tmp_path: Path) -> None:
    assets()
    held, told = tmp_path / "test_held.py", tmp_path / "processes"
    held.write_text(HELD)
    command = [sys.executable, "-m", "pytest", "-q", str(held), f"--basetemp={tmp_path / 'kube'}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as tests:
        try:
            while not (told.exists() and told.read_text().endswith("\n")):
                assert tests.poll() is None, "the tests ended before the servers were ready"
                time.sleep(0.05)
            started = [int(one) for one in told.read_text().split()]
            assert [_program(one) for one in started] == ["kube-apiserver", "etcd"]
        finally:
            tests.send_signal(signal.SIGKILL)
    while any(_program(one) for one in started):  # the test's own timeout ends the wait
        time.sleep(0.05)


def _program(process: int) -> str:
    """The name of what runs; empty when it has ended, waited for or not."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return Path(os.fsdecode(command.split(b"\0")[0])).name
