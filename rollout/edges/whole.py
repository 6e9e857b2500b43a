"""The body of an answer, whole, within a limit: aiohttp reads what has come so far."""

import aiohttp


async def read(answer: aiohttp.ClientResponse, most: int) -> bytes | None:
    """None: it is longer than ``most`` bytes."""
    found = bytearray()
    async for chunk in answer.content.iter_any():
        found += chunk
        if len(found) > most:
            return None
    return bytes(found)
