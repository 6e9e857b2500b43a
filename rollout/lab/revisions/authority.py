"""The mesh's certificate authority, and the certificates of istiods, made by ``openssl``.

Source of the names: istio/istio, pilot/pkg/bootstrap/certcontroller.go.
"""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rollout.errors import OutsideError
from rollout.lab.revisions.names import Revision

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_DAYS = "3650"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A chain and its key, PEM."""

    chain: str
    key: str

    def into(self, context: ssl.SSLContext) -> None:
        """The next connections of ``context`` are met with this certificate."""
        with TemporaryDirectory(prefix="rollout-lab-istiod-") as name:
            chain, key = Path(name, "cert.pem"), Path(name, "key.pem")
            chain.write_text(self.chain, encoding="ascii")
            key.write_text(self.key, encoding="ascii")
            context.load_cert_chain(chain, key)


@dataclass(frozen=True, slots=True)
class Authority:
    """A root: ``pem`` is what to trust, ``key`` signs."""

    pem: str
    key: str

    async def certificate(self, revision: Revision) -> Certificate:
        """What the istiods of ``revision`` show to those who call them."""
        hosts = (f"DNS:{revision.host}", f"DNS:{revision.istiod}", "DNS:localhost", "IP:127.0.0.1")
        with TemporaryDirectory(prefix="rollout-lab-istiod-") as space:
            folder = Path(space)
            (folder / "root.pem").write_text(self.pem, encoding="ascii")
            (folder / "root.key").write_text(self.key, encoding="ascii")
            (folder / "names").write_text(f"subjectAltName={','.join(hosts)}", encoding="ascii")
            subject = ("-subj", f"/CN={revision.istiod}")
            await _openssl(
                folder, "req", *_CURVE, "-keyout", "key.pem", "-out", "asked.pem", *subject
            )
            signed = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial")
            files = ("-in", "asked.pem", "-out", "cert.pem", "-extfile", "names", "-days", _DAYS)
            await _openssl(folder, "x509", "-req", *signed, *files)
            chain, key = (folder / name for name in ("cert.pem", "key.pem"))
            return Certificate(chain.read_text("ascii"), key.read_text("ascii"))


async def made() -> Authority:
    """A new root.  Errors: OutsideError where there is no ``openssl``."""
    with TemporaryDirectory(prefix="rollout-lab-root-") as name:
        folder = Path(name)
        subject = ("-subj", "/O=cluster.local", "-days", _DAYS)
        usages = ("-addext", "keyUsage=critical,keyCertSign")
        files = ("-keyout", "root.key", "-out", "root.pem")
        await _openssl(folder, "req", "-x509", *_CURVE, *subject, *usages, *files)
        key = (folder / "root.key").read_text(encoding="ascii")
        return Authority((folder / "root.pem").read_text(encoding="ascii"), key)


async def _openssl(folder: Path, *words: str) -> None:
    try:
        child = await asyncio.create_subprocess_exec(
            "openssl",
            *words,
            cwd=folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise OutsideError("openssl: not on PATH; an istiod speaks TLS by it") from error
    _, said = await child.communicate()
    if child.returncode:
        raise OutsideError(f"openssl {words[0]}: {said.decode(errors='replace')[-300:]}")
