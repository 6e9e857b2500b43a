"""A real Chromium, driven by Playwright; Debian's, or whatever CHROMIUM names."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
WHY = "no Chromium on this machine: `.ci/chromium` installs one, or CHROMIUM names it"
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage")  # as root in a container there is no sandbox
PATIENCE = 120_000  # milliseconds: a busy machine is no failure
expect.set_options(timeout=PATIENCE)


def chromium() -> str:
    """Its path; where there is none the tests say so, and the workflow fails for it."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        (pytest.fail if os.environ.get("GITHUB_ACTIONS") else pytest.skip)(WHY)
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder share one event loop, and with it one browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser) -> AsyncIterator[Page]:
    """A tab in which whatever goes wrong in a script, or against the policy, fails the test."""
    context = await browser.new_context(viewport={"width": 1100, "height": 800}, timezone_id="UTC")
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda told: wrong.append(told.text) if _is_wrong(told.text) else None)
    yield page
    await context.close()
    assert wrong == []


def _is_wrong(text: str) -> bool:
    """Whether the browser complains of the page itself; of a lost connection it may."""
    return "Content Security Policy" in text or "TrustedHTML" in text or "Uncaught" in text
