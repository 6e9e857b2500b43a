"""A small OpenID provider, in a process of its own: discovery, keys, code flow with PKCE.

Sources: OpenID Connect Core 1.0; OpenID Connect Discovery 1.0; RFC 7636; RFC 6749, section 5.2.
``python -m tests.issuer FOLDER PORT``: FOLDER has ``tls/good.crt`` and its key; its file
``wrong.json`` says what the next tokens shall have in place of the truth.
"""

import base64
import contextlib
import hashlib
import html
import json
import secrets
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from yarl import URL

from rollout.lab.programs.processes import free_port, mortal
from tests.edges.git.transports import Authority

CLIENT, SECRET = "rollout-page", "s3cret of the client/+"
PEOPLE = {"ann": ("release-people",), "eve": ("guests",)}
LASTS = 600  # seconds

Json = dict[str, Any]


@dataclass(frozen=True)
class Issuer:
    """One that runs. ``ca``: the file of the CA that its certificate comes from."""

    url: str
    ca: Path
    folder: Path

    def lies(self, **claims: Any) -> None:
        """Tokens have these from now on; ``key`` names another key, ``alg`` another algorithm."""
        (self.folder / "wrong.json").write_text(json.dumps(claims))


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Issuer]:
    """Started and answering; it ends with the block."""
    folder.mkdir()
    authority, port = Authority.made(folder / "tls"), free_port()
    authority.server()
    command = [sys.executable, "-m", "tests.issuer", str(folder), str(port)]
    with subprocess.Popen(mortal("issuer", command), cwd=Path(__file__).parents[1]) as process:
        found = Issuer(f"https://127.0.0.1:{port}", folder / "tls" / "ca.crt", folder)
        trusted = ssl.create_default_context(cafile=found.ca)
        while process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{found.url}/keys", context=trusted).close()
                break
            time.sleep(0.05)
        assert process.poll() is None, "the issuer has ended"
        try:
            yield found
        finally:
            process.terminate()


@dataclass
class Server:
    url: str
    folder: Path
    codes: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        made = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
        self.keys = {"rsa": made[0], "unknown": made[1]}
        self.curve = ec.generate_private_key(ec.SECP256R1())

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/authorize", self._asks)
        app.router.add_post("/authorize", self._agrees)
        app.router.add_post("/token", self._token)
        return app

    def _wrong(self) -> Json:
        file = self.folder / "wrong.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    async def _discovery(self, _: web.Request) -> web.Response:
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
        }
        return web.json_response(told | self._wrong().get("discovery", {}))

    async def _keys(self, _: web.Request) -> web.Response:
        numbers, point = self.keys["rsa"].public_key().public_numbers(), self.curve.public_key()
        at = point.public_numbers()
        first = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), "alg": "RS256"}
        other = {"kty": "EC", "crv": "P-256", "x": _number(at.x), "y": _number(at.y)}
        keys = [
            {**first, "kid": "rsa", "use": "sig"},
            {**other, "kid": "ec", "use": "sig", "alg": "ES256"},
        ]
        return web.json_response({"keys": keys})

    async def _asks(self, request: web.Request) -> web.Response:
        """A page with a button for each person, once the question is one that may be asked."""
        asked = request.query
        back = URL(asked["redirect_uri"])
        assert (asked["client_id"], back.path) == (CLIENT, "/login/callback")
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert "openid" in asked["scope"].split()
        assert min(len(asked[key]) for key in ("state", "nonce", "code_challenge")) == 43
        buttons = "".join(f'<button name="who" value="{who}">{who}</button>' for who in PEOPLE)
        action = html.escape(str(request.rel_url))
        text = f'<form method="post" action="{action}">{buttons}</form>'
        return web.Response(text=text, content_type="text/html")

    async def _agrees(self, request: web.Request) -> web.Response:
        who, code = str((await request.post())["who"]), secrets.token_urlsafe(16)
        self.codes[code] = {"who": who, **request.query}
        told = {"code": code, "state": request.query["state"], "iss": self.url}
        if error := self._wrong().get("error"):
            told = {"error": error, "state": request.query["state"]}
        place = URL(request.query["redirect_uri"]).update_query(told)
        return web.Response(status=303, headers={"Location": str(place)})

    async def _token(self, request: web.Request) -> web.Response:
        form, wrong = await request.post(), self._wrong()
        asked = self.codes.pop(str(form.get("code")), None)
        both = f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}"  # RFC 6749, section 2.3.1
        proof = base64.b64encode(both.encode()).decode()
        if request.headers.get("Authorization") != f"Basic {proof}":
            return web.json_response({"error": "invalid_client"}, status=401)
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        good = (
            asked is not None
            and form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == asked["redirect_uri"]
            and _text(digest) == asked["code_challenge"]
        )
        if asked is None or not good:
            return web.json_response({"error": "invalid_grant"}, status=400)
        claims = {
            "iss": self.url,
            "sub": asked["who"],
            "aud": CLIENT,
            "iat": int(time.time()),
            "exp": int(time.time()) + LASTS,
            "nonce": asked["nonce"],
            "email": f"{asked['who']}@example.com",
            "email_verified": True,
            "groups": PEOPLE[asked["who"]],
        }
        token = self._signed(claims | wrong.get("claims", {}), wrong)
        return web.json_response({"id_token": token, "access_token": "x", "token_type": "Bearer"})

    def _signed(self, claims: Json, wrong: Mapping[str, str]) -> str:
        algorithm = wrong.get("alg", "RS256")
        head = {"alg": algorithm, "kid": "ec" if algorithm == "ES256" else "rsa"}
        text = ".".join(_text(json.dumps(part).encode()) for part in (head, claims))
        if algorithm == "none":
            return f"{text}."
        if algorithm == "ES256":
            r, s = decode_dss_signature(self.curve.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
            return f"{text}.{_text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
        key = self.keys[wrong.get("key", "rsa")]
        signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_text(signature)}"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(number: int) -> str:
    return _text(number.to_bytes((number.bit_length() + 7) // 8, "big"))


if __name__ == "__main__":
    place, port = Path(sys.argv[1]), int(sys.argv[2])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "tls" / "good.crt", place / "tls" / "good.key")
    server = Server(f"https://127.0.0.1:{port}", place)
    web.run_app(server.application(), host="127.0.0.1", port=port, ssl_context=context, print=None)
