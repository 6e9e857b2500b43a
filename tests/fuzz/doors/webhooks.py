"""What anybody may send: pushes of forges, and Slack's interactions; headers and bodies."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from rollout.edges.forge import hooks
from rollout.edges.slack import payload, signed
from rollout.model.chat import Click, Command, Refusal
from rollout.model.forge import Ping, Push
from tests.fuzz import oracle
from tests.fuzz.bites import Bites, dumped, spoilt

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
SECRETS = ("s3cret-of-the-forge", "whsec_c2VjcmV0LXRoYXQtaXMtbG9uZw==")
URL = "https://github.com/acme/shop"
GITHUB = {
    "ref": "refs/heads/main",
    "repository": {"clone_url": f"{URL}.git", "ssh_url": "git@github.com:acme/shop.git"},
}
GITLAB = {
    "ref": "refs/heads/main",
    "project": {"git_http_url": f"{URL}.git", "default_branch": "main"},
}
BITBUCKET = {
    "repository": {"links": {"clone": [{"href": URL}], "html": {"href": URL}}},
    "push": {"changes": [{"new": {"type": "branch", "name": "main"}, "old": None}]},
    "changes": [{"ref": {"id": "refs/heads/main"}}],
}
USER = {"id": "U012AB3CD", "team_id": "T1"}
CLICK = {
    "type": "block_actions",
    "user": USER,
    "channel": {"id": "C1"},
    "trigger_id": "1.2",
    "actions": [
        {
            "action_id": "approve",
            "action_ts": "1767614400.000100",
            "value": json.dumps(["Rollout", "shop", "shop", "uid", "c1", 1, 0, 1767614400]),
        }
    ],
}
VIEW = {
    "type": "view_submission",
    "user": USER,
    "team": {"id": "T1"},
    "view": {
        "id": "V1",
        "callback_id": "rollout_reason",
        "private_metadata": '["C1", null]',
        "state": {"values": {"reason": {"reason": {"value": "too slow"}}}},
    },
}
COMMAND = {"command": "/rollout", "text": "status shop/shop", "user_id": "U1", "team_id": "T1"}
PUSHES: tuple[Any, ...] = (GITHUB, GITLAB, BITBUCKET)
EVENTS = ("push", "Push Hook", "repo:push", "repo:refs_changed", "ping", "System Hook")
NAMES = (
    *("X-Hub-Signature-256", "X-Gitea-Signature", "X-Hub-Signature", "webhook-signature"),
    *("X-Gitlab-Token", "webhook-id", "webhook-timestamp"),
)


def read(data: bytes) -> None:
    """One request, through both doors' readers."""
    bites = Bites(data)
    way = bites.byte()
    if way % 2:
        _pushed(bites)
    else:
        _pressed(bites)


def _header(bites: Bites) -> str:
    """A header's value as aiohttp gives it: bytes that are no UTF-8 are escaped, and no others."""
    return bites.text().encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


def _body(bites: Bites, samples: Sequence[Any]) -> bytes:
    way = bites.byte()
    if way < 16:
        return bites.rest()
    if way < 24:
        return dumped(spoilt(bites.pick(samples), bites))[: bites.below(400)]
    return dumped(spoilt(bites.pick(samples), bites))


def _pushed(bites: Bites) -> None:
    given: dict[str, list[str]] = {}
    for name in NAMES:
        if bites.byte() < 60:
            given[name] = [_header(bites) for _ in range(1 + bites.below(2))]
    event = bites.pick(EVENTS) if bites.byte() < 230 else bites.text()
    given[bites.pick(("X-GitHub-Event", "X-Gitlab-Event", "X-Event-Key"))] = [event]
    if bites.byte() < 40:
        given["Content-Type"] = [bites.pick(("application/x-www-form-urlencoded", bites.text()))]
    genuine = bites.byte() < 100
    body = _body(bites, PUSHES)
    if genuine:
        made = hmac.new(SECRETS[0].encode(), body, hashlib.sha256).hexdigest()
        given["X-Hub-Signature-256"] = [f"sha256={made}"]

    def headers(name: str) -> Sequence[str]:
        return given.get(name, [])

    proven = hooks.is_genuine(headers, body, SECRETS, NOW)
    if genuine and not proven:
        raise oracle.Fault("a genuine push was not taken", repr(given))
    match hooks.read(headers, body):
        case Push() as push:
            push.concerns(f"{URL}.git", "main")
            push.concerns("git@github.com:acme/shop.git", "HEAD")
        case Ping() | None:
            pass


def _pressed(bites: Bites) -> None:
    samples = (CLICK, VIEW)
    body = _body(bites, samples)
    stamp = STAMP if bites.byte() < 200 else bites.text()
    made = hmac.new(b"shhh", f"v0:{stamp}:".encode("utf-8", "surrogatepass") + body, hashlib.sha256)
    signature = f"v0={made.hexdigest()}" if bites.byte() < 200 else bites.text()
    signed.is_slacks([stamp], [signature], body, ["shhh", ""], NOW)
    form = b"payload=" + quote(body).encode() if bites.byte() < 200 else body
    _heard(payload.of_form(form))
    _heard(payload.of_command(spoilt(COMMAND, bites)))
    _heard(payload.of_interaction(spoilt(bites.pick(samples), bites)))


def _heard(what: object) -> None:
    if isinstance(what, Command):
        oracle.sentences([what.text])
    elif isinstance(what, Refusal):
        oracle.sentences([what.reason])
    elif what is not None and not isinstance(what, Click):
        raise oracle.Fault("nobody knows what was heard", repr(what))
