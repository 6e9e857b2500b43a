import doctest
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "analysis.md"


def test_the_gate_decides_as_the_document_shows() -> None:
    found = doctest.testfile(str(DOCUMENT), module_relative=False, encoding="utf-8")
    assert found.failed == 0
    assert found.attempted > 15
