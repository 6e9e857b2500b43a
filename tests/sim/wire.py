"""What lies between one process and the API server: latency, and faults of single requests."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import aiohttp

from rollout import jsontext
from rollout.edges.kube import paths
from tests import virtual
from tests.mortal import Life
from tests.sim import server
from tests.sim.server import Answer, Json, Replica, Request, Server, Watching, key, refused

RETRY_AFTER = ("1", "0", "-3", "2.5", "99999999999", "inf", "Wed, 21 Oct 2026 07:28:00 GMT", "soon")
BODIES = (b"", b"<html>bad gateway</html>", b'{"kind":"Status","message":"no leader"}', b'{"ki')
WATCH_SECONDS = 50
WORD = "\N{SUPERSCRIPT TWO}"
"""What makes a version no number: a digit to Python, and none that ``int`` reads."""
_QUOTED = quote(WORD)
_VERSIONS = re.compile(rb'("resourceVersion": ?"[0-9]+)"')


@dataclass(slots=True)
class Trap:
    """What becomes of requests of these verbs to this kind (empty: any), ``times`` or ``until``."""

    what: str
    verbs: tuple[str, ...]
    kind: str
    times: int
    until: float
    value: float = 0.0
    sprung: int = 0

    def catches(self, request: Request) -> bool:
        fits = request.verb in self.verbs and self.kind in ("", request.kind)
        return fits and self.sprung < self.times and virtual.passed() <= self.until


def number(obj: Json) -> int:
    """The version of an object as a process has it, as the server counts."""
    return int(obj["metadata"]["resourceVersion"].removesuffix(WORD))


NO_TRAP = Trap("unknown kind", (), "", 0, 0.0)
_OF_TODAY = {kind: f"{paths.PATHS[kind][0]}/" for kind in paths.OLDER}
Place = tuple[str, str, str]
"""Kind, namespace, name."""
Do = Callable[[], Awaitable[Answer]]


async def _lost_before(_: Trap, __: Request, ___: Do, seconds: float) -> Answer:
    await asyncio.sleep(seconds)
    raise TimeoutError


async def _lost_after(_: Trap, __: Request, do: Do, seconds: float) -> Answer:
    await do()
    await asyncio.sleep(seconds)
    raise TimeoutError


async def _reset_after(_: Trap, __: Request, do: Do, ___: float) -> Answer:
    await do()
    raise aiohttp.ClientConnectionResetError("connection reset by peer")


async def _garbled_after(_: Trap, __: Request, do: Do, ___: float) -> Answer:
    answer = await do()
    return Answer(answer.code, answer.body[: len(answer.body) // 2])


async def _slow(trap: Trap, _: Request, do: Do, seconds: float) -> Answer:
    if trap.value >= seconds:
        await asyncio.sleep(seconds)
        raise TimeoutError
    await asyncio.sleep(trap.value)
    return await do()


async def _late_after(trap: Trap, _: Request, do: Do, seconds: float) -> Answer:
    answer = await do()
    await asyncio.sleep(min(trap.value, seconds))
    return answer


def _says(answer: Callable[[Trap, Request], Answer]) -> Any:
    async def said(trap: Trap, request: Request, _: Do, __: float) -> Answer:
        return answer(trap, request)

    return said


def _conflict(_: Trap, request: Request) -> Answer:
    return refused(409, "the object has been modified", request.name)


def _throttled(trap: Trap, _: Request) -> Answer:
    wait = RETRY_AFTER[trap.sprung % len(RETRY_AFTER)]
    return Answer(429, b"too many requests", {"Retry-After": wait})


def _broken(trap: Trap, _: Request) -> Answer:
    return Answer(500 + trap.sprung % 5, BODIES[trap.sprung % len(BODIES)])


def _forbidden(_: Trap, request: Request) -> Answer:
    return refused(403, f"{request.kind} is forbidden", request.name)


def _unauthorized(_: Trap, __: Request) -> Answer:
    return refused(401, "Unauthorized")


def _denied(_: Trap, request: Request) -> Answer:
    return refused(400, 'admission webhook "policy" denied the request: not now', request.name)


def _unknown(_: Trap, __: Request) -> Answer:
    return refused(404, "the server could not find the requested resource")


REQUEST_FAULTS: Mapping[str, Callable[[Trap, Request, Do, float], Awaitable[Answer]]] = {
    "conflict": _says(_conflict),
    "throttled": _says(_throttled),
    "broken": _says(_broken),
    "forbidden": _says(_forbidden),
    "unauthorized": _says(_unauthorized),
    "denied": _says(_denied),
    "unknown kind": _says(_unknown),
    "lost before": _lost_before,
    "lost after": _lost_after,
    "reset after": _reset_after,
    "garbled after": _garbled_after,
    "slow": _slow,
    "late after": _late_after,
}
"""What a single request may meet; those ``after`` were done."""


@dataclass(eq=False)
class Wire:
    """One process's connections, as its client library has them.

    ``told``: hears of each write, and of what it came to.
    ``wordy``: versions are words to this process. ``older``: kinds of today are not known.
    ``read``: hears of each read. ``wrote``: the version of each object after our last write whose
    answer we have.
    """

    server: Server
    actor: str
    life: Life
    latency: float
    traps: list[Trap]
    sprung: Callable[[str], None]
    told: Callable[[str], None]
    before: Callable[[Request], None]
    after: Callable[[Request], None]
    read: Callable[[Request], None] = lambda _: None
    wordy: bool = False
    older: bool = False
    replica: int = 0
    stale_list: int = 0
    wrote: dict[Place, int] = field(default_factory=dict)
    configuration: Any = field(default_factory=lambda: SimpleNamespace(host="http://sim"))
    default_headers: dict[str, str] = field(default_factory=dict)

    @property
    def at(self) -> Replica:
        return self.server.replicas[self.replica]

    async def update_params_for_auth(self, *_: object) -> None: ...

    async def close(self) -> None: ...

    async def call_api(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any = None,
        _request_timeout: aiohttp.ClientTimeout | None = None,
    ) -> Any:
        text = jsontext.written(body).replace(WORD.encode(), b"")
        sent = jsontext.read(text) if body is not None else None
        request = server.read(self.actor, method, url.replace(_QUOTED, ""), sent)
        seconds = (_request_timeout.total if _request_timeout else None) or 30.0
        await self.life.go_on()
        await asyncio.sleep(self.latency)
        if self.older and _OF_TODAY.get(request.kind, "nowhere") in url:
            answer = _unknown(NO_TRAP, request)
        else:
            answer = await self._trapped(request, seconds)
        if not request.writes:
            self.read(request)
        else:
            self.told(f"{self.actor} {request} {answer.code}")
            if not request.query.get("dryRun"):
                self._answered(answer)
        if request.verb == "watch" and answer.code == 200:
            return SimpleNamespace(response=Response(200, {}, self._watch(request, seconds)))
        body = self._worded(answer.body)
        return SimpleNamespace(response=Response(answer.code, answer.headers, _whole(body)))

    async def _trapped(self, request: Request, seconds: float) -> Answer:
        for trap in self.traps:
            if trap.catches(request):
                trap.sprung += 1
                self.sprung(trap.what)
                return await REQUEST_FAULTS[trap.what](
                    trap, request, lambda: self._done(request), seconds
                )
        return await self._done(request)

    async def _done(self, request: Request) -> Answer:
        match request.verb:
            case "watch":
                return Answer(200, b"")
            case "list":
                return self._list(request)
            case "get":
                return self.server.serve(request)
        await self.life.go_on()
        self.before(request)
        name = f"{request.verb} {request.kind} {request.subresource}".strip()
        answer = await self.life.effect(name, lambda: self._served(request))
        self.after(request)
        return answer

    async def _served(self, request: Request) -> Answer:
        return self.server.serve(request)

    def _list(self, request: Request) -> Answer:
        """As of now, or of a while ago where a replica that lags answers."""
        revision = self.server.ledger.revision
        if self.stale_list > 0:
            self.stale_list -= 1
            revision = self.server.reached(self.at)
        return self.server.listed(request, revision)

    def _answered(self, answer: Answer) -> None:
        if answer.stored is not None:
            obj = answer.stored.object
            self.wrote[str(obj["kind"]), *key(obj)] = answer.stored.revision

    async def _watch(self, request: Request, seconds: float) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        from_revision = int(request.query.get("resourceVersion") or 0)
        watching = Watching(
            self.server,
            self.actor,
            request.kind,
            self.at,
            from_revision,
            loop.time() + WATCH_SECONDS,
            loop.time() + seconds,
        )
        async for chunk in watching.chunks():
            yield self._worded(chunk)

    def _worded(self, body: bytes) -> bytes:
        return _VERSIONS.sub(rb"\1" + WORD.encode() + b'"', body) if self.wordy else body


@dataclass(eq=False)
class Response:
    """What of aiohttp's response is used."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncGenerator[bytes]

    @property
    def content(self) -> "Response":
        return self

    def iter_any(self) -> AsyncGenerator[bytes]:
        return self.chunks

    def release(self) -> None: ...

    def close(self) -> None: ...


async def _whole(body: bytes) -> AsyncGenerator[bytes]:
    yield body
