"""One HTTP gate asked once: a signed POST, and what its answer means; nothing here fails open.

The address comes from a manifest, so it is the author's word and not an operator's: which hosts
may be asked and behind which addresses is the controller's policy (``reach.py``), and is checked
on the very address that is connected to.
Sources: Stripe, "Verify webhook signatures" (``t=…,v1=…`` over ``t.body``, several ``v1`` while a
key is changed); docs/facts.md.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self, TypeVar
from weakref import WeakValueDictionary

import aiohttp
from yarl import URL

from rollout import lenient
from rollout.edges import outward, whole
from rollout.edges.outward import Outward, OutwardDoor
from rollout.edges.proxy import Proxy
from rollout.edges.reach import Hosts
from rollout.errors import OutsideError, RefusedError, visible
from rollout.model import units
from rollout.model.observation import HookAnswer, HookQuestion, HookVerdict
from rollout.model.spec import Listener

SIGNATURE = "X-Rollout-Signature"
LARGEST = 64 << 10  # bytes of an answer; a verdict has a hundred
LONGEST = 120  # characters of an answer's reason
SHORTEST_KEY = 16  # bytes; less can be guessed
AT_ONE_HOST = 16  # questions at one time
KEYS = ("key", "previous")

TELLING = timedelta(seconds=10)
T = TypeVar("T")

Entries = Mapping[str, bytes]
"""What the Secret holds: ``key``, and perhaps ``previous`` and ``ca.crt``."""


class Webhooks:
    """The port of that name; ``hosts``: who may be asked, ``proxy``: through whom."""

    def __init__(self, hosts: Hosts, proxy: Proxy | None = None) -> None:
        self._outward = Outward(hosts, proxy)
        self._queues: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._outward.close()

    async def ask(self, question: HookQuestion, entries: Entries, now: datetime) -> HookAnswer:
        """What the gate says to ``question``.

        Errors: ``OutsideError`` when there is no answer that could be understood, and
        ``RefusedError`` when it may not be asked or says that we may not ask; never a verdict.
        """
        hook = question.hook
        call = _Call(hook.url, hook.secret_ref.name, hook.timeout, body(question))
        return await self._send(call, entries, now, partial(_meaning, question.nonce))

    async def tell(
        self, news: Mapping[str, Any], listener: Listener, entries: Entries, now: datetime
    ) -> None:
        """It has been told: an answer of 2xx, whatever is in it.

        ``entries``: of the Secret that ``listener`` names. Errors: as ``ask``.
        """
        text = json.dumps(news, separators=(",", ":")).encode()
        call = _Call(listener.url, listener.secret_ref.name, TELLING, text)
        await self._send(call, entries, now, _taken)

    async def _send(
        self,
        call: "_Call",
        entries: Entries,
        now: datetime,
        meaning: Callable[[aiohttp.ClientResponse, bytes], T],
    ) -> T:
        url = outward.address(call.url)
        door = self._outward.door(url, call.secret, entries)
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "rollout-webhook/1",
            SIGNATURE: signature(_keys(call.secret, entries), call.text, now),
        }
        queue = self._queues.setdefault(str(url.host), asyncio.Semaphore(AT_ONE_HOST))
        async with queue:
            return meaning(*await _post(door, url, headers, call))


@dataclass(frozen=True, slots=True)
class _Call:
    """One POST: where to, signed with which Secret, how long it may last, and what it says."""

    url: str
    secret: str
    timeout: timedelta
    text: bytes


def body(question: HookQuestion) -> bytes:
    """What is sent: flat JSON, the same bytes for the same question while nothing else is decided.

    docs/webhooks.md describes it to people.
    """
    said = {
        "version": 1,
        "nonce": question.nonce,
        "uid": question.uid,
        "namespace": question.namespace,
        "rollout": question.rollout,
        "webhook": question.hook.name,
        "revision": question.revision,
        "commit": question.commit,
        "step": question.step,
        "stepName": question.step_name,
        "weight": question.weight,
        "attempt": question.attempt,
        "epoch": question.epoch,
    }
    return json.dumps(said, separators=(",", ":")).encode()


def signature(keys: tuple[bytes, ...], text: bytes, now: datetime) -> str:
    """The header: the time in seconds, and of each key the HMAC-SHA256 of ``time.text``."""
    at = str(int(now.timestamp()))
    signed = at.encode() + b"." + text
    made = (hmac.new(key, signed, hashlib.sha256).hexdigest() for key in keys)
    return ",".join([f"t={at}", *(f"v1={one}" for one in made)])


def _keys(name: str, entries: Entries) -> tuple[bytes, ...]:
    if "key" not in entries:
        raise RefusedError(f"secret {name}: has no entry key")
    keys = tuple(entries[one].strip() for one in KEYS if one in entries)
    if min(len(key) for key in keys) < SHORTEST_KEY:
        raise RefusedError(f"secret {name}: a key is shorter than {SHORTEST_KEY} bytes")
    return keys


async def _post(
    door: OutwardDoor, url: URL, headers: Mapping[str, str], call: _Call
) -> tuple[aiohttp.ClientResponse, bytes]:
    seconds = call.timeout.total_seconds()
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            door.session() as http,
            http.post(
                url,
                data=call.text,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                proxy=door.proxy,
            ) as answer,
        ):
            return answer, await _read(answer)
    except TimeoutError as error:
        raise OutsideError(f"none in {units.words(call.timeout)}") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if door.shut:
            raise RefusedError("its address may not be asked; see the policy") from error
        raise OutsideError(outward.trouble(error, "its proxy" if door.proxy else "it")) from error


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body, whole. Errors: ``OutsideError`` for one that is too long."""
    read = await whole.read(answer, LARGEST)
    if read is None:
        raise OutsideError(f"more than {LARGEST >> 10} KiB")
    return read


def _meaning(nonce: str, answer: aiohttp.ClientResponse, read: bytes) -> HookAnswer:
    """The table of docs/webhooks.md, by status first."""
    _taken(answer, read)
    status = answer.status
    if read.strip():
        return _verdict(nonce, answer.content_type, read)
    if status == 204 or (status == 200 and _ends(answer)):
        return HookAnswer(nonce, HookVerdict.OPEN)
    if status == 200:
        raise OutsideError("an empty answer that may be cut off; say Content-Length: 0")
    return HookAnswer(nonce, HookVerdict.HOLD, f"answered {status} without a verdict")


def _taken(answer: aiohttp.ClientResponse, read: bytes) -> None:
    """The request was taken, whatever came of it. Errors: in our words where it was not."""
    del read
    status = answer.status
    if 300 <= status < 400:
        raise RefusedError("it redirects; the url must name the server itself")
    if status in (429, 503):
        raise OutsideError(f"it answers {status}", _seconds(answer.headers.get("Retry-After")))
    if status in (401, 403):
        raise RefusedError(f"it answers {status}; is the key right?")
    if not 200 <= status < 300:
        raise OutsideError(f"it answers {status}")


def _ends(answer: aiohttp.ClientResponse) -> bool:
    """Whether an empty body is meant: one that ends with its connection may have been cut off."""
    chunked = answer.headers.get("Transfer-Encoding", "").lower() == "chunked"
    return chunked or answer.headers.get("Content-Length") == "0"


def _verdict(nonce: str, kind: str, read: bytes) -> HookAnswer:
    if kind != "application/json" and not kind.endswith("+json"):
        raise OutsideError("its answer is no JSON; application/json is wanted")
    try:
        said = json.loads(read)
    except (ValueError, RecursionError) as error:
        raise OutsideError("its JSON cannot be read") from error
    found = said.get("verdict") if isinstance(said, dict) else None
    if found not in ("open", "hold", "failed"):
        raise OutsideError("it names no verdict; open, hold or failed is wanted")
    return HookAnswer(nonce, HookVerdict(found), _line(said.get("because")))


def _line(text: object) -> str:
    """A foreign reason as one short line of characters that a terminal shows."""
    if not isinstance(text, str):
        return ""
    return " ".join(visible(text[: LONGEST * 8]).split())[:LONGEST]


def _seconds(text: str | None) -> float | None:
    found = lenient.whole(text or "", 6)
    return None if found is None else float(found)
