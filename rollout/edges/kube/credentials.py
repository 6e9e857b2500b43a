"""Whose word requests carry, and when it is asked for anew; a pod's, or a kubeconfig's.

What a kubeconfig's plugin gives (EKS, GKE, AKS, OIDC) ends after minutes, and a pod's token is
replaced while it runs; so is the file of the CA that the API server is known by.
Source: Kubernetes, "Authenticating: client-go credential plugins".
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from yarl import URL

from rollout import jsontext, yamltext
from rollout.edges.kube.package import (
    ExecProvider,
    RESTResponse,
    client,
    config,
    kube_config,
    parse_rfc3339,
)
from rollout.edges.proxy import Proxy
from rollout.errors import OutsideError, RefusedError
from rollout.model.units import sentence

CONNECTIONS = 256
PERSONAL = 4  # connections that carry the word of one person who has logged in
BEFORE_END = 0.2  # of what is left of a token's life: it is asked for anew so long before its end
LONGEST = 800  # characters of what somebody else wrote; a screen shows fewer of them
LONGEST_BEFORE_END = 60.0  # seconds
PAUSE = 5.0  # seconds between two tries to get other credentials than those that were refused
PLUGIN_SECONDS = 60.0

Load = Callable[[client.Configuration], Awaitable[datetime | None]]
"""Fills the configuration; answers with the end of what it holds, if that is known."""


class Connection(client.ApiClient):
    """A client of one API server whose credentials never grow old.

    ``settings``: as loaded; ``ends``: when they must be loaded anew, if that is known.
    """

    def __init__(self, settings: client.Configuration, load: Load, ends: datetime | None) -> None:
        super().__init__(configuration=settings)
        self._load = load
        self._lock = asyncio.Lock()
        self._tried_at = float("-inf")
        self._renew_at = self._early(ends)

    async def call_api(
        self,
        method: str,
        url: str,
        header_params: dict[str, str] | None = None,
        body: Any = None,
        post_params: Any = None,
        _request_timeout: Any = None,
        _preload_content: bool = True,
    ) -> Any:
        """As the package's own, without what it asks anew before each request; JSON alone."""
        sender = self.rest_client
        if sender.pool_manager is None:  # the first request makes it, as the settings say
            return await super().call_api(
                method, url, header_params, body, post_params, _request_timeout, _preload_content
            )
        response = await sender.pool_manager.request(
            method,
            url,
            headers=header_params,
            data=None if body is None else jsontext.written(body),
            timeout=_request_timeout,
            proxy=sender.proxy,
            proxy_headers=sender.proxy_headers,
            server_hostname=self.configuration.tls_server_name or None,
        )
        return RESTResponse(response)

    async def fresh(self) -> None:
        """Credentials that end soon are asked for anew.

        Errors: ``OutsideError`` when the plugin gives none, and nothing should be sent without.
        """
        if _now() >= self._renew_at:
            async with self._lock:
                if _now() >= self._renew_at:
                    await self._renew()

    async def refused(self, headers: Mapping[str, str]) -> bool:
        """Whether there are other credentials by now than ``headers`` had, which got a 401."""
        async with self._lock:
            if self._token() == headers.get("authorization") and _now() - self._tried_at > PAUSE:
                await self._renew()
            return bool(self._token() != headers.get("authorization"))

    async def distrusted(self, asked_at: float) -> bool:
        """Whether the CAs' file was read since ``asked_at``, when a server was not to be trusted.

        What was trusted stays so until we end: a TLS context forgets nothing.
        """
        async with self._lock:
            if self._tried_at < asked_at and _now() - self._tried_at > PAUSE:
                await self._renew()
            return self._tried_at >= asked_at

    async def _renew(self) -> None:
        self._tried_at = _now()
        settings = client.Configuration()
        try:
            ends = await self._load(settings)
            _load_certificate(self, settings)
        except _UNLOADABLE as error:
            raise OutsideError(f"kubernetes: {_why(error)}; asked again") from error
        self.configuration.api_key = settings.api_key
        self._renew_at = self._early(ends)

    def _token(self) -> str | None:
        token = self.configuration.api_key.get("BearerToken")
        return str(token) if token else None

    @staticmethod
    def _early(ends: datetime | None) -> float:
        if ends is None:
            return float("inf")
        left = (ends - datetime.now(UTC)) / timedelta(seconds=1)  # noqa: TID251 - a token's own end
        return _now() + max(left - min(LONGEST_BEFORE_END, BEFORE_END * left), 0.0)


_UNLOADABLE = (config.ConfigException, RefusedError, OSError, *yamltext.UNREADABLE)
"""What comes of a kubeconfig that says nothing, or has another shape than its readers want."""


def _why(error: BaseException) -> str:
    """What a person can put right; Python's own words for a shape say nothing to them."""
    if isinstance(error, config.ConfigException | RefusedError | OSError | ValueError):
        return line(error)
    return "what names the cluster is no kubeconfig"


async def connect(
    kubeconfig: str | None = None, context: str | None = None, proxy: Proxy | None = None
) -> Connection:
    """A client for the cluster that ``kubeconfig``, the default one or our own pod names.

    ``proxy``: of the environment; a kubeconfig's own ``proxy-url`` goes first.
    Errors: ``RefusedError`` when there is none of the three, or it cannot be read.
    """

    async def load(settings: client.Configuration) -> datetime | None:
        return await _load(settings, kubeconfig, context)

    settings = client.Configuration(connection_pool_maxsize=CONNECTIONS)
    try:
        return _connection(settings, load, await load(settings), proxy)
    except _UNLOADABLE as error:
        raise RefusedError(
            f"kubernetes: {_why(error)}; set KUBECONFIG or --kubeconfig, or run in a cluster"
        ) from error


def _connection(
    settings: client.Configuration, load: Load, ends: datetime | None, proxy: Proxy | None
) -> Connection:
    """Made of what was loaded. Errors: those of ``_UNLOADABLE``, of what cannot be used."""
    for name in ("host", "proxy", "tls_server_name"):
        if not isinstance(getattr(settings, name) or "", str):
            raise RefusedError(f"its {name.replace('_', '-')} is no text")
    try:
        host, _ = URL(settings.host), URL(settings.proxy or "")
    except ValueError as error:
        raise ValueError("its server or its proxy is no address; https://host:port is") from error
    # The environment's proxies are looked up here, once, and not for each request.
    settings.client_session_kwargs = {"trust_env": False}
    if not settings.proxy and proxy is not None and (way := proxy.to(host)):
        settings.proxy = str(way)
    try:
        return Connection(settings, load, ends)
    except ssl.SSLError as error:
        raise ValueError("a certificate or a key in it is no PEM") from error


def as_somebody(ours: Connection, token: str) -> Connection:
    """A client of the API server of ``ours`` that carries ``token`` and no credential of ours."""

    async def load(settings: client.Configuration) -> datetime | None:
        settings.api_key = {"BearerToken": f"Bearer {token}"}
        return None

    settings, known = client.Configuration(connection_pool_maxsize=PERSONAL), ours.configuration
    for name in ("host", "ssl_ca_cert", "verify_ssl", "tls_server_name", "proxy"):
        setattr(settings, name, getattr(known, name))
    settings.api_key = {"BearerToken": f"Bearer {token}"}
    settings.client_session_kwargs = {"trust_env": False}
    return Connection(settings, load, None)


VALUES = 1000  # of a kubeconfig that a Secret holds; one cluster's has twenty
FOREIGN = ("exec", "auth-provider", "tokenFile", "client-certificate", "client-key")
"""What a kubeconfig may say of a user that would run programs or read files of this process."""


async def given(kubeconfig: bytes, proxy: Proxy | None = None) -> Connection:
    """A client for the cluster that the text of a kubeconfig names, as a Secret holds it.

    It is its author's word and not an operator's: programs and files that it names would be run
    and read here, so it must hold its token or its certificates itself.
    Errors: ``RefusedError`` when it cannot be used.
    """
    try:
        content = next(iter(yamltext.read(kubeconfig, VALUES) or ()), None)
        _own_words(content)
    except _UNLOADABLE as error:
        raise RefusedError(f"kubeconfig: {_why(error)}") from error

    async def load(settings: client.Configuration) -> datetime | None:
        loader = _Loader(content, active_context=None, config_base_path=None)
        await loader.load_and_set(settings)
        return None

    settings = client.Configuration(connection_pool_maxsize=CONNECTIONS)
    try:
        return _connection(settings, load, await load(settings), proxy)
    except _UNLOADABLE as error:
        raise RefusedError(f"kubeconfig: {_why(error)}") from error


def _own_words(content: object) -> None:
    """Raises ``ValueError`` where ``content`` names what is outside of it."""
    if not isinstance(content, dict) or not content.get("current-context"):
        raise ValueError("no kubeconfig with a current-context")
    for user in content.get("users") or ():
        said = (user or {}).get("user") or {}
        for key in FOREIGN:
            if key in said:
                raise ValueError(f"{key} is not taken; a token or client-certificate-data is")
    for cluster in content.get("clusters") or ():
        if "certificate-authority" in ((cluster or {}).get("cluster") or {}):
            wanted = "certificate-authority-data is"
            raise ValueError(f"certificate-authority is not taken; {wanted}")


async def _load(
    settings: client.Configuration, path: str | None, context: str | None
) -> datetime | None:
    merged = kube_config.KubeConfigMerger(path or kube_config.KUBE_CONFIG_DEFAULT_LOCATION)
    _called(merged.config)
    try:
        loader = _Loader(merged.config, active_context=context, config_base_path=None)
        await loader.load_and_set(settings)
    except config.ConfigException:
        if path is not None or context is not None or merged.config is not None:
            raise
        try:
            config.load_incluster_config(settings)
        except config.ConfigException as error:
            raise ValueError("there is no kubeconfig, and this is no pod") from error
        return None
    return loader.ends


def _called(merged: Any) -> None:
    """What is missing is missing in an entry of some name: the package says all that is in it.

    A token that stands where it does not belong would be told so.
    """
    if merged is None:
        return
    for kind in ("clusters", "contexts", "users"):
        for entry in merged.value[kind]:
            entry.name = f"{entry.path}/{kind}[name={entry.value['name']}]"


class _Loader(kube_config.KubeConfigLoader):
    """A kubeconfig whose plugin's errors are told, and whose plugin's end is known."""

    ends: datetime | None = None

    def set_active_context(self, context_name: str | None = None) -> None:
        super().set_active_context(context_name)
        if self._user is None:  # nobody in particular, whose certificate is looked for all the same
            self._user = kube_config.ConfigNode("user", {})

    async def load_from_exec_plugin(self) -> bool:
        plugin: Any = self._user and self._user["exec"]
        try:
            async with asyncio.timeout(PLUGIN_SECONDS):
                status = await ExecProvider(plugin).run()
        except (OSError, TimeoutError) as error:
            raise ValueError(f"exec: {plugin.safe_get('command')!r}: {line(error)}") from error
        self._take(status)
        if ending := status.get("expirationTimestamp"):
            self.ends = parse_rfc3339(ending)
        return True

    def _take(self, status: Mapping[str, Any]) -> None:
        if "token" in status:
            self.token = f"Bearer {status['token']}"
        if "clientCertificateData" in status and "clientKeyData" in status:
            self.cert_file = _file(status["clientCertificateData"])
            self.key_file = _file(status["clientKeyData"])
        elif "token" not in status:
            raise ValueError("exec: the plugin's answer has neither a token nor a certificate")


def _file(text: str) -> str:
    """The name of a file with ``text``: TLS reads certificates from files alone."""
    data = {"data": text}
    made = kube_config.FileOrData(data, None, data_key_name="data", base64_file_content=False)
    return str(made.as_file())


def _load_certificate(connection: client.ApiClient, settings: client.Configuration) -> None:
    """TLS connections from now on show the new certificate, and trust the new CA, if there are."""
    context = connection.rest_client.ssl_context
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, keyfile=settings.key_file)
    if settings.ssl_ca_cert:
        context.load_verify_locations(cafile=settings.ssl_ca_cert)


def line(error: BaseException) -> str:
    """One printable line of what ``error`` says, short enough for a log; its name if nothing."""
    return plain(str(error)) or type(error).__name__


def plain(text: str) -> str:
    """One printable line of what somebody else wrote, with its beginning and its end.

    What decides comes last: an exceeded quota's limit, or a policy's own words.
    """
    return sentence(" ".join(sentence(text, 20 * LONGEST).split()), LONGEST)


def _now() -> float:
    return asyncio.get_running_loop().time()
