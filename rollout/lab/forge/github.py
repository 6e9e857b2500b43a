"""GitHub's REST API below ``/api/v3``, as an Enterprise Server has it.

Sources: docs.github.com, "REST API endpoints for" commit statuses, deployments, repository
contents, Git references, pull requests, issue comments, GitHub Apps; "Rate limits for the REST
API".
"""

import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from rollout.lab.forge.app import App
from rollout.lab.forge.project import AbsentError, Project, now

_STATES = ("error", "failure", "pending", "success")
_DEPLOYED = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
DESCRIPTION = 140
MOST = 1000  # statuses of one commit and context
_REPO = "/repos/{owner}/{repo}"


Handler = Callable[[web.Request, Project], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class GitHub:
    """``token``: a person's. ``limit``: requests left until ``reset``, seconds since 1970."""

    projects: Mapping[str, Project]
    token: str
    app: App = field(default_factory=App)
    limit: int = 5000
    reset: float = field(default_factory=lambda: time.time() + 3600)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Every path that is answered."""
        named: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "", self._repository),
            ("GET", "/commits/{sha}", self._commit),
            ("GET", "/commits/{sha}/statuses", self._statuses),
            ("GET", "/commits/{sha}/status", self._combined),
            ("POST", "/statuses/{sha}", self._status),
            ("GET", "/deployments", self._deployments),
            ("POST", "/deployments", self._deploy),
            ("GET", "/deployments/{id}/statuses", self._deployed),
            ("POST", "/deployments/{id}/statuses", self._deployment),
            ("GET", "/contents/{path:.+}", self._contents),
            ("PUT", "/contents/{path:.+}", self._write),
            ("GET", "/git/ref/{ref:.+}", self._ref),
            ("POST", "/git/refs", self._branch),
            ("GET", "/pulls", self._pulls),
            ("POST", "/pulls", self._pull),
            ("PUT", "/pulls/{number}/merge", self._merge),
            ("GET", "/issues/{number}/comments", self._comments),
            ("POST", "/issues/{number}/comments", self._comment),
            ("PATCH", "/issues/comments/{id}", self._edit),
        )
        app = f"{prefix}/app/installations/{{id}}/access_tokens"
        return [
            web.post(app, self._access),
            web.get(f"{prefix}{_REPO}/installation", self._installation),
            *(web.route(verb, f"{prefix}{_REPO}{path}", self._of(do)) for verb, path, do in named),
        ]

    def _of(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.limit -= 1
            if self.limit < 0:
                return self._limited(_no(403, "API rate limit exceeded"))
            given = _bearer(request)
            if given != self.token and not self.app.knows(given):
                return _no(401, "Bad credentials")
            name = f"{request.match_info['owner']}/{request.match_info['repo']}"
            project = self.projects.get(name.lower())
            if project is None:
                return _no(404, "Not Found")
            try:
                return self._limited(await handler(request, project))
            except AbsentError as error:
                return _no(422 if request.method == "POST" else 404, str(error))

        return answer

    def _limited(self, response: web.StreamResponse) -> web.StreamResponse:
        response.headers["X-RateLimit-Limit"] = "5000"
        response.headers["X-RateLimit-Remaining"] = str(max(0, self.limit))
        response.headers["X-RateLimit-Reset"] = str(int(self.reset))
        response.headers["X-RateLimit-Resource"] = "core"
        return response

    async def _access(self, request: web.Request) -> web.Response:
        if why := self.app.vouches(_bearer(request)):
            return _no(401, why)
        if request.match_info["id"] != str(self.app.installation):
            return _no(404, "Not Found")
        token, until = self.app.token()
        told = {"token": token, "expires_at": until, "permissions": {"statuses": "write"}}
        return web.json_response(told, status=201)

    async def _installation(self, request: web.Request) -> web.Response:
        if why := self.app.vouches(_bearer(request)):
            return _no(401, why)
        name = f"{request.match_info['owner']}/{request.match_info['repo']}"
        if name.lower() not in self.projects:
            return _no(404, "Not Found")
        return web.json_response({"id": self.app.installation, "app_id": self.app.id})

    async def _repository(self, _: web.Request, project: Project) -> web.Response:
        told = {"full_name": project.name, "default_branch": "main", "clone_url": project.url}
        return web.json_response(told)

    async def _commit(self, request: web.Request, project: Project) -> web.Response:
        return web.json_response(_commit(project.commit(request.match_info["sha"])))

    async def _statuses(self, request: web.Request, project: Project) -> web.Response:
        sha = str(project.commit(request.match_info["sha"]).id)
        mine = [one for one in reversed(project.statuses) if one["sha"] == sha]
        return _page(request, [{k: v for k, v in one.items() if k != "sha"} for one in mine])

    async def _combined(self, request: web.Request, project: Project) -> web.Response:
        """The newest status of each context."""
        sha = str(project.commit(request.match_info["sha"]).id)
        newest = {one["context"]: one for one in project.statuses if one["sha"] == sha}
        size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
        shown = [*newest.values()][size * (page - 1) : size * page]
        return web.json_response({"sha": sha, "total_count": len(newest), "statuses": shown})

    async def _status(self, request: web.Request, project: Project) -> web.Response:
        told = await _told(request)
        sha = str(project.commit(request.match_info["sha"]).id)
        context = str(told.get("context", "default"))
        mine = [x for x in project.statuses if (x["sha"], x["context"]) == (sha, context)]
        if told.get("state") not in _STATES:
            return _invalid("state", "State is not included in the list")
        if len(str(told.get("description") or "")) > DESCRIPTION:
            return _invalid("description", "description is too long (maximum is 140 characters)")
        if len(mine) >= MOST:
            return _invalid("base", "This SHA and context has reached the maximum number")
        made = {
            "id": project.id(),
            "state": told["state"],
            "description": told.get("description"),
            "target_url": told.get("target_url"),
            "context": context,
            "created_at": now(),
            "sha": sha,
        }
        project.statuses.append(made)
        return web.json_response(made, status=201)

    async def _deployments(self, request: web.Request, project: Project) -> web.Response:
        wanted = {k: v for k, v in request.query.items() if k in ("sha", "task", "environment")}
        mine = [d for d in reversed(project.deployments) if wanted.items() <= d.items()]
        shown = [{k: v for k, v in one.items() if k != "_statuses"} for one in mine]
        return _page(request, shown)

    async def _deploy(self, request: web.Request, project: Project) -> web.Response:
        told = await _told(request)
        sha = str(project.commit(str(told.get("ref", ""))).id)
        if told.get("required_contexts") != []:
            return _no(409, "Conflict: Commit status checks failed for the ref.")
        made = {
            "id": project.id(),
            "sha": sha,
            "ref": told["ref"],
            "task": told.get("task", "deploy"),
            "environment": told.get("environment", "production"),
            "description": told.get("description"),
            "payload": told.get("payload", {}),
            "created_at": now(),
        }
        project.deployments.append({**made, "_statuses": []})
        return web.json_response(made, status=201)

    async def _deployed(self, request: web.Request, project: Project) -> web.Response:
        return _page(request, [*reversed(_deployment(request, project)["_statuses"])])

    async def _deployment(self, request: web.Request, project: Project) -> web.Response:
        told, found = await _told(request), _deployment(request, project)
        if told.get("state") not in _DEPLOYED:
            return _invalid("state", "State is not included in the list")
        if len(str(told.get("description") or "")) > DESCRIPTION:
            return _invalid("description", "description is too long (maximum is 140 characters)")
        made = {
            "id": project.id(),
            "state": told["state"],
            "description": told.get("description"),
            "log_url": told.get("log_url"),
            "created_at": now(),
        }
        found["_statuses"].append(made)
        if told["state"] == "success" and told.get("auto_inactive", True):
            _retire(project, found)
        return web.json_response(made, status=201)

    async def _contents(self, request: web.Request, project: Project) -> web.Response:
        path, ref = request.match_info["path"], request.query.get("ref", "main")
        sha, data = project.file(path, ref)
        told = {
            "type": "file",
            "encoding": "base64",
            "size": len(data),
            "path": path,
            "sha": sha,
            "content": base64.encodebytes(data).decode(),
        }
        return web.json_response(told)

    async def _write(self, request: web.Request, project: Project) -> web.Response:
        told, path = await _told(request), request.match_info["path"]
        branch = str(told.get("branch", "main"))
        sha, _ = project.file(path, branch)
        if told.get("sha") != sha:
            return _no(409, f"{path} does not match {told.get('sha')}")
        data = base64.b64decode(str(told["content"]))
        made = project.write(branch, path, data, str(told["message"]))
        return web.json_response({"commit": {"sha": made}, "content": {"path": path}})

    async def _ref(self, request: web.Request, project: Project) -> web.Response:
        ref = f"refs/{request.match_info['ref']}"
        return web.json_response({"ref": ref, "object": {"sha": str(project.commit(ref).id)}})

    async def _branch(self, request: web.Request, project: Project) -> web.Response:
        told = await _told(request)
        ref = str(told.get("ref", ""))
        if not ref.startswith("refs/heads/"):
            return _no(422, "Reference name must start with 'refs/'.")
        if not project.branch(ref.removeprefix("refs/heads/"), str(told["sha"])):
            return _no(422, "Reference already exists")
        return web.json_response({"ref": ref, "object": {"sha": told["sha"]}}, status=201)

    async def _pulls(self, request: web.Request, project: Project) -> web.Response:
        owner = project.name.partition("/")[0]
        head, state = request.query.get("head", ""), request.query.get("state", "open")
        mine = [
            _pull(project, one)
            for one in reversed(project.pulls)
            if (not head or head == f"{owner}:{one['head']}")
            and (state == "all" or state == one["state"])
        ]
        return _page(request, mine)

    async def _pull(self, request: web.Request, project: Project) -> web.Response:
        told = await _told(request)
        head = str(told["head"]).rpartition(":")[2]
        if any(one["head"] == head and one["state"] == "open" for one in project.pulls):
            return _no(422, "Validation Failed: A pull request already exists for it.")
        if project.commit(head).id == project.commit(str(told["base"])).id:
            return _no(422, "Validation Failed: No commits between main and the branch")
        made = {
            "number": project.number(),
            "title": told["title"],
            "body": told.get("body") or "",
            "head": head,
            "base": told["base"],
            "state": "open",
            "merged": False,
        }
        project.pulls.append(made)
        return web.json_response(_pull(project, made), status=201)

    async def _merge(self, request: web.Request, project: Project) -> web.Response:
        number = int(request.match_info["number"])
        pull = next((one for one in project.pulls if one["number"] == number), None)
        if pull is None:
            return _no(404, "Not Found")
        return web.json_response({"sha": project.merge(pull), "merged": True})

    async def _comments(self, request: web.Request, project: Project) -> web.Response:
        return _page(request, project.comments.get(int(request.match_info["number"]), []))

    async def _comment(self, request: web.Request, project: Project) -> web.Response:
        number, made = int(request.match_info["number"]), project.id()
        said = {
            "id": made,
            "body": (await _told(request))["body"],
            "html_url": f"{project.url.removesuffix('.git')}/pull/{number}#issuecomment-{made}",
            "author_association": "NONE",
            "user": {"login": "rollout[bot]", "type": "Bot"},
        }
        project.comments.setdefault(number, []).append(said)
        return web.json_response(said, status=201)

    async def _edit(self, request: web.Request, project: Project) -> web.Response:
        for said in (one for many in project.comments.values() for one in many):
            if str(said["id"]) == request.match_info["id"]:
                said["body"] = (await _told(request))["body"]
                return web.json_response(said)
        return _no(404, "Not Found")


def _bearer(request: web.Request) -> str:
    given = request.headers.get("Authorization", "")
    return given.removeprefix("Bearer ").removeprefix("token ")


async def _told(request: web.Request) -> dict[str, Any]:
    try:
        told = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text='{"message": "Problems parsing JSON"}') from None
    return told if isinstance(told, dict) else {}


def _no(status: int, message: str) -> web.Response:
    return web.json_response(
        {"message": message, "documentation_url": "https://docs.github.com/rest"}, status=status
    )


def _invalid(field_: str, message: str) -> web.Response:
    errors = [{"resource": "Status", "code": "custom", "field": field_, "message": message}]
    return web.json_response({"message": "Validation Failed", "errors": errors}, status=422)


def _page(request: web.Request, entries: list[Any]) -> web.Response:
    size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
    return web.json_response(entries[size * (page - 1) : size * page])


def _commit(commit: Any) -> dict[str, Any]:
    author = {"name": commit.author.name, "email": commit.author.email}
    return {
        "sha": str(commit.id),
        "commit": {"message": commit.message, "author": author},
        "parents": [{"sha": str(one)} for one in commit.parent_ids],
    }


def _deployment(request: web.Request, project: Project) -> dict[str, Any]:
    for one in project.deployments:
        if str(one["id"]) == request.match_info["id"]:
            return one
    raise AbsentError("Not Found")


def _retire(project: Project, newest: Mapping[str, Any]) -> None:
    """Earlier deployments of the environment become inactive, as GitHub does by itself."""
    for one in project.deployments:
        ended = one["_statuses"] and one["_statuses"][-1]["state"] == "success"
        if one is not newest and one["environment"] == newest["environment"] and ended:
            one["_statuses"].append({"id": project.id(), "state": "inactive"})


def _pull(project: Project, pull: Mapping[str, Any]) -> dict[str, Any]:
    owner = project.name.partition("/")[0]
    return {
        "number": pull["number"],
        "title": pull["title"],
        "body": pull["body"],
        "state": pull["state"],
        "merged_at": now() if pull["merged"] else None,
        "html_url": f"{project.url.removesuffix('.git')}/pull/{pull['number']}",
        "head": {"ref": pull["head"], "label": f"{owner}:{pull['head']}"},
        "base": {"ref": pull["base"]},
    }
