"""What an operator lets manifests ask of the controller: one file, read at its start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rollout.errors import ManifestError, RefusedError, why
from rollout.model.units import CONFIG


@dataclass(frozen=True, slots=True)
class Slack:
    """Files with Slack's secrets, read anew at each use; they go before ``SLACK_…`` variables.

    ``api``: where the Web API is, for GovSlack and for the lab; empty: slack.com.
    """

    __pydantic_config__ = CONFIG

    bot_token: str = ""
    app_token: str = ""
    signing_secret: str = ""
    api: Annotated[str, Field(pattern=r"^(https?://[^\s]+/)?$")] = ""


@dataclass(frozen=True, slots=True)
class PushPolicy:
    """``secret``: a file with the secret of push webhooks, read anew at each use; two while one is
    being changed, a line each. It goes before ``PUSH_WEBHOOK_SECRET``.
    """

    __pydantic_config__ = CONFIG

    secret: str = ""


class Readers(StrEnum):
    """Who may read the page."""

    ANYONE = "anyone"  # who reaches its port
    LOGGED_IN = "loggedIn"  # whom the API server lets list Rollouts


@dataclass(frozen=True, slots=True)
class Oidc:
    """An issuer of OpenID Connect that the API server trusts, too, and what we are called there.

    ``client_secret``: a file, read anew at each use; none for a public client, or the variable
    ``OIDC_CLIENT_SECRET``. ``ca``: a file with the issuer's CA; empty: the system's.
    """

    __pydantic_config__ = CONFIG

    issuer: Annotated[str, Field(pattern=r"^https://[^\s?#]+$")]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: str = ""
    scopes: tuple[str, ...] = ("openid",)
    ca: str = ""

    def __post_init__(self) -> None:
        if "openid" not in self.scopes:
            raise ValueError("page.oidc.scopes lacks openid; without it there is no ID token")


@dataclass(frozen=True, slots=True)
class PagePolicy:
    """``hosts``: names under which browsers find the page, besides those of its own machine.

    ``login``: people may log in with a token of the cluster, and ask what RBAC lets them.
    ``oidc``: where they get it; None: they bring it along.
    """

    __pydantic_config__ = CONFIG

    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")], ...] = ()
    readers: Readers = Readers.ANYONE
    login: bool = False
    oidc: Oidc | None = None

    def __post_init__(self) -> None:
        if self.oidc is not None and not self.login:
            raise ValueError("page.oidc is there; page.login must be true then")
        if self.readers is Readers.LOGGED_IN and not self.login:
            raise ValueError("page.readers is loggedIn; page.login must be true then")


@dataclass(frozen=True, slots=True)
class VerifyPolicy:
    """What a source's commits need at least: a signature by one of ``signers``, names of the
    policy's own; ``mode`` as the source's ``verifyMode``.
    """

    __pydantic_config__ = CONFIG

    signers: Annotated[tuple[str, ...], Field(min_length=1)]
    mode: Literal["tip", "every"] = "tip"


@dataclass(frozen=True, slots=True)
class Policy:
    """The file's content; an empty one is the safest.

    ``local_git``: RolloutSources may name paths and http addresses of this machine.
    ``webhooks``: who may be asked, ``https://gate.example.com`` a line; empty: any https host
    behind a public address.
    ``forges``: whose REST APIs sources may name, as ``webhooks``.
    ``signers``: name, as a source's ``verify`` says it, to an allowed-signers text.
    ``verify``: a source, or ``*`` for all others, to what its commits need at least.
    ``abroad``: a source, ``namespace/name``, to namespaces it may write besides its own.
    ``manifests``: a source, or ``*`` for all, to kinds it may apply besides the safe ones, as
    ``Kind`` of the core or ``Kind.group``.
    """

    __pydantic_config__ = CONFIG

    local_git: bool = False
    webhooks: tuple[str, ...] = ()
    forges: tuple[str, ...] = ()
    signers: Mapping[str, str] = field(default_factory=dict)
    verify: Mapping[str, VerifyPolicy] = field(default_factory=dict)
    abroad: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    manifests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    slack: Slack = Slack()
    push: PushPolicy = PushPolicy()
    page: PagePolicy = PagePolicy()

    def __post_init__(self) -> None:
        for name, text in self.signers.items():
            plain = _KEY_BLOCK.sub("", text)
            lines = [x.split() for x in plain.splitlines() if x.strip() and x.strip()[0] != "#"]
            if (plain.strip() == text.strip() and not lines) or any(len(one) < 3 for one in lines):
                wanted = "`who keytype key` lines, or OpenPGP public keys"
                raise ValueError(f"signers.{name} is no list of {wanted}")
        for name, verify in self.verify.items():
            _source_or_all("verify", name)
            if unknown := [signer for signer in verify.signers if signer not in self.signers]:
                raise ValueError(f"verify.{name} names {unknown[0]!r}; a name of signers is wanted")
        for name in self.abroad:
            if name.count("/") != 1:
                raise ValueError(f"abroad.{name} is no source; namespace/name is wanted")
        for name, kinds in self.manifests.items():
            _source_or_all("manifests", name)
            if odd := [kind for kind in kinds if _KIND.fullmatch(kind) is None]:
                raise ValueError(f"manifests.{name} has {odd[0]!r}; Kind or Kind.group is wanted")


def _source_or_all(key: str, name: str) -> None:
    """Errors: ``ValueError`` when ``name``, which stands under ``key``, is neither."""
    if name != "*" and name.count("/") != 1:
        raise ValueError(f"{key}.{name} is no source; namespace/name or * is wanted")


_KEY_BLOCK = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----(?:(?!-----BEGIN).)*?-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL,
)
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*(\.[a-z0-9][-a-z0-9.]*)?")
KEYS = (
    *("webhooks", "forges", "signers", "verify", "abroad", "manifests", "localGit", "slack"),
    *("push", "page"),
)
_PAGE = ("hosts", "readers", "login", "oidc")
_OIDC = ("issuer", "clientId", "clientSecret", "scopes", "ca")
_VERIFY = ("signers", "mode")
_PUSH = ("secret",)
_SLACK = ("botToken", "appToken", "signingSecret", "api")


def _keys(place: tuple[int | str, ...]) -> tuple[str, ...]:
    """Which keys may stand at that place, for "did you mean"."""
    if not place:
        return KEYS
    if place[0] == "verify" and len(place) == 2:
        return _VERIFY
    inside = {"slack": _SLACK, "push": _PUSH, "page": _PAGE, "page.oidc": _OIDC}
    return inside.get(".".join(map(str, place)), ())


def read(path: str) -> Policy:
    """The policy in the file ``path``; empty: the safest.

    Errors: ``RefusedError`` naming the file and what is wrong with it.
    """
    if not path:
        return Policy()
    from rollout.edges.reach import Hosts  # noqa: PLC0415 - most commands are given no file
    from rollout.manifest import complaints, load, scan  # noqa: PLC0415 - as above

    try:
        documents = scan.documents(path, Path(path).expanduser().read_bytes())
    except OSError as error:
        raise RefusedError(f"{path}: {why(error)}; --policy must name a readable file") from error
    except ManifestError as error:
        raise RefusedError(str(error)) from error
    mistakes = (one for d in documents for one in load.located(path, d, (), d.mistakes))
    if mistake := next(mistakes, None):
        raise RefusedError(str(mistake))
    if len(documents) > 1:
        raise RefusedError(f"{path}: has {len(documents)} documents; one is wanted")
    found = complaints.build(Policy, documents[0].value if documents else {}, _keys)
    if not isinstance(found, Policy):
        first = found[0]
        where = f"{load.words(first.path)} " if first.path else ""
        raise RefusedError(f"{path}: {where}{first.found}; {first.wanted or 'see docs/policy.md'}")
    try:
        Hosts(found.webhooks)
        Hosts(found.forges)
    except RefusedError as error:
        raise RefusedError(f"{path}: {error}") from error
    return found
