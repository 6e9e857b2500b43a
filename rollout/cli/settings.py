"""The controller's settings, and the only place where the environment is read.

At most thirteen, besides which of the kubeconfig's clusters it is.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from rollout import lenient
from rollout.errors import GIVEN, RefusedError, why

CACHE = Path("~/.cache/rollout")
TENANT = "X-Scope-OrgID"  # Mimir's, Cortex' and Loki's header
OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach the outside; policy stands in manifests.

    ``kubeconfig``, ``context``: empty means the default file and context, or the pod's own.
    ``namespace``: the one to act in; empty means all (``run``) or the context's (everything else).
    ``prometheus_token``, ``prometheus_ca``: files; ``tenant``: the value of X-Scope-OrgID.
    ``istiod``: where ``/debug/syncz`` answers; empty: routes are confirmed by share or by time.
    ``cache``: the folder of the bare git clones, or ``unix:SOCKET`` of ``git-reader``.
    ``listen``: host:port of ``/metrics`` and ``/healthz``; empty: nothing listens.
    ``page``: host:port of the page for browsers; empty: there is none.
    ``audit``: the file of the audit log, or ``-`` for stdout; empty: none is kept.
    ``shards``: among how many Leases the objects are shared.
    ``policy``: the file that says what manifests may ask of us; empty: the safest (``policy.py``).
    """

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    prometheus: str = ""
    prometheus_token: str = ""
    prometheus_ca: str = ""
    tenant: str = ""
    istiod: str = ""
    cache: Path = CACHE
    listen: str = ""
    page: str = ""
    policy: str = ""
    audit: str = ""
    shards: int = 1
    log_level: str = "info"


NAMES = {field.name: f"ROLLOUT_{field.name.upper()}" for field in fields(Settings)}
"""Setting to environment variable; the API's own ``KUBECONFIG`` is read as kubectl reads it."""


def with_access(given: Settings) -> Settings:
    """``given`` with how Prometheus lets us in, as the environment says for ``run``, too."""
    token, ca, tenant = (
        os.environ.get(NAMES[name], "") for name in ("prometheus_token", "prometheus_ca", "tenant")
    )
    return replace(given, prometheus_token=token, prometheus_ca=ca, tenant=tenant)


def is_there(path: Path) -> bool:
    """Whether a path that was given is there; a name that no file can have is not.

    ``Path.exists`` raises for such names.
    """
    return os.path.exists(path)


def address(name: str, text: str) -> tuple[str, int]:
    """Host and port of the setting ``name``. Errors: ``RefusedError`` for what is none."""
    host, _, port = text.rpartition(":")
    number = lenient.whole(port)
    if number is None or number >= 1 << 16 or not _is_name(host):
        raise RefusedError(f"{name} {text[:GIVEN]!r}: is no address; host:port is wanted")
    return host.strip("[]"), number


def _is_name(host: str) -> bool:
    """Whether it can be looked up at all."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def taken(what: str, error: OSError) -> RefusedError:
    """Why nothing can listen at ``what``, such as ``port 8080``, and what to do."""
    return RefusedError(f"{what}: {why(error)}; a free port is wanted")


def secret(path: str) -> str:
    """The text of a file that holds one secret, without the line's end.

    Errors: ``RefusedError`` when it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{path}: cannot be read ({error}); name a readable file") from error


def kept(name: str, file: str) -> Callable[[], str] | None:
    """The secret ``name``, such as ``SLACK_BOT_TOKEN``; None where there is none.

    ``file``: read anew at each use, so it may be changed while we run; empty: the environment's.
    Errors: ``RefusedError``, also later, when the file cannot be read.
    """
    if file:
        secret(file)
        return lambda: secret(file)
    value = os.environ.get(name, "").strip()
    return (lambda: value) if value else None


def kubeconfig(given: str) -> str | None:
    """The file that names the cluster: the one given, else the first of ``KUBECONFIG``, else None.

    Errors: ``RefusedError`` when the file named is not there.
    """
    named = given or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    if not named:
        return None
    if not os.path.isfile(Path(named).expanduser()):
        found = "--kubeconfig" if given else "KUBECONFIG"
        raise RefusedError(f"{named[:GIVEN]}: no such file; {found} must name a kubeconfig")
    return str(Path(named).expanduser())


def own_namespace() -> str:
    """The namespace that this process runs in, where its Lease lives; empty outside a cluster.

    ``POD_NAMESPACE`` goes before what the pod's service account says, as in kubectl: so replicas
    that are no pods can agree, too.
    """
    named = os.environ.get("POD_NAMESPACE", "")
    if named or not OWN_NAMESPACE.is_file():
        return named
    return OWN_NAMESPACE.read_text(encoding="utf-8").strip()


def is_plain() -> bool:
    """Whether colours are unwanted: https://no-color.org."""
    return bool(os.environ.get("NO_COLOR")) or is_dumb()


def is_dumb() -> bool:
    """Whether the terminal can only be written to, line after line."""
    return os.environ.get("TERM") == "dumb"


def inherited(**changes: str) -> dict[str, str]:
    """The environment of a child of ours, with these variables set."""
    return {**os.environ, **changes}


def proxies() -> dict[str, str]:
    """What the environment says of HTTP proxies and CA files, for children that fetch."""
    names = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
    found = {name: os.environ.get(name) or os.environ.get(name.lower()) for name in names}
    return {name: value for name, value in found.items() if value}
