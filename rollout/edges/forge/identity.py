"""Who we are to a forge: a token as it stands in the Secret, or a GitHub App's, made and renewed.

Source: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App" and "Generating an
installation access token": RS256, ``iat`` a minute back, ``exp`` within ten, tokens for an hour.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from rollout.edges.forge.rest import Entries, Rest, Says
from rollout.errors import OutsideError, RefusedError
from rollout.model.forge import Place

EARLY = timedelta(minutes=5)  # before its end, a token is renewed
MOST = 1000  # tokens kept


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    until: datetime


@dataclass(slots=True)
class Identity:
    """``clock``: what time it is. Tokens of apps are kept until shortly before they end."""

    clock: Callable[[], datetime]
    _tokens: dict[str, _Token] = field(default_factory=dict)

    async def says(self, place: Place, rest: Rest) -> Says:
        """Headers that prove who asks. Errors: ``RefusedError`` for a Secret that has neither."""
        entries, secret = rest.entries, rest.secret
        if "token" in entries:
            return bearer(_line(entries["token"], secret))
        if "appId" not in entries or "privateKey" not in entries:
            raise RefusedError(f"secret {secret}: has no token, nor appId and privateKey")
        key = self._key(place, entries)
        known = self._tokens.get(key)
        if known is None or self.clock() >= known.until - EARLY:
            known = self._tokens[key] = await self._renewed(place, rest)
            if len(self._tokens) > MOST:
                del self._tokens[next(iter(self._tokens))]
        return bearer(known.text)

    def forget(self, place: Place, entries: Entries) -> None:
        """A token that is refused is not used again."""
        self._tokens.pop(self._key(place, entries), None)

    @staticmethod
    def _key(place: Place, entries: Entries) -> str:
        """Unlike for another key of the same app, so that a changed one is used at once."""
        said = (entries.get(name, b"") for name in ("appId", "installationId", "privateKey"))
        parts = [place.api.encode(), place.repository.encode(), *said]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    async def _renewed(self, place: Place, rest: Rest) -> _Token:
        proof = jwt(rest.entries, rest.secret, self.clock())

        async def as_the_app() -> Says:
            return bearer(proof)

        asked = replace(rest, who=as_the_app)
        installation = _text(rest.entries, "installationId")
        if not installation:
            told = await asked.ask("GET", f"/repos/{place.repository}/installation")
            installation = str(told.get("id", ""))
        path = f"/app/installations/{installation}/access_tokens"
        told = await asked.ask("POST", path, {})
        try:
            return _Token(str(told["token"]), datetime.fromisoformat(str(told["expires_at"])))
        except (KeyError, TypeError, ValueError):
            raise OutsideError("forge: gave no token that can be read") from None


def bearer(token: str) -> Says:
    """Both forges take it; GitHub wants the version of its API, too."""
    return {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"}


def jwt(entries: Entries, secret: str, now: datetime) -> str:
    """The app's word for who it is, good for nine minutes. Errors: ``RefusedError``."""
    key = _key(entries["privateKey"], secret)
    at = int(now.timestamp())
    claims = {"iat": at - 60, "exp": at + 540, "iss": _text(entries, "appId")}
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    proof = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_unpadded(proof)}"


def _key(pem: bytes, secret: str) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise RefusedError(f"secret {secret}: privateKey is no RSA key; the app's .pem is wanted")
    return key


def _part(told: Mapping[str, object]) -> str:
    return _unpadded(json.dumps(told, separators=(",", ":")).encode())


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _text(entries: Entries, name: str) -> str:
    """An id: digits, or what GitHub calls a client id."""
    text = entries.get(name, b"").decode("utf-8", "replace").strip()
    if text and not text.isalnum() and not text.replace(".", "").isalnum():
        raise RefusedError(f"the Secret's {name} is no id")
    return text


def _line(token: bytes, secret: str) -> str:
    text = token.decode("utf-8", "replace").strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise RefusedError(f"secret {secret}: token is none; one line is wanted")
    return text
