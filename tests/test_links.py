"""Every link and anchor of the docs leads somewhere; no tool that builds the site is needed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
LINK = re.compile(r"(?<!`)!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
TITLE = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def prose(path: Path) -> str:
    """The page without its blocks of code; what is quoted inside a line stays."""
    return FENCE.sub("", path.read_text())


def slug(title: str) -> str:
    """The anchor of a title, as GitHub and mkdocs both make it of ours."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower()
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\- ]", "", words).strip())


def anchors(path: Path) -> set[str]:
    """Every anchor of the page."""
    return {slug(title) for title in TITLE.findall(prose(path))}


def links(path: Path) -> Iterator[str]:
    """Where the page's links lead, those into the world left out."""
    for target in LINK.findall(CODE.sub("", prose(path))):
        if not re.match(r"[a-z]+:", target):
            yield target


def broken(path: Path) -> Iterator[str]:
    """Links of the page that lead nowhere."""
    for target in links(path):
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        known = anchors(there) if anchor and there.suffix == ".md" and there.exists() else {anchor}
        if not there.exists() or anchor not in known:
            yield target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_anchor_leads_somewhere(path: Path) -> None:
    assert [*broken(path)] == []


def test_a_broken_link_and_a_broken_anchor_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title\n[a](#a-title) [b](#b) [c](nowhere.md) `[d](no-link)`\n")
    assert [*broken(page)] == ["#b", "nowhere.md"]


def test_the_site_has_every_page_once() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = [*_listed(site["nav"])]
    assert len(listed) == len({*listed})
    docs = ROOT / "docs"
    pages = {str(page.relative_to(docs)) for page in docs.rglob("*.md")}
    assert {*listed} == {page for page in pages if not page.startswith("decisions/")} | {
        page for page in listed if page.startswith("decisions/")
    }


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = [page.name[:4] for page in (ROOT / "docs" / "decisions").glob("*.md")]
    assert sorted({*numbers}) == sorted(numbers)


def _listed(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _listed(part)


def test_no_page_stands_outside_what_the_readme_or_the_start_page_names() -> None:
    named = {
        (path.parent / target.partition("#")[0]).resolve()
        for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
        for target in links(path)
    }
    assert [page.name for page in sorted((ROOT / "docs").glob("*.md")) if page not in named] == [
        "index.md"
    ]
