"""Slack as the controller has it: put together from its secrets, beside the looks."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from rollout.cli import policy, settings
from rollout.controller import loop, telemetry
from rollout.controller.app import Beside, Controller
from rollout.controller.chat.hearing import Hearing, unrecorded
from rollout.controller.chat.roster import Roster
from rollout.controller.chat.showing import Showing
from rollout.controller.chat.telling import Telling
from rollout.controller.ports import Listeners
from rollout.edges.proxy import Proxy
from rollout.edges.slack.calls import API, Calls
from rollout.edges.slack.client import Client
from rollout.edges.slack.socket import Socket
from rollout.errors import RefusedError
from rollout.model.audit import Record
from rollout.model.chat import Command, Heard
from rollout.web.slack import Door


def talk(
    given: policy.Slack,
    *,
    listens: bool,
    record: Callable[[Record], Awaitable[None]] = unrecorded,
) -> "Talk | None":
    """What the policy's files and the environment come to; None: there is no Slack.

    ``record``: where a refusal is recorded.
    Errors: ``RefusedError`` for secrets that cannot be read, or do not suffice.
    """
    bot = settings.kept("SLACK_BOT_TOKEN", given.bot_token)
    app = settings.kept("SLACK_APP_TOKEN", given.app_token)
    signing = settings.kept("SLACK_SIGNING_SECRET", given.signing_secret)
    if bot is None:
        if app is not None or signing is not None:
            raise RefusedError("SLACK_BOT_TOKEN: is missing; the others are of no use without it")
        return None
    secrets = Secrets(bot, app, signing if listens else None, given.api or API)
    return Talk(secrets, Proxy.of(settings.proxies()), record)


Secret = Callable[[], str]
"""The secret as it is now: a file may be written anew while we run."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """``bot``: ``xoxb-…``. ``app``: ``xapp-…``, for Socket Mode; None: none.

    ``signing``: one secret a line, for signed HTTP; None: none. ``api``: Slack's, or a stand-in's.
    """

    bot: Secret
    app: Secret | None = None
    signing: Secret | None = None
    api: str = API

    def __post_init__(self) -> None:
        if self.app is None and self.signing is None:
            raise RefusedError(
                "slack: nobody could answer; SLACK_APP_TOKEN (Socket Mode) or "
                "SLACK_SIGNING_SECRET (signed HTTP, with --listen) is wanted, too"
            )
        for name, secret, wanted in (
            ("SLACK_BOT_TOKEN", self.bot, "xoxb-"),
            ("SLACK_APP_TOKEN", self.app, "xapp-"),
        ):
            if secret is not None and not secret().startswith(wanted):
                raise RefusedError(f"{name}: is none; one that begins with {wanted} is wanted")


@dataclass(slots=True)
class Talk:
    """The two doors of Slack, and who listens behind them once the controller runs.

    ``record``: where a refusal is recorded.
    """

    secrets: Secrets
    proxy: Proxy
    record: Callable[[Record], Awaitable[None]]
    _hearing: Hearing | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    def door(self) -> Door | None:
        """Where signed requests come in; None: there is no signing secret."""
        signing = self.secrets.signing
        if signing is None:
            return None
        return Door(lambda: signing().split(), loop.clock, self._hear, self._answer)

    def beside(self) -> Beside:
        """Channels are kept true and presses are heard, for as long as the controller runs."""

        async def beside(controller: Controller) -> None:
            async with aiohttp.ClientSession() as http:
                await asyncio.gather(*self._work(controller, http))

        return beside

    def _work(
        self, controller: Controller, http: aiohttp.ClientSession
    ) -> Sequence[Coroutine[Any, Any, None]]:
        kube, inbox, clock = controller.outside.kube, controller.inbox, controller.clock
        client = Client(self._calls(self.secrets.bot, http))
        self._hearing = Hearing(kube, client, inbox, clock, self.record)
        self._ready.set()
        showing = Showing(kube, client, clock, inbox.trouble, controller.leads, inbox.kinds)
        kube.listen(showing.changed)
        controller.when_leading(showing.begin)
        inbox.chat, inbox.members = None, Roster(client, clock).members
        work = [showing.run()]
        if self.secrets.app is not None:
            calls = self._calls(self.secrets.app, http)
            leading = lambda: controller.leading  # noqa: E731
            socket = Socket(calls, self._hear, self._answer, _complain, leading)
            work.append(socket.run())
        return work

    def _calls(self, secret: Secret, http: aiohttp.ClientSession) -> Calls:
        proxy = self.proxy.to(URL(self.secrets.api))
        return Calls(http, secret, self.secrets.api, str(proxy) if proxy else "")

    async def _hear(self, heard: Heard) -> None:
        """What comes before anybody listens waits, and is not acknowledged meanwhile."""
        await self._ready.wait()
        if self._hearing is not None:
            await self._hearing.hear(heard)

    async def _answer(self, command: Command) -> str:
        return await self._hearing.answer(command) if self._hearing else "not ready yet"


def telling(listeners: Listeners) -> Beside:
    """Listeners are told, for as long as the controller runs."""

    async def beside(controller: Controller) -> None:
        kube = controller.outside.kube
        told = Telling(
            kube,
            listeners,
            controller.clock,
            controller.leads,
            controller.inbox.kinds,
            settings.own_namespace(),
        )
        kube.listen(told.changed)
        controller.when_leading(told.begin)
        await told.run()

    return beside


def _complain(because: str) -> None:
    """To the log: what people see of it is that their press is not answered."""
    if because:
        telemetry.warn("slack's socket is not there", error=because)
    else:
        telemetry.info("slack's socket is there")
