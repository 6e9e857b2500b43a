"""The house keeps its own rules."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from tests import rooms, states

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "rollout").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
CORE = [
    *(ROOT / "rollout" / "model").glob("*.py"),
    *(ROOT / "rollout" / "strategies").glob("*.py"),
    *(ROOT / "rollout" / "reconcile").glob("*.py"),
    ROOT / "rollout" / "gate.py",
    ROOT / "rollout" / "hook.py",
    ROOT / "rollout" / "confirm.py",
]
PLAIN = {"action.py", "observation.py"}
"""Values without a rule of their own."""


def test_the_page_of_states_is_drawn_from_the_tables() -> None:
    assert states.PAGE.read_text() == states.page(), "run python -m tests.states"


def test_the_page_of_rooms_names_every_room() -> None:
    assert rooms.PAGE.read_text() == rooms.page(), "run `make generate`"


def test_what_the_page_of_rooms_names_is_there() -> None:
    named = re.findall(r"`([a-z_/]+(?:/|\.py))`", rooms.PAGE.read_text())
    places = (ROOT, ROOT / "rollout")
    assert [one for one in named if not any((place / one).exists() for place in places)] == []


@pytest.mark.parametrize("path", sorted(CORE), ids=lambda p: str(p.relative_to(ROOT)))
def test_each_file_of_the_core_has_its_test_file(path: Path) -> None:
    if path.name in PLAIN or not re.search(r"^def |^    def ", path.read_text(), re.MULTILINE):
        return
    room = path.parent.relative_to(ROOT / "rollout")
    name = path.parent.name if path.name == "__init__.py" else path.stem
    assert (ROOT / "tests" / room / f"test_{name}.py").exists()


SENTENCES = {"because", "text", "message", "problem", "words", "complaint"}
"""Attributes and keys whose values only people read."""

_READS = {"startswith", "endswith", "find", "index", "match", "search", "fullmatch"}
_TOLD = {"request": {"text"}}
"""``request.text`` is what an annotation says, word for word, and the status echoes it."""


def is_sentence(node: ast.expr) -> bool:
    """Whether ``node`` is read as a sentence: ``x.because``, ``str(error)``, ``x["text"]``."""
    match node:
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in _TOLD:
            return name in SENTENCES - _TOLD[owner]
        case ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=name)):
            return name in SENTENCES
        case ast.Call(func=ast.Name(id="str"), args=[ast.Name(id=name)]):
            return "error" in name or "problem" in name
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=name), *_]):
            return name in SENTENCES
        case ast.Name(id=name):
            return name in {"because", "complaint", "sentence"}
    return False


def decides_on_a_sentence(node: ast.AST) -> bool:
    """Whether ``node`` asks what a sentence says; whether it says the same as another is fine.

    Two sentences are compared only to say the same one once.
    """
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        asks = any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops)
        said_before = all(is_sentence(side) or isinstance(side, ast.Attribute) for side in sides)
        return asks and any(map(is_sentence, sides)) and not said_before
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        read = node.func.attr in _READS
        return read and any(map(is_sentence, (node.func.value, *node.args)))
    return isinstance(node, ast.Match) and is_sentence(node.subject)


@pytest.mark.parametrize(
    "line",
    [
        'pause.because.startswith("drift")',
        '"not listed yet" in str(error)',
        'status.because == "baked"',
        'stored["text"].endswith("x")',
        'obj.get("because") != "x"',
        "_WHERE.match(found.problem)",
    ],
)
def test_the_check_of_sentences_finds_them(line: str) -> None:
    assert any(map(decides_on_a_sentence, ast.walk(ast.parse(line))))


@pytest.mark.parametrize(
    "line", ["told.because != seen.because", "pause.because", "request.text == handled", "x == y"]
)
def test_the_check_of_sentences_lets_all_else_be(line: str) -> None:
    assert not any(map(decides_on_a_sentence, ast.walk(ast.parse(line))))


def test_no_decision_hangs_on_a_sentence() -> None:
    lab = ROOT / "rollout" / "lab"
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in SOURCES
        if lab not in path.parents
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.expr | ast.Match) and decides_on_a_sentence(node)
    ]
    assert found == []


def test_nobody_mocks() -> None:
    mock = re.compile(r"^\s*(from|import) (unittest|mock)", re.MULTILINE)
    assert [p for p in (*SOURCES, *TESTS) if mock.search(p.read_text())] == []


def test_that_weights_sum_to_100_is_said_in_one_place_only() -> None:
    rule = re.compile(r"(stable \+ \S*canary|canary \+ \S*stable)\s*[!=]=\s*100")
    rooms = [p for p in SOURCES if "lab" not in p.relative_to(ROOT).parts]
    assert [p.name for p in rooms if rule.search(p.read_text())] == ["traffic.py"]


def test_what_is_cited_can_be_read() -> None:
    """Sources stand in this repository or in public; notes of ours that nobody has are neither."""
    private = re.compile(r"facts/\w+\.md|pre-study")
    rooms = ("rollout", "tests", "benchmarks", "docs", "examples")
    cited = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for room in rooms
        for path in sorted((ROOT / room).rglob("*"))
        if path.suffix in (".py", ".md", ".yaml") and path != Path(__file__)
        for found in private.finditer(path.read_text())
    ]
    assert cited == []


MOST_SHARED = 67
"""Names of several public classes, of 574; as many as there are now, and they are to become fewer.

An edge has the name of the port that it fits, and the three state machines have the same words.
"""


def test_few_names_are_those_of_several_public_classes() -> None:
    inside = (ROOT / "rollout" / "lab", ROOT / "rollout" / "cli" / "lab")
    names = Counter(
        node.name
        for path in SOURCES
        if not {*inside} & {*path.parents}
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert len([name for name, times in names.items() if times > 1]) <= MOST_SHARED


def test_digits_that_others_wrote_are_read_in_one_place_only() -> None:
    """``lenient.whole``: ``isdigit`` takes ``²``, and ``int`` refuses it, as 5,000 digits."""
    rooms = [p for p in SOURCES if "lab" not in p.relative_to(ROOT).parts]
    assert [p.name for p in rooms if ".isdigit()" in p.read_text()] == ["lenient.py"]
