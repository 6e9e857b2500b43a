import sys
from pathlib import Path

import pytest

from rollout.errors import OutsideError
from rollout.lab.programs import processes

TALKS = "print('one', flush=True); print('two', flush=True); {end}"


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (
            "import sys; print('[1][critical][assert] no more watches', file=sys.stderr);"
            " print('#0: backtrace ' * 100, file=sys.stderr)",
            "[1][critical][assert] no more watches",
        ),
        ("raise SystemExit('out of luck')", "out of luck"),
    ],
)
async def test_whoever_listens_to_a_child_hears_that_it_ended_and_why(
    tmp_path: Path, end: str, words: str
) -> None:
    command = (sys.executable, "-c", TALKS.format(end=end))
    child = await processes.start("envoy", command, log=tmp_path / "log", talks=True)
    said = child.lines()
    assert [await anext(said), await anext(said)] == [b"one\n", b"two\n"]
    with pytest.raises(OutsideError) as caught:
        await anext(said)
    assert str(caught.value) == f"envoy ended: {words}"
