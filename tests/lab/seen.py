"""What the proxies counted, read where Prometheus reads it."""

import asyncio
import re
from collections import Counter

import aiohttp

from rollout.lab.world import World

_SAMPLE = re.compile(r"^istio_requests_total\{(.*)\} (\d+)$", re.MULTILINE)


async def served(world: World, namespace: str, workload: str) -> dict[int, int]:
    """What that ``workload``'s pods answered, by status, as their own sidecars counted.

    The namespace matters: pods of an earlier test leave late, and take their counters along.
    """
    sides = (f'destination_workload="{workload}"', f'destination_workload_namespace="{namespace}"')
    found: Counter[int] = Counter()
    async with aiohttp.ClientSession() as http, http.get(world.pods_url) as answer:
        for labels, count in _SAMPLE.findall(await answer.text()):
            if all(side in labels for side in sides):
                found[int(labels.split('response_code="')[1][:3])] += int(count)
    return found


async def flags(world: World) -> set[str]:
    """Every response flag that Envoy has logged so far."""
    await asyncio.sleep(0.2)  # Envoy flushes its log every 50 ms
    return {dict(series)["response_flags"] for series in world.telemetry.metrics.totals()}
