"""Push webhooks of forges: whether one is genuine, over its raw bytes, and then what it says.

Sources: docs.github.com, "Validating webhook deliveries"; docs.gitlab.com, "Webhooks" (secret
token; signing token, as github.com/standard-webhooks has it); support.atlassian.com, "Manage
webhooks" (Secure webhooks) and confluence.atlassian.com, "Event payload"; docs.gitea.com and
forgejo.org/docs, "Webhooks".
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from rollout.model.forge import Ping, Push

LARGEST = 1 << 20  # bytes of a body; a push of a hundred commits has about 150 KiB
SHORTEST_KEY = 16  # bytes; less can be guessed
TOLERANCE = 300  # seconds that GitLab's clock and ours may differ, either way
MOST = 1000  # refs of one push

Headers = Callable[[str], Sequence[str]]
"""Every value of the header of that name."""
Secrets = Sequence[str]
"""Those in force: two while one is being changed."""

_HEX = re.compile(r"[0-9a-f]{64}")
_STAMP = re.compile(r"[0-9]{1,12}")


def is_genuine(headers: Headers, body: bytes, secrets: Secrets, now: datetime) -> bool:
    """Whether whoever sent ``body`` knows one of ``secrets``.

    The first proof in the order of ``_PROOFS`` that a request carries decides: a forge that sends
    several sends all of them well. Two headers of one name let a proxy and us read different ones.
    """
    for name, check in _PROOFS:
        given = headers(name)
        if given:
            known = [one.encode() for one in secrets if len(one.encode()) >= SHORTEST_KEY]
            return len(given) == 1 and check(given[0], headers, body, known, now)
    return False


_Proof = Callable[[str, Headers, bytes, Sequence[bytes], datetime], bool]


def _hub(given: str, _: Headers, body: bytes, keys: Sequence[bytes], __: datetime) -> bool:
    """GitHub's, and Bitbucket's under its older name: ``sha256=`` and the HMAC in hex."""
    scheme, _sep, digest = given.partition("=")
    return scheme == "sha256" and _is_hmac(digest, body, keys)


def _bare(given: str, _: Headers, body: bytes, keys: Sequence[bytes], __: datetime) -> bool:
    return _is_hmac(given, body, keys)


def _is_hmac(digest: str, body: bytes, keys: Sequence[bytes]) -> bool:
    if not _HEX.fullmatch(digest):
        return False
    made = [hmac.new(key, body, hashlib.sha256).hexdigest() for key in keys]
    return _any_same(made, digest)


def _signed(
    given: str, headers: Headers, body: bytes, keys: Sequence[bytes], now: datetime
) -> bool:
    """GitLab's signing token: ``v1,`` and the HMAC of ``id.time.body`` in base64, maybe several."""
    ids, stamps = headers("webhook-id"), headers("webhook-timestamp")
    if len(ids) != 1 or len(stamps) != 1 or not _STAMP.fullmatch(stamps[0]):
        return False
    if not ids[0].isascii() or abs(now.timestamp() - int(stamps[0])) > TOLERANCE:
        return False
    signed = f"{ids[0]}.{stamps[0]}.".encode() + body
    made = [
        base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        for key in map(_standard_key, keys)
        if key
    ]
    proofs = [one.removeprefix("v1,") for one in given.split(" ")[:4] if one.startswith("v1,")]
    same = [_any_same(made, proof) for proof in proofs if proof.isascii()]
    return any(same)


def _standard_key(key: bytes) -> bytes:
    """The bytes of ``whsec_…``; empty: it is none."""
    if not key.startswith(b"whsec_"):
        return b""
    try:
        return base64.b64decode(key.removeprefix(b"whsec_"), validate=True)
    except binascii.Error:
        return b""


def _token(given: str, _: Headers, __: bytes, keys: Sequence[bytes], ___: datetime) -> bool:
    """GitLab's secret token, as it is; digests are compared, so its length does not show either."""
    made = [hashlib.sha256(key).hexdigest() for key in keys]
    plain = given.encode("utf-8", "surrogateescape")
    return _any_same(made, hashlib.sha256(plain).hexdigest())


def _any_same(made: Sequence[str], given: str) -> bool:
    """In constant time, whichever of them it is."""
    same = [hmac.compare_digest(one.encode(), given.encode()) for one in made]
    return any(same)


_PROOFS: tuple[tuple[str, _Proof], ...] = (
    ("X-Hub-Signature-256", _hub),
    ("X-Gitea-Signature", _bare),
    ("X-Forgejo-Signature", _bare),
    ("X-Hub-Signature", _hub),
    ("webhook-signature", _signed),
    ("X-Gitlab-Token", _token),
)


def read(headers: Headers, body: bytes) -> Push | Ping | None:
    """What a genuine webhook says; None: nobody can read it."""
    event = next((headers(name)[0] for name in _EVENTS if headers(name)), "")
    if event not in _PUSHES:
        return Ping()
    try:
        told = json.loads(_json(headers, body))
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, Mapping):
        return None
    if event == _SYSTEM and _text(told, "event_name") not in _SYSTEM_PUSHES:
        return Ping()
    addresses = tuple(dict.fromkeys(_addresses(told)))
    if not addresses:
        return None
    refs = tuple(dict.fromkeys(_refs(told)))
    return Push(addresses, refs, _text(_repository(told), "default_branch"))


_EVENTS = ("X-Forgejo-Event", "X-Gitea-Event", "X-GitHub-Event", "X-Gitlab-Event", "X-Event-Key")
_SYSTEM = "System Hook"  # GitLab's of a whole instance, which tells of users and projects, too
_SYSTEM_PUSHES = frozenset({"push", "tag_push", "repository_update"})
_PUSHES = frozenset(
    {
        *("push", "create", "delete"),  # of branches and tags, at GitHub and Gitea
        *("Push Hook", "Tag Push Hook", _SYSTEM),
        *("repo:push", "repo:refs_changed", "mirror:repo_synchronized"),
    }
)


def _json(headers: Headers, body: bytes) -> bytes:
    """GitHub and Gitea send a form, too, if they are told to."""
    kind = (headers("Content-Type") or ("",))[0].partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return body
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=4)
    return fields.get("payload", [""])[0].encode()


def _repository(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """GitLab's ``project``, everybody else's ``repository``."""
    project = told.get("project")
    return project if isinstance(project, Mapping) else _map(told, "repository")


def _addresses(told: Mapping[str, Any]) -> Iterator[str]:
    """Every address that the repository is said to be cloned from, or shown at."""
    for key in ("clone_url", "ssh_url", "git_http_url", "git_ssh_url"):
        yield from _texts(_repository(told).get(key))
    links = _map(_repository(told), "links")
    clones = links.get("clone")
    for one in clones if isinstance(clones, list) else []:
        yield from _texts(one.get("href") if isinstance(one, Mapping) else None)
    yield from _texts(_map(links, "html").get("href"))


def _refs(told: Mapping[str, Any]) -> Iterator[str]:
    """Full names of what moved."""
    for ref in _texts(told.get("ref")):
        short = {"branch": "refs/heads/", "tag": "refs/tags/"}.get(_text(told, "ref_type"), "")
        yield ref if ref.startswith("refs/") else f"{short or 'refs/heads/'}{ref}"
    refs = told.get("refs")  # of GitLab's repository_update
    for ref in refs[:MOST] if isinstance(refs, list) else []:
        yield from _texts(ref)
    for change in _changes(told.get("changes")):
        yield from _texts(_map(change, "ref").get("id"))
    for change in _changes(_map(told, "push").get("changes")):
        for side in (_map(change, "new"), _map(change, "old")):
            under = "refs/tags/" if side.get("type") == "tag" else "refs/heads/"
            yield from (f"{under}{name}" for name in _texts(side.get("name")))


def _changes(value: Any) -> list[Mapping[str, Any]]:
    entries = value if isinstance(value, list) else []
    return [one for one in entries[:MOST] if isinstance(one, Mapping)]


def _map(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = told.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and 0 < len(value) <= 2000:
        yield value
