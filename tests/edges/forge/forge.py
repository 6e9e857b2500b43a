"""A GitHub for tests: issue comments over real HTTP, as docs.github.com describes them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Forge:
    """``comments``: of one pull request, oldest first. ``troubles``: answered before anything else.

    ``asked``: verb and path of each request. ``tokens``: what it was asked with.
    """

    comments: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[web.Response] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._first])
        issues = "/repos/{owner}/{repo}/issues"
        app.router.add_get(issues + "/{number}/comments", self._list)
        app.router.add_post(issues + "/{number}/comments", self._post)
        app.router.add_patch(issues + "/comments/{id}", self._patch)
        return app

    def say(self, body: str, *, association: str = "NONE", kind: str = "User") -> None:
        """Somebody's comment."""
        number = len(self.comments) + 1
        self.comments.append(
            {
                "id": number,
                "body": body,
                "html_url": f"https://github.test/c/{number}",
                "author_association": association,
                "user": {"type": kind},
            }
        )

    @web.middleware
    async def _first(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        self.tokens.add(request.headers.get("Authorization", ""))
        return self.troubles.pop(0) if self.troubles else await handler(request)

    async def _list(self, request: web.Request) -> web.Response:
        size, page = int(request.query["per_page"]), int(request.query["page"])
        return web.json_response(self.comments[size * (page - 1) : size * page])

    async def _post(self, request: web.Request) -> web.Response:
        self.say((await request.json())["body"], kind="Bot")
        return web.json_response(self.comments[-1], status=201)

    async def _patch(self, request: web.Request) -> web.Response:
        found = self.comments[int(request.match_info["id"]) - 1]
        found["body"] = (await request.json())["body"]
        return web.json_response(found)
