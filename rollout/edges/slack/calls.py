"""One call of Slack's Web API through slack-sdk, and what its errors mean to whom.

Sources: docs.slack.dev, "Web API" (``ok: false`` comes with 200), "Rate limits" (429 with
``Retry-After``, by method), and the error lists of the methods that are used.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from rollout.errors import OutsideError, RefusedError

API = "https://slack.com/api/"
PATIENCE = 10.0  # seconds for one answer
LANDING = 20.0  # seconds in which a message that was given up on may still come to stand there
USUAL_WAIT, LONGEST_WAIT = 30.0, 600.0  # seconds after a 429: without a readable wish, and at most

_PASSING = {
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited",
    "rate_limited", "team_added_to_org", "accesslimited", "message_limit_exceeded",
}  # fmt: skip
_TOKEN = {
    "not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired",
    "org_login_required", "ekm_access_denied",
}  # fmt: skip
_WANTED = {
    "channel_not_found": "is not there, or is private and the app is not in it; invite the app",
    "not_in_channel": "does not have the app; /invite it there",
    "is_archived": "is archived; name another one, or unarchive it",
    "restricted_action": "does not let the app post; ask an admin of the workspace",
    "no_such_subteam": "is no user group, or is disabled",
    "expired_trigger_id": "came too late to be opened; press the button once more",
    "missing_scope": "needs a scope that the app lacks; install it as docs/slack-app.yaml says",
}

quiet = logging.getLogger("rollout.slack-sdk")
"""slack-sdk's own lines, which hold payloads and one-time addresses: nothing is written."""
quiet.disabled = True


@dataclass(slots=True)
class Calls:
    """``token`` is asked anew for each call, so that one may be changed while we run.

    ``base_url``: Slack's, or the stand-in's. ``proxy``: the HTTP proxy's address, or empty.
    """

    http: aiohttp.ClientSession
    token: Callable[[], str]
    base_url: str = API
    proxy: str = ""
    _shut: dict[str, float] = field(default_factory=dict)

    def client(self) -> AsyncWebClient:
        """slack-sdk's client; it never tries again by itself, since a post must not happen twice.

        Errors: ``RefusedError`` for a token that cannot be read.
        """
        made = AsyncWebClient(
            self.token(),
            base_url=self.base_url,
            timeout=round(PATIENCE),
            session=self.http,
            logger=quiet,
            retry_handlers=[],
        )
        made.proxy = self.proxy or None  # and not what slack-sdk reads from the environment
        return made

    async def call(self, method: str, what: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What ``method`` answers. ``what``: whom the call speaks of, for the words of an error.

        Errors: ``OutsideError`` when there is no answer, or none yet; ``RefusedError`` when a
        person must change something; ``AbsentError``, a ``RefusedError``, when it is not there.
        """
        self._may_ask(method)
        get = method in _BY_GET
        given = {"params": dict(arguments)} if get else {"json": dict(arguments)}
        try:
            async with asyncio.timeout(PATIENCE):
                client = self.client()
                answer = await client.api_call(method, http_verb="GET" if get else "POST", **given)
        except SlackClientError as error:
            raise self._meaning(method, what, error) from None
        except TimeoutError:
            wait = LANDING if method == "chat.postMessage" else None
            raise OutsideError(f"slack: no answer in {PATIENCE:g} s", wait) from None
        except (aiohttp.ClientError, OSError) as error:
            raise OutsideError(f"slack: no answer ({type(error).__name__})") from None
        except (AttributeError, TypeError, ValueError):  # of a body that is no JSON object
            raise OutsideError("slack: an answer that cannot be read") from None
        return answer.data if isinstance(answer.data, Mapping) else {}

    def _may_ask(self, method: str) -> None:
        left = self._shut.get(method, 0.0) - asyncio.get_running_loop().time()
        if left > 0:
            raise OutsideError(f"slack: asked to wait {math.ceil(left)} s more", left)

    def _meaning(self, method: str, what: str, error: SlackClientError) -> Exception:
        """The error in our words; Slack's text is left out, since it repeats what was sent."""
        answer = getattr(error, "response", None)
        status = getattr(answer, "status_code", None) or getattr(answer, "status", 0)
        headers = getattr(answer, "headers", None) or {}
        data = getattr(answer, "data", None)
        code = str(data.get("error", "")) if isinstance(data, Mapping) else ""
        if status == 429 or code in ("ratelimited", "rate_limited"):
            wait = seconds(headers.get("Retry-After"))
            self._shut[method] = asyncio.get_running_loop().time() + wait
            return OutsideError(f"slack: asks to wait {math.ceil(wait)} s", wait)
        if status != 200 or not code or code in _PASSING:
            return OutsideError(f"slack: answers {code[:40] or status}")
        if code in _TOKEN:
            return RefusedError(f"slack: the token is refused ({code}); a valid one is wanted")
        if code in _ABSENT:
            return AbsentError(f"{what}: {_WANTED.get(code, code)}")
        return RefusedError(f"{what}: {_WANTED.get(code, f'slack says {code[:60]}')}")


_BY_GET = {
    "conversations.list", "conversations.history", "conversations.replies",
    "usergroups.users.list", "users.lookupByEmail", "users.info",
}  # fmt: skip

_ABSENT = {
    "message_not_found", "thread_not_found", "users_not_found", "user_not_found",
    "no_such_subteam", "channel_not_found",
}  # fmt: skip


class AbsentError(RefusedError):
    """What was asked for is not there."""


def seconds(text: str | None) -> float:
    """How long a ``Retry-After`` wants us to wait: within bounds, whatever it says."""
    try:
        wanted = float(text or "")
    except ValueError:
        return USUAL_WAIT
    return min(max(wanted, 1.0), LONGEST_WAIT) if math.isfinite(wanted) else USUAL_WAIT
