"""What is shipped of others is what the lock names, and all of the page is small."""

import hashlib
import json
from pathlib import Path

import pytest
from playwright.async_api import Browser

from rollout.web.page import files
from tests.web.page import pictures

ROOT = Path(__file__).parents[3]
HEAVIEST = 150_000
"""Bytes of the whole page as it is sent, packed."""


def test_the_whole_page_is_light() -> None:
    sent = {name: len(file.packed) for name, file in files.load().items()}
    assert sum(sent.values()) <= HEAVIEST, sent


def test_what_others_wrote_is_what_was_copied() -> None:
    lines = (ROOT / "frontend" / "SHA256SUMS").read_text().splitlines()
    wanted = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    assert {
        name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in wanted
    } == wanted
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    assert {name: one["version"] for name, one in lock.items() if name} == {
        "node_modules/uplot": "1.6.32",
        "node_modules/axe-core": "4.14.1",
    }


def test_nothing_is_asked_of_another_host() -> None:
    for name, file in files.load().items():
        if not name.startswith("uplot") and not name.endswith(".svg"):
            urls = [word for word in file.plain.decode().split() if "://" in word]
            assert [url for url in urls if "https:\\/\\/" not in url and "http" in url] == []


@pytest.mark.long
async def test_the_pictures_of_the_docs_can_be_taken(browser: Browser, tmp_path: Path) -> None:
    await pictures.take(browser, tmp_path)
    taken = {file.name: file.stat().st_size > 10_000 for file in tmp_path.iterdir()}
    assert taken == {
        "page-list.png": True,
        "page-rollout.png": True,
        "page-upgrade-dark.png": True,
        "page-phone-dark.png": True,
    }
