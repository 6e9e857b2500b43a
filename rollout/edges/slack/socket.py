"""Socket Mode: a WebSocket to Slack instead of a port of ours, kept open for as long as it runs.

Source: docs.slack.dev, "Using Socket Mode": each envelope is acknowledged within three seconds;
connections are refreshed every few hours; an envelope may come twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from rollout.edges.slack import payload
from rollout.edges.slack.calls import Calls, quiet
from rollout.errors import OutsideError, RolloutError
from rollout.model.chat import Command, Heard

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between two tries to connect, doubling
CONNECTING = 15.0  # seconds until a connection that does not come is given up
GLANCE = 0.5  # seconds between two looks whether it stands
PING = 5.0
PROMPT = 2.5  # seconds for what must be saved first; Slack waits for three

Hear = Callable[[Heard], Coroutine[Any, Any, None]]
Answer = Callable[[Command], Awaitable[str]]


@dataclass(slots=True)
class Socket:
    """``calls`` has the app's token (``xapp-…``). ``hear``: told of presses and modals.

    ``answer``: what a slash command's sender reads; ``complain``: told why there is no connection,
    and with "" that there is one. ``wanted``: whether there should be one now.
    """

    calls: Calls
    hear: Hear
    answer: Answer
    complain: Callable[[str], None]
    wanted: Callable[[], bool] = lambda: True
    _working: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """For ever: connected, or trying to be."""
        wait = FIRST_WAIT
        try:
            while True:
                if not self.wanted():
                    await asyncio.sleep(GLANCE)
                    continue
                try:
                    await self._session()
                    wait = FIRST_WAIT
                    await asyncio.sleep(GLANCE)  # one that ends at once is not asked for at once
                except RolloutError as error:
                    self.complain(str(error))
                    asked = error.retry_after if isinstance(error, OutsideError) else None
                    await asyncio.sleep(max(wait, asked or 0.0))
                    wait = min(LONGEST_WAIT, wait * 2)
        finally:
            for task in self._working:
                task.cancel()

    async def _session(self) -> None:
        """One connection, from its beginning to its end. Errors: as ``Calls.call``."""
        answer = await self.calls.call("apps.connections.open", "slack socket", {})
        client: Any = SocketModeClient(  # its own methods have no types
            app_token=self.calls.token(),
            logger=quiet,
            web_client=self.calls.client(),
            auto_reconnect_enabled=False,
            ping_interval=PING,
        )
        client.proxy = self.calls.proxy or None
        client.wss_uri = str(answer.get("url", ""))
        client.socket_mode_request_listeners.append(self._heard)
        try:
            async with asyncio.timeout(CONNECTING):
                await client.connect()
            self.complain("")
            while self.wanted() and await client.is_connected():
                await asyncio.sleep(GLANCE)
        except TimeoutError:
            raise OutsideError("slack: the socket does not open") from None
        except (aiohttp.ClientError, OSError, ValueError, SlackClientError) as error:
            raise OutsideError(f"slack: the socket broke ({type(error).__name__})") from None
        finally:
            await client.close()

    async def _heard(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Acknowledged once it is saved; a command's answer goes along.

        What is not saved in time is not acknowledged: its sender sees that, and Slack may deliver
        it once more, which does no more than once.
        """
        if request.type == "slash_commands":
            command = payload.of_command(request.payload)
            said = {"text": await self.answer(command)} if command else None
            await _acknowledge(client, request, said)
            return
        heard = payload.of_interaction(request.payload) if request.type == "interactive" else None
        if heard is None:
            await _acknowledge(client, request)
            return
        hearing = self._begun(self.hear(heard))
        self._begun(_once_saved(client, request, hearing))

    def _begun(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="slack")
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task


async def _once_saved(
    client: AsyncBaseSocketModeClient, request: SocketModeRequest, hearing: asyncio.Task[None]
) -> None:
    done, _ = await asyncio.wait((hearing,), timeout=PROMPT)
    if done:
        await _acknowledge(client, request)


async def _acknowledge(
    client: AsyncBaseSocketModeClient,
    request: SocketModeRequest,
    said: Mapping[str, Any] | None = None,
) -> None:
    response = SocketModeResponse(request.envelope_id, dict(said) if said else None)
    try:
        await client.send_socket_mode_response(response)
    except (aiohttp.ClientError, OSError, RuntimeError):
        return  # Slack delivers it once more, over another connection
