"""The table of rooms in ``docs/house.md``, from the rooms' own first lines."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "house.md"
HEAD = "| room | what lives there |\n| --- | --- |\n"


def page() -> str:
    """The page as it should be: its own text, and under the table's head a row a room."""
    text = PAGE.read_text().partition(HEAD)[0]
    return text + HEAD + "".join(f"| `{name}` | {words} |\n" for name, words in sorted(rooms()))


def rooms() -> Iterator[tuple[str, str]]:
    """Every folder below ``rollout/``, and every file of the core that stands beside them."""
    source = ROOT / "rollout"
    for path in source.rglob("*.py"):
        if path.name == "__init__.py" and path.parent != source:
            yield f"{path.parent.relative_to(source)}/", _first_line(path)
        elif path.parent == source and not path.name.startswith("__"):
            yield path.name, _first_line(path)


def _first_line(path: Path) -> str:
    words = ast.get_docstring(ast.parse(path.read_text())) or ""
    return words.partition("\n")[0].replace("``", "`").replace("|", "\\|")
