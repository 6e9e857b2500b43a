"""What the proxies counted, read where Prometheus reads it."""

import asyncio
import re

import aiohttp

from rollout.lab.world import World

_SAMPLE = re.compile(r"^istio_requests_total\{(.*)\} (\d+)$", re.MULTILINE)


async def served(world: World, workload: str) -> dict[int, int]:
    """What the pods of ``workload`` answered, by status, as their own sidecars counted."""
    found: dict[int, int] = {}
    async with aiohttp.ClientSession() as http:
        for pod, address in world.pod_metrics().items():
            if pod.split("/")[1].startswith(f"{workload}-"):
                async with http.get(f"http://{address}/metrics") as answer:
                    for labels, count in _SAMPLE.findall(await answer.text()):
                        code = int(labels.split('response_code="')[1][:3])
                        found[code] = found.get(code, 0) + int(count)
    return found


async def flags(world: World) -> set[str]:
    """Every response flag that Envoy has logged so far."""
    await asyncio.sleep(0.2)  # Envoy flushes its log every 50 ms
    return {dict(series)["response_flags"] for series in world.telemetry.metrics.totals()}
