"""Real servers of git on 127.0.0.1: http-backend behind TLS, sshd and git-daemon."""

import asyncio
import base64
import contextlib
import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from rollout.lab.programs.processes import Child, free_port, start

USER, PASSWORD, TOKEN = "ann", "pa55-planted", "t0ken-planted"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
_PACKAGES = ("openssh-server", "libwrap0", "libnss-wrapper")


@dataclass(frozen=True)
class Authority:
    """A certificate authority of one's own in ``folder``; ``ca`` is its certificate's text."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Authority":
        folder.mkdir(parents=True)
        request = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        names = ("-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.crt", "-days", "3650")
        _openssl(folder, "req", "-x509", *request, *names)
        return cls(folder)

    @property
    def ca(self) -> str:
        return (self.folder / "ca.crt").read_text()

    def server(self, name: str = "good", days: int = 30, host: str = "127.0.0.1") -> Any:
        """A TLS context with a certificate for ``host``; a negative ``days``: it is over."""
        kind = "IP" if host[0].isdigit() else "DNS"
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={kind}:{host}\n")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        files = ("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={host}")
        _openssl(self.folder, "req", *key, *files)
        signer = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial")
        ends = ("-days", str(days)) if days > 0 else _past()
        names = ("-in", f"{name}.csr", "-out", f"{name}.crt", "-extfile", f"{name}.ext")
        _openssl(self.folder, "x509", "-req", *names, *signer, *ends)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return context


def _past() -> tuple[str, ...]:
    # A validity that ends before it begins is refused by newer OpenSSL, hence a short one.
    return ("-days", "-1")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True)


@dataclass
class TlsGit:
    """``git http-backend`` for every repository in ``folder``, behind TLS and a login.

    ``elsewhere``: where all requests are redirected to; ``seen``: the Authorization headers.
    """

    folder: Path
    context: ssl.SSLContext | None
    basic: bool = True
    elsewhere: str = ""
    seen: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    ca: str = ""
    _runner: web.AppRunner | None = None
    url: str = ""

    async def start(self) -> "TlsGit":
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.context).start()
        scheme = "https" if self.context else "http"
        self.url = f"{scheme}://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        self.requests.append(f"{request.method} {request.path_qs}")
        self.seen += [given] if given else []
        if self.elsewhere:
            raise web.HTTPFound(self.elsewhere + request.path_qs)
        wanted = BASIC if self.basic else f"Bearer {TOKEN}"
        if given != wanted:
            kind = "Basic" if self.basic else "Bearer"
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": f'{kind} realm="git"'})
        return await self._backend(request)

    async def _backend(self, request: web.Request) -> web.StreamResponse:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": USER,
            "HOME": str(self.folder),
        }
        process = await asyncio.create_subprocess_exec(
            *("git", "-c", "safe.directory=*", "http-backend"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
        )
        said, _ = await process.communicate(await request.read())
        head, _, body = said.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, body=body, headers=headers)


@dataclass
class Sshd:
    """A real sshd whose only user is ``git``; ``key`` opens it, ``known_hosts`` pins it."""

    folder: Path
    program: Path
    port: int
    _child: Child | None = None

    @classmethod
    async def made(cls, folder: Path) -> "Sshd":
        folder.mkdir(parents=True)
        sshd = cls(folder, await sshd_path(), free_port())
        for name in ("host", "user", "stranger"):
            keygen(folder / name)
        sshd.configure()
        await sshd.start()
        return sshd

    def configure(self) -> None:
        lines = {
            "Port": str(self.port),
            "ListenAddress": "127.0.0.1",
            "HostKey": str(self.folder / "host"),
            "AuthorizedKeysFile": str(self.folder / "user.pub"),
            "StrictModes": "no",
            "UsePAM": "no",
            "PidFile": "none",
            "PasswordAuthentication": "no",
        }
        text = "".join(f"{key} {value}\n" for key, value in lines.items())
        (self.folder / "config").write_text(text)
        (self.folder / "passwd").write_text(f"git:x:1000:1000:git:{self.folder}:/bin/sh\n")
        (self.folder / "group").write_text("git:x:1000:\n")

    async def start(self) -> None:
        """It listens. As root it runs in a user namespace, where no user ``sshd`` is wanted."""
        library = next(self.program.parents[1].glob("lib/*/libnss_wrapper.so"))
        environment = {
            "PATH": os.environ["PATH"],
            "LD_LIBRARY_PATH": str(library.parent),
            "LD_PRELOAD": str(library),
            "NSS_WRAPPER_PASSWD": str(self.folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(self.folder / "group"),
        }
        command = [
            *("env", *(f"{key}={value}" for key, value in environment.items())),
            *("unshare", "--user", "--map-user=1000", "--map-group=1000"),
            *(str(self.program), "-D", "-e", "-f", str(self.folder / "config")),
        ]
        self._child = await start("sshd", command, log=self.folder / "log")
        async with asyncio.timeout(60):
            while not await _listens(self.port):
                assert not self._child.ended, self._child.last_words()
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()

    def url(self, path: Path) -> str:
        return f"ssh://git@127.0.0.1:{self.port}{path}"

    def key(self, name: str = "user") -> str:
        return (self.folder / name).read_text()

    def known_hosts(self, name: str = "host") -> str:
        kind, key = (self.folder / f"{name}.pub").read_text().split()[:2]
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"


def keygen(path: Path, passphrase: str = "", kind: str = "ed25519") -> None:
    """An OpenSSH key at ``path``, and its public half beside it."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


async def sshd_path() -> Path:
    """Debian's openssh-server, unpacked into our cache without root and without a service."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(home) / "rollout-tests" / "openssh"
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=cache.parent))
        subprocess.run(
            ["apt-get", "download", *_PACKAGES], cwd=part, capture_output=True, check=True
        )
        for package in part.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(part)], check=True)
            package.unlink()
        with contextlib.suppress(OSError):  # another test run was faster
            part.rename(cache)
        shutil.rmtree(part, ignore_errors=True)
    return cache / "usr" / "sbin" / "sshd"


@dataclass
class GitDaemon:
    """``git daemon`` for every repository in ``folder``."""

    folder: Path
    port: int = field(default_factory=free_port)
    _child: Child | None = None

    async def start(self) -> "GitDaemon":
        command = [
            *("git", "-c", "safe.directory=*", "daemon", "--reuseaddr", "--export-all"),
            *(f"--base-path={self.folder}", "--listen=127.0.0.1", f"--port={self.port}"),
            str(self.folder),
        ]
        self._child = await start("git-daemon", command, log=self.folder / "daemon.log")
        async with asyncio.timeout(60):
            while not await _listens(self.port):
                await asyncio.sleep(0.05)
        return self

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()

    @property
    def url(self) -> str:
        return f"git://127.0.0.1:{self.port}"


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def raw(handler: Handler) -> Any:
    """A server that does what ``handler`` does with each connection; gives its port."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def leaks(text: str, secret: Mapping[str, str]) -> list[str]:
    """Which entries of ``secret`` stand in ``text``."""
    return [name for name, value in secret.items() if value and value.strip() in text]
