"""A GitHub App: whose word is taken, and the tokens that it is given.

Source: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App".
"""

import base64
import binascii
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


@dataclass(slots=True)
class App:
    """A GitHub App and its one installation; ``lifetime``: of an installation token, seconds."""

    id: int = 4711
    installation: int = 99
    lifetime: float = 3600.0
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    tokens: dict[str, float] = field(default_factory=dict)

    @property
    def pem(self) -> str:
        """The private key, as GitHub lets one download it."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()

    def vouches(self, jwt: str) -> str:
        """Why the JSON Web Token is none of this app's, in GitHub's words; empty: it is."""
        try:
            head, claims, proof = (_unpadded(part) for part in jwt.split("."))
            signed = jwt.rpartition(".")[0].encode()
            self.key.public_key().verify(proof, signed, padding.PKCS1v15(), hashes.SHA256())
            told, algorithm = json.loads(claims), json.loads(head).get("alg")
        except (ValueError, InvalidSignature, binascii.Error):
            return "A JSON web token could not be decoded"
        if algorithm != "RS256" or str(told.get("iss")) != str(self.id):
            return "Integration not found"
        if told["exp"] > time.time() + 600 or told["exp"] < time.time():
            return "'Expiration time' claim ('exp') is too far in the future"
        if told["iat"] > time.time():
            return "'Issued at' claim ('iat') must be an Integer representing the time"
        return ""

    def token(self) -> tuple[str, str]:
        """A new installation token, and when it ends."""
        made, until = f"ghs_{secrets.token_hex(18)}", time.time() + self.lifetime
        self.tokens[made] = until
        return made, datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def knows(self, token: str) -> bool:
        return self.tokens.get(token, 0.0) > time.time()


def _unpadded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
