import re
from pathlib import Path

from rollout.analysis.ramp import Decision, Move

DOCUMENT = Path(__file__).parents[2] / "docs" / "analysis.md"


def test_the_documents_example_promotes_a_good_release() -> None:
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found is not None
    names: dict[str, object] = {}
    exec(compile(found[1], str(DOCUMENT), "exec"), names)
    decision = names["decision"]
    assert isinstance(decision, Decision)
    assert decision.move is Move.PROMOTE
