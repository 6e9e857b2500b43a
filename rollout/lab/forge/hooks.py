"""Push webhooks as each forge sends them: body, headers and proof.

Sources: docs.github.com, "Webhook events and payloads" (push, ping) and "Validating webhook
deliveries"; docs.gitlab.com, "Webhook events" and "Webhooks" (secret token, signing token);
support.atlassian.com, "Event payloads" (repo:push); confluence.atlassian.com, "Event payload"
(repo:refs_changed, diagnostics:ping); docs.gitea.com and forgejo.org/docs, "Webhooks".
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Moved:
    """What was pushed: ``ref`` of the repository that people clone at ``url``.

    ``name``: ``owner/name``; ``default``: the repository's default branch.
    """

    name: str
    url: str
    ref: str
    before: str
    after: str
    default: str = "main"

    @property
    def ssh(self) -> str:
        return f"ssh://git@{urlsplit(self.url).hostname}/{self.name}.git"

    @property
    def web(self) -> str:
        return self.url.removesuffix(".git")

    @property
    def branch(self) -> str:
        return self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


Headers = dict[str, str]
Sent = tuple[bytes, Headers]
"""A request's body and headers."""


def github(moved: Moved, secret: str, event: str = "push") -> Sent:
    """``event``: ``push`` or ``ping``."""
    repository = {
        "id": 1296269,
        "full_name": moved.name,
        "html_url": moved.web,
        "clone_url": moved.url,
        "ssh_url": moved.ssh,
        "git_url": moved.ssh,
        "default_branch": moved.default,
    }
    push: dict[str, Any] = {
        "ref": moved.ref,
        "before": moved.before,
        "after": moved.after,
        "commits": [],
    }
    ping: dict[str, Any] = {
        "zen": "Keep it logically awesome.",
        "hook_id": 1,
        "hook": {"type": "Repository"},
    }
    told = push if event == "push" else ping
    body = _json({**told, "repository": repository, "sender": {"login": "ann"}})
    return body, {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature": f"sha1={_mac(secret, body, 'sha1')}",
        "X-Hub-Signature-256": f"sha256={_mac(secret, body)}",
    }


def gitlab(moved: Moved, secret: str) -> Sent:
    """With the secret token in a header, as GitLab has always sent it."""
    body, headers = _gitlab(moved)
    return body, {**headers, "X-Gitlab-Token": secret}


def gitlab_signed(moved: Moved, secret: str, at: float | None = None) -> Sent:
    """With a signing token, ``whsec_…``; ``at``: GitLab's clock, seconds since 1970."""
    body, headers = _gitlab(moved)
    stamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    id_ = headers["Idempotency-Key"]
    signed = f"{id_}.{stamp}.".encode() + body
    proof = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return body, {
        **headers,
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{proof}",
    }


def _gitlab(moved: Moved) -> Sent:
    tag = moved.ref.startswith("refs/tags/")
    told: dict[str, Any] = {
        "object_kind": "tag_push" if tag else "push",
        "event_name": "tag_push" if tag else "push",
        "ref": moved.ref,
        "before": moved.before,
        "after": moved.after,
        "checkout_sha": moved.after,
        "project_id": 15,
        "project": {
            "path_with_namespace": moved.name,
            "web_url": moved.web,
            "git_ssh_url": moved.ssh,
            "git_http_url": moved.url,
            "default_branch": moved.default,
        },
        "commits": [],
    }
    return _json(told), {
        "Content-Type": "application/json",
        "User-Agent": "GitLab/19.1.0",
        "Idempotency-Key": str(uuid.uuid4()),
        "X-Gitlab-Event": "Tag Push Hook" if tag else "Push Hook",
        "X-Gitlab-Event-UUID": str(uuid.uuid4()),
        "X-Gitlab-Instance": f"https://{urlsplit(moved.url).netloc}",
    }


def bitbucket(moved: Moved, secret: str) -> Sent:
    """Bitbucket Cloud, which names a repository by its page alone."""
    tag = moved.ref.startswith("refs/tags/")
    new = {"type": "tag" if tag else "branch", "name": moved.branch}
    told: dict[str, Any] = {
        "actor": {"display_name": "Ann"},
        "repository": {
            "type": "repository",
            "full_name": moved.name,
            "links": {"html": {"href": moved.web}},
        },
        "push": {"changes": [{"old": new, "new": new, "created": False, "closed": False}]},
    }
    body = _json(told)
    return body, {
        "Content-Type": "application/json",
        "User-Agent": "Bitbucket-Webhooks/2.0",
        "X-Event-Key": "repo:push",
        "X-Hook-UUID": str(uuid.uuid4()),
        "X-Request-UUID": str(uuid.uuid4()),
        "X-Hub-Signature": f"sha256={_mac(secret, body)}",
    }


def bitbucket_server(moved: Moved, secret: str, event: str = "repo:refs_changed") -> Sent:
    """Bitbucket Data Center; ``event``: that, or ``diagnostics:ping``."""
    owner, _, name = moved.name.partition("/")
    change = {
        "ref": {"id": moved.ref, "displayId": moved.branch, "type": "BRANCH"},
        "refId": moved.ref,
        "fromHash": moved.before,
        "toHash": moved.after,
        "type": "UPDATE",
    }
    clones = [{"href": moved.ssh, "name": "ssh"}, {"href": moved.url, "name": "http"}]
    told = {
        "eventKey": "repo:refs_changed",
        "date": "2026-11-29T07:00:00+0000",
        "repository": {
            "slug": name,
            "project": {"key": owner.upper()},
            "links": {"clone": clones},
        },
        "changes": [change],
    }
    body = _json({"test": True} if event == "diagnostics:ping" else told)
    return body, {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Atlassian HttpClient",
        "X-Event-Key": event,
        "X-Request-Id": str(uuid.uuid4()),
        "X-Hub-Signature": f"sha256={_mac(secret, body)}",
    }


def gitea(moved: Moved, secret: str) -> Sent:
    """Gitea, which sends GitHub's headers, too."""
    body, headers = _like_github(moved, secret)
    return body, {**headers, "X-Gitea-Event": "push", "X-Gitea-Signature": _mac(secret, body)}


def forgejo(moved: Moved, secret: str) -> Sent:
    """Forgejo, which sends Gitea's headers, too."""
    body, headers = gitea(moved, secret)
    return body, {**headers, "X-Forgejo-Event": "push", "X-Forgejo-Signature": _mac(secret, body)}


def _like_github(moved: Moved, secret: str) -> Sent:
    body, headers = github(moved, secret)
    return body, {**headers, "User-Agent": "Go-http-client/1.1"}


FORGES: dict[str, Callable[[Moved, str], Sent]] = {
    "github": github,
    "gitlab": gitlab,
    "gitlab-signed": gitlab_signed,
    "bitbucket": bitbucket,
    "bitbucket-server": bitbucket_server,
    "gitea": gitea,
    "forgejo": forgejo,
}


def _json(told: Any) -> bytes:
    return json.dumps(told).encode()


def _mac(secret: str, body: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()
