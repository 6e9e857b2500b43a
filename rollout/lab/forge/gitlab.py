"""GitLab's REST API below ``/api/v4``.

Sources: docs.gitlab.com, "Commits API" (statuses), "Repository files API", "Branches API",
"Merge requests API", "Rate limits"; lib/api/commit_statuses.rb (which transitions are refused).
"""

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from rollout.lab.forge.project import AbsentError, Project, now

_STATES = ("pending", "running", "success", "failed", "canceled")
_OPEN = ("pending", "running")
_EVENTS = {
    "pending": "enqueue",
    "running": "run",
    "success": "success",
    "failed": "drop",
    "canceled": "cancel",
}
DESCRIPTION = 255

Handler = Callable[[web.Request, Project], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class GitLab:
    """``token``: of a project, a group or a person, in either header."""

    projects: Mapping[str, Project]
    token: str

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Every path that is answered."""
        named: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "", self._project),
            ("POST", "/statuses/{sha}", self._status),
            ("GET", "/repository/commits/{sha}", self._commit),
            ("GET", "/repository/commits/{sha}/statuses", self._statuses),
            ("GET", "/repository/files/{path}", self._file),
            ("PUT", "/repository/files/{path}", self._write),
            ("POST", "/repository/branches", self._branch),
            ("GET", "/repository/branches/{branch}", self._branched),
            ("GET", "/merge_requests", self._requests),
            ("POST", "/merge_requests", self._request),
        )
        base = f"{prefix}/projects/{{project}}"
        return [web.route(verb, f"{base}{path}", self._of(do)) for verb, path, do in named]

    def _of(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if self.token not in (bearer, request.headers.get("PRIVATE-TOKEN")):
                return _no(401, "401 Unauthorized")
            project = self.projects.get(request.match_info["project"].lower())
            if project is None:
                return _no(404, "404 Project Not Found")
            try:
                return await handler(request, project)
            except AbsentError:
                return _no(404, "404 Not Found")

        return answer

    async def _project(self, _: web.Request, project: Project) -> web.Response:
        told = {"path_with_namespace": project.name, "default_branch": "main"}
        return web.json_response(told)

    async def _status(self, request: web.Request, project: Project) -> web.Response:
        told = {**request.query, **(await _told(request))}
        sha, state = str(project.commit(request.match_info["sha"]).id), told.get("state")
        name = str(told.get("name") or told.get("context") or "default")
        if state not in _STATES:
            return _no(400, "state does not have a valid value")
        if len(str(told.get("description") or "")) > DESCRIPTION:
            return _no(400, {"description": ["is too long (maximum is 255 characters)"]})
        one = _open(project, sha, name)
        if one is not None and (one["status"] == state or state == "pending"):
            why = f"Cannot transition status via :{_EVENTS[state]} from :{one['status']}"
            return _no(400, f'{why} (Reason(s): Status cannot transition via "{_EVENTS[state]}")')
        if one is None:
            one = {"id": project.id(), "sha": sha, "name": name, "created_at": now()}
            project.statuses.append(one)
        one["status"] = state
        for key in ("target_url", "description"):
            one[key] = told.get(key, one.get(key))
        return web.json_response(one, status=201)

    async def _statuses(self, request: web.Request, project: Project) -> web.Response:
        sha = str(project.commit(request.match_info["sha"]).id)
        name = request.query.get("name")
        mine = [one for one in project.statuses if one["sha"] == sha]
        named = [one for one in mine if name is None or one["name"] == name]
        newest = {one["name"]: one for one in named}  # `all=true` would show the older ones, too
        return web.json_response([*newest.values()])

    async def _commit(self, request: web.Request, project: Project) -> web.Response:
        commit = project.commit(request.match_info["sha"])
        told = {"id": str(commit.id), "parent_ids": [str(one) for one in commit.parent_ids]}
        return web.json_response(told)

    async def _file(self, request: web.Request, project: Project) -> web.Response:
        path = request.match_info["path"]
        blob, data = project.file(path, request.query.get("ref", "HEAD"))
        told = {
            "file_path": path,
            "blob_id": blob,
            "encoding": "base64",
            "content": base64.b64encode(data).decode(),
            "last_commit_id": str(project.commit(request.query.get("ref", "main")).id),
        }
        return web.json_response(told)

    async def _write(self, request: web.Request, project: Project) -> web.Response:
        told, path = await _told(request), request.match_info["path"]
        branch = str(told["branch"])
        project.file(path, branch)
        plain = str(told["content"])
        data = base64.b64decode(plain) if told.get("encoding") == "base64" else plain.encode()
        project.write(branch, path, data, str(told["commit_message"]))
        return web.json_response({"file_path": path, "branch": branch})

    async def _branch(self, request: web.Request, project: Project) -> web.Response:
        told = {**request.query, **(await _told(request))}
        if not project.branch(str(told["branch"]), str(told["ref"])):
            return _no(400, "Branch already exists")
        return web.json_response({"name": told["branch"]}, status=201)

    async def _branched(self, request: web.Request, project: Project) -> web.Response:
        name = request.match_info["branch"]
        commit = project.commit(f"refs/heads/{name}")
        return web.json_response({"name": name, "commit": {"id": str(commit.id)}})

    async def _requests(self, request: web.Request, project: Project) -> web.Response:
        source, state = request.query.get("source_branch"), request.query.get("state", "all")
        mine = [
            _shown(project, one)
            for one in reversed(project.pulls)
            if source in (None, one["head"]) and (state == "all" or _state(one) == state)
        ]
        return web.json_response(mine)

    async def _request(self, request: web.Request, project: Project) -> web.Response:
        told = await _told(request)
        head = str(told["source_branch"])
        if any(one["head"] == head and one["state"] == "open" for one in project.pulls):
            return _no(409, ["Another open merge request already exists for this source branch"])
        made = {
            "number": project.number(),
            "title": told["title"],
            "body": told.get("description") or "",
            "head": head,
            "base": told["target_branch"],
            "state": "open",
            "merged": False,
        }
        project.pulls.append(made)
        return web.json_response(_shown(project, made), status=201)


async def _told(request: web.Request) -> dict[str, Any]:
    if not request.can_read_body:
        return {}
    told = await request.json()
    return told if isinstance(told, dict) else {}


def _no(status: int, message: Any) -> web.Response:
    return web.json_response({"message": message}, status=status)


def _open(project: Project, sha: str, name: str) -> dict[str, Any] | None:
    for one in project.statuses:
        if (one["sha"], one["name"]) == (sha, name) and one["status"] in _OPEN:
            return one
    return None


def _state(pull: Mapping[str, Any]) -> str:
    if pull["merged"]:
        return "merged"
    return "opened" if pull["state"] == "open" else "closed"


def _shown(project: Project, pull: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "iid": pull["number"],
        "title": pull["title"],
        "description": pull["body"],
        "state": _state(pull),
        "source_branch": pull["head"],
        "target_branch": pull["base"],
        "web_url": f"{project.url.removesuffix('.git')}/-/merge_requests/{pull['number']}",
    }
