"""The page for browsers, put together: beside the controller, or by itself on this machine."""

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rollout.cli import settings
from rollout.cli.policy import Oidc, Readers
from rollout.cli.policy import PagePolicy as Allowed
from rollout.cli.settings import Settings
from rollout.controller import telemetry
from rollout.controller.app import Beside, Controller
from rollout.controller.keeping.inbox import Asker, Inbox
from rollout.controller.ports import Reviews
from rollout.controller.seeing import concerns
from rollout.edges import kube, oidc
from rollout.edges.kube import Connection, Kube
from rollout.edges.oidc import Issuer
from rollout.edges.proxy import Proxy
from rollout.errors import RefusedError, RolloutError, UnprovenError
from rollout.manifest import switchovers, upgrades
from rollout.model.reasons import Verb
from rollout.model.ref import Ref
from rollout.model.spec import KUBERNETES_USER
from rollout.web.page import app, people
from rollout.web.page.board import Board
from rollout.web.page.people import Person, Sessions
from rollout.web.page.reader import KINDS, Place, Reader

ASKED_AGAIN = 60.0  # seconds until it is asked again which kinds we may watch
ANONYMOUS, UNNAMED = "system:anonymous", "somebody"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{8,12000}=*")
"""Source: RFC 6750, section 2.1: ``b64token``."""


def beside(given: Settings, allowed: Allowed, api: Connection) -> Beside:
    """The page that the controller serves, with what its looks remember.

    ``api``: the controller's own connection; people who log in get one each, with their token.
    """
    host, port = settings.address("page", given.page)
    issuer = _issuer(allowed.oidc) if allowed.oidc else None

    async def serve(controller: Controller) -> None:
        store, cluster = controller.store, controller.outside.kube
        also = Also(cluster)
        login = ByToken(api, given.namespace, controller) if allowed.login else None
        names = {host, *allowed.hosts} - {"0.0.0.0", "::"}  # noqa: S104 - these name nobody
        page = app.Page(
            Board(Reader(cluster, store, lambda: also.kinds), controller.clock),
            app.Settings(frozenset(names), login, issuer, allowed.readers is Readers.LOGGED_IN),
            Sessions(controller.clock),
        )
        try:
            async with app.opened(page, host, port, also.run()) as address:
                telemetry.info("page", address=address)
                await asyncio.Event().wait()
        except OSError as error:
            raise settings.taken(f"page {given.page}", error) from error

    return serve


def _issuer(said: Oidc) -> Issuer:
    """Errors: ``RefusedError`` for a file that cannot be read, or that holds no certificates."""
    ca = settings.secret(said.ca) if said.ca else ""
    try:
        ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise RefusedError(f"{said.ca}: holds no certificates; PEM is wanted") from error
    secret = settings.kept("OIDC_CLIENT_SECRET", said.client_secret)
    proxy = Proxy.of(settings.proxies())
    return Issuer(said.issuer, said.client_id, secret, said.scopes, ca, proxy)


@dataclass(slots=True)
class Also:
    """Which kinds besides Rollouts the API server lets us watch, asked for now and then."""

    reviews: Reviews
    kinds: frozenset[str] = frozenset()
    wanted: Sequence[str] = (upgrades.KIND, switchovers.KIND)

    async def run(self) -> None:
        """For ever."""
        while True:
            self.kinds = frozenset([kind for kind in self.wanted if await self.may(kind)])
            await asyncio.sleep(ASKED_AGAIN)

    async def may(self, kind: str) -> bool:
        """Whether it may be watched; as before where nobody says."""
        try:
            return await self.reviews.may("list", kind) and await self.reviews.may("watch", kind)
        except RolloutError:
            return kind in self.kinds


@dataclass(frozen=True, slots=True)
class ByToken:
    """People prove themselves by a token that the API server takes, whoever has made it.

    ``namespace``: the only one that is shown; empty: all.
    """

    api: Connection
    namespace: str
    controller: Controller
    hint: str = "token"

    async def prove(self, secret: str) -> Person:
        """Whom the API server knows by ``secret``, and lets list Rollouts."""
        token = secret.strip()
        if not _TOKEN.fullmatch(token):
            raise RefusedError("that is no token; `kubectl create token` makes one")
        theirs = kube.as_somebody(self.api, token)
        scopes = kube.scopes(self.namespace)
        person = Kube(theirs, concerns.of, scopes)
        try:
            name = await _name(person)
            if name in ("", ANONYMOUS) or not await person.may("list", "Rollout"):
                raise RefusedError(f"{name or 'nobody'} may not list rollouts")
        except UnprovenError as error:
            await person.close()
            raise RefusedError("the API server does not take this token") from error
        except RolloutError:
            await person.close()
            raise
        until = oidc.expires(oidc.claims(token))
        return _Somebody(name, until, person, self.controller)


async def _name(person: Kube) -> str:
    """What the API server calls them; UNNAMED by one that does not say so, as before 1.28.

    What a token says of itself is not taken for a name: the API server may have another for it.
    """
    try:
        return await person.whoami()
    except RefusedError:
        return UNNAMED


@dataclass(frozen=True, slots=True)
class _Somebody:
    """Who logged in with a token; what they ask goes to the API server with it.

    ``until``: by what the token says of itself; the API server may have it over earlier.
    """

    name: str
    until: datetime | None
    kube: Kube
    controller: Controller

    async def ask(self, place: Place, verb: Verb) -> None:
        kind, controller = KINDS[place.kind], self.controller
        where = kind, place.namespace, place.name
        try:
            if not await self.kube.may("patch", kind, only=where[1:]):
                what = f"{kind.lower()} {place.namespace}/{place.name}"
                raise RefusedError(f"{self.name} may not patch {what}")
            who = KUBERNETES_USER + self.name if self.name != UNNAMED else ""
            asker = Asker(who, self.kube.patch)
            await controller.inbox.ask_as(Ref(*where), verb, asker, controller.clock())
        except UnprovenError as error:
            raise people.OverError("your token is over; log in anew") from error

    async def close(self) -> None:
        await self.kube.close()


@dataclass(frozen=True, slots=True)
class ByKey:
    """Whoever has the key of the address that the command printed is the one who typed it.

    ``kube``: with their own kubeconfig.
    """

    key: str
    name: str
    inbox: Inbox
    clock: Callable[[], datetime]
    hint: str = "key"

    async def prove(self, secret: str) -> Person:
        if not people.same(secret, self.key):
            raise RefusedError("that is not the key that the command printed")
        return _Self(self.name, self.inbox, self.clock)


@dataclass(frozen=True, slots=True)
class _Self:
    """Who started the page; what they ask goes out as by any other command."""

    name: str
    inbox: Inbox
    clock: Callable[[], datetime]
    until: datetime | None = None

    async def ask(self, place: Place, verb: Verb) -> None:
        where = Ref(KINDS[place.kind], place.namespace, place.name)
        asker = Asker("", self.inbox.kube.patch)
        await self.inbox.ask_as(where, verb, asker, self.clock())

    async def close(self) -> None:
        """Nothing of theirs is kept."""
