"""What the page costs: the controller's CPU with 500 live rollouts, the browser's first render.

CPU seconds are counted, not the clock's, so that neighbours on the machine do not show.
"""

import argparse
import asyncio
import itertools
import time
from dataclasses import replace
from datetime import timedelta

import aiohttp
from playwright.async_api import async_playwright

from rollout.web.page import files
from tests.web.page import world
from tests.web.page.conftest import FLAGS, chromium
from tests.web.page.world import NOON, World, opened

ROLLOUTS = 500
READERS = 5
INTERVAL = 15  # seconds between two looks at one rollout: each brings other counts and words
SECONDS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    asyncio.run(_all(parser.parse_args().seconds))


async def _all(seconds: int) -> None:
    weight = sum(len(file.packed) for file in files.load().values())
    print(f"page weight, packed: {weight / 1000:.1f} kB")
    async with opened() as page:
        for number in range(ROLLOUTS):
            page.put(f"r{number}", world.stepping())
        await asyncio.sleep(2)
        alone = await _cpu(seconds, page, 0)
        read = await _cpu(seconds, page, READERS)
        print(f"{ROLLOUTS} live rollouts, nobody reads: {alone:.1%} of a core")
        print(f"{ROLLOUTS} live rollouts, {READERS} readers: {read:.1%} of a core")
        for path, what in (("/", f"list of {ROLLOUTS}"), ("/#/rollout/shop/r0", "one rollout")):
            print(f"first render, {what}: {await _render(page, path) * 1000:.0f} ms of CPU")


async def _cpu(seconds: int, page: World, readers: int) -> float:
    """Of one core, each rollout looked at once an interval; what the fake costs is taken off."""
    async with aiohttp.ClientSession() as http:
        answers = [await http.get(f"{page.url}/api/lines") for _ in range(readers)]
        reading = [asyncio.create_task(_read(answer)) for answer in answers]
        counted, spent, began = itertools.count(), 0.0, time.process_time()
        for _ in range(seconds):
            before = time.process_time()
            for _ in range(ROLLOUTS // INTERVAL):
                _looked(page, next(counted))
            spent += time.process_time() - before
            await asyncio.sleep(1)
        used = time.process_time() - began - spent
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    return used / seconds


def _looked(page: World, count: int) -> None:
    """One look has left other counts, in memory as the controller's own looks do."""
    name = f"r{count % ROLLOUTS}"
    every = 100.0 + count
    verdicts = (
        world.verdict(every * 0.001, every, 1.0, NOON + timedelta(seconds=count)),
        world.slow(every * 0.03, every, 1.0, NOON + timedelta(seconds=count)),
    )
    known = world.stepping(because=f"{count} canary requests so far")
    status = replace(known, attempt=replace(known.attempt, verdicts=verdicts))
    store = page.page.board.reader.store
    held = store.load(f"shop/{name}")
    assert held is not None
    store.hear(held, status)


async def _read(answer: aiohttp.ClientResponse) -> None:
    async for _ in answer.content.iter_any():
        pass


async def _render(page: World, path: str) -> float:
    """Seconds of the tab's main thread until everything stands there."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        tab = await browser.new_page()
        cdp = await tab.context.new_cdp_session(tab)
        await cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        await tab.goto(f"{page.url}{path}")
        await tab.locator(".lines a, canvas").first.wait_for()
        await asyncio.sleep(1)
        told = await cdp.send("Performance.getMetrics")
        await browser.close()
    metrics = {one["name"]: one["value"] for one in told["metrics"]}
    return float(metrics["TaskDuration"])


if __name__ == "__main__":
    main()
