"""A request's raw bytes, within limits: nothing of it is parsed before they are all there."""

import asyncio

from aiohttp import web


async def read(request: web.Request, largest: int, deadline: float) -> bytes | int:
    """The body, or the status that refuses it: more than ``largest`` bytes, or too slow.

    ``deadline``: seconds for all of it, however many they are.
    """
    if (request.content_length or 0) > largest:
        return 413
    body = bytearray()
    try:
        async with asyncio.timeout(deadline):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > largest:
                    return 413
    except TimeoutError:
        return 408
    return bytes(body)
