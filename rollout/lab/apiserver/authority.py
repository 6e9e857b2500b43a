"""A certificate for the server on loopback, made anew at each start by ``openssl``.

Clients of Kubernetes send a kubeconfig's token only where they speak TLS.
Source: Kubernetes, client-go, tools/clientcmd/client_config.go, ``ClientConfig``.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"
_USES = "keyUsage=critical,digitalSignature,keyCertSign"
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
_DAYS = "3650"


@dataclass(frozen=True, slots=True)
class Authority:
    """``pem``: what a client must trust. ``context``: what the server speaks with."""

    pem: str
    context: ssl.SSLContext


async def made() -> Authority | None:
    """One that signed itself, for 127.0.0.1 and localhost; None where there is no ``openssl``."""
    if shutil.which("openssl") is None:
        return None
    with TemporaryDirectory(prefix="rollout-lab-tls-") as folder:
        key, cert = Path(folder, "key.pem"), Path(folder, "cert.pem")
        files = ("-keyout", str(key), "-out", str(cert))
        names = ("-subj", "/CN=rollout-lab", "-addext", _NAMES, "-addext", _USES)
        child = await asyncio.create_subprocess_exec(
            *("openssl", "req", "-x509", *_CURVE, "-nodes", "-days", _DAYS, *names, *files),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, words = await child.communicate()
        if child.returncode != 0:
            raise OSError(f"openssl makes no certificate: {words.decode(errors='replace')[-300:]}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return Authority(cert.read_text(encoding="ascii"), context)
