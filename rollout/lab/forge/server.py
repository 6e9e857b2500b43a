"""The stand-in put together: one HTTP server on loopback, over repositories that git serves."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from rollout.lab.forge import hooks
from rollout.lab.forge.faults import Fault, Faults
from rollout.lab.forge.github import GitHub
from rollout.lab.forge.gitlab import GitLab
from rollout.lab.forge.hooks import Moved
from rollout.lab.forge.project import BRANCH, Project
from rollout.lab.programs.gitserver import Repository
from rollout.lab.standin import StandIn

PATIENCE = 10.0  # seconds that GitHub waits for an answer to a webhook


@dataclass(frozen=True, slots=True)
class Hook:
    """A push webhook as an owner set it up; ``forge``: whose format, one of ``hooks.FORGES``."""

    url: str
    secret: str
    forge: str = "github"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that was sent, and how it was answered; status 0: not at all."""

    status: int
    text: str


@dataclass(slots=True)
class Forge(StandIn):
    """``async with Forge() as forge``; its APIs are at ``github_url`` and ``gitlab_url``.

    ``token``: of both. ``asked``: verb and path of each request. ``deliveries``: of webhooks.
    """

    token: str = field(default_factory=lambda: f"ghp_lab{secrets.token_hex(16)}")
    faults: Faults = field(default_factory=Faults)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    deliveries: list[Delivery] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    projects: dict[str, Project] = field(default_factory=dict)
    github: GitHub = field(init=False)
    gitlab: GitLab = field(init=False)
    url: str = ""
    port: int = 0
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self.github = GitHub(self.projects, self.token)
        self.gitlab = GitLab(self.projects, self.token)

    @property
    def github_url(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def gitlab_url(self) -> str:
        return f"{self.url}/api/v4"

    def application(self) -> web.Application:
        """Both APIs, and the lab's own way to make it fail."""
        app = web.Application(client_max_size=1 << 20, middlewares=[self._first])
        app.router.add_routes(self.github.routes("/api/v3"))
        app.router.add_routes(self.gitlab.routes("/api/v4"))
        app.router.add_post("/lab/faults", self._faults)
        return app

    def add(self, name: str, repository: Repository) -> Project:
        """``repository`` is the project ``name``, ``owner/name``."""
        project = Project(name, repository.path, repository.url)
        self.projects[name.lower()] = project
        return project

    async def moved(self, repository: Repository, ref: str, before: str) -> None:
        """What ``GitServer.moved`` is told: every webhook of the projects that it is."""
        for name, project in self.projects.items():
            if project.path == repository.path:
                await self.pushed(name, before, ref)

    async def pushed(self, name: str, before: str = "", ref: str = f"refs/heads/{BRANCH}") -> None:
        """Every webhook is told that ``ref`` of the project moved, as after a push."""
        project = self.projects[name.lower()]
        after = str(project.commit(ref).id)
        moved = Moved(project.name, project.url, ref, before or "0" * 40, after)
        for hook in self.hooks:
            await self.deliver(hook, *hooks.FORGES[hook.forge](moved, hook.secret))

    async def deliver(self, hook: Hook, body: bytes, headers: dict[str, str]) -> Delivery:
        """The request is sent once; forges do not try again."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.post(hook.url, data=body, headers=headers) as answer,
            ):
                delivery = Delivery(answer.status, (await answer.text()).strip())
        except (aiohttp.ClientError, TimeoutError) as error:
            delivery = Delivery(0, type(error).__name__)
        self.deliveries.append(delivery)
        return delivery

    @web.middleware
    async def _first(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith("/lab/"):
            return await handler(request)
        self.asked.append(f"{request.method} {request.path_qs}")
        self.tokens.add(request.headers.get("Authorization", ""))
        fault = self.faults.next(request.method, request.path)
        if fault is None:
            return await handler(request)
        if fault.done:
            await handler(request)
        return await _failed(request, fault)

    async def _faults(self, request: web.Request) -> web.Response:
        """As ``faults.Fault``, in JSON; ``{}`` heals."""
        try:
            self.faults.asked(await request.json())
        except TypeError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"waiting": len(self.faults.waiting)})


async def _failed(request: web.Request, fault: Fault) -> web.StreamResponse:
    await asyncio.sleep(fault.delay)
    if fault.cut and request.transport is not None:
        request.transport.abort()
    return web.Response(
        status=fault.status or 500,
        body=fault.body.encode(),
        headers=fault.headers,
        content_type="application/json",
    )
