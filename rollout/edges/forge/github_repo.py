"""A repository at GitHub: statuses and deployments of its commits, and pull requests.

Everything is looked for before it is made, so that a process that died in between makes no second.
Sources: docs.github.com, "REST API endpoints for" commit statuses, deployments, repository
contents, Git references, pull requests.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rollout.edges.forge import cut
from rollout.edges.forge.rest import AbsentError, Rest, UnfitError, as_map, as_maps
from rollout.errors import OutsideError, RefusedError
from rollout.model.forge import CommitState, Proposal, Standing

DESCRIPTION = 140  # characters
PAGES = 5  # of 100 contexts of one commit
_STATES = {
    CommitState.PENDING: "pending",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failure",
    CommitState.SUPERSEDED: "failure",  # there is no word for it: it did not reach everyone
}
_DEPLOYED = {
    CommitState.PENDING: "in_progress",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failure",
    CommitState.SUPERSEDED: "inactive",
}


@dataclass(frozen=True, slots=True)
class GitHubRepo:
    """The port ``Forge``. ``name``: ``owner/name``."""

    rest: Rest
    name: str

    async def put_status(self, standing: Standing) -> None:
        """The commit's newest status of that context says so; errors as ``Rest.ask``."""
        wanted = {
            "state": _STATES[standing.state],
            "description": cut.line(standing.description, DESCRIPTION),
            "target_url": standing.target_url or None,
            "context": standing.context,
        }
        known = await self._status(standing) or {}
        ended = standing.state is not CommitState.PENDING  # then its words do not matter any more
        if all(known.get(key) == wanted[key] for key in (("state",) if ended else wanted)):
            return
        await self._ask("POST", f"/statuses/{standing.commit}", wanted)

    async def _status(self, standing: Standing) -> Mapping[str, Any] | None:
        for page in range(1, PAGES + 1):
            path = f"/commits/{standing.commit}/status?per_page=100&page={page}"
            statuses = as_maps(as_map(await self._ask("GET", path)).get("statuses"))
            for one in statuses:
                if one.get("context") == standing.context:
                    return one
            if len(statuses) < 100:
                return None
        return None

    async def put_deployment(self, standing: Standing, environment: str) -> None:
        """The commit's deployment says so, and the one before it is inactive once this one is in
        force; errors as ``Rest.ask``.

        Its task is the context, so that Rollouts which share an environment are told apart.
        """
        query = f"task={quote(standing.context, safe='')}&per_page=2"
        found = as_maps(await self._ask("GET", f"/deployments?{query}&sha={standing.commit}"))
        if found:
            id_ = found[0].get("id")
        elif standing.state is CommitState.SUPERSEDED:
            return
        else:
            id_ = await self._deploy(standing, environment)
        await self._deployed(id_, standing.state, standing)
        if standing.state is CommitState.SUCCESS:
            for one in as_maps(await self._ask("GET", f"/deployments?{query}")):
                if one.get("sha") != standing.commit:
                    await self._deployed(one.get("id"), CommitState.SUPERSEDED, standing)

    async def _deploy(self, standing: Standing, environment: str) -> Any:
        told = {
            "ref": standing.commit,
            "task": standing.context,
            "environment": environment,
            "description": cut.line(standing.context, DESCRIPTION),
            "auto_merge": False,
            "required_contexts": [],  # what is to be checked was, before it was pushed
        }
        return as_map(await self._ask("POST", "/deployments", told)).get("id")

    async def _deployed(self, id_: Any, state: CommitState, standing: Standing) -> None:
        path = f"/deployments/{int(id_ or 0)}/statuses"
        wanted = _DEPLOYED[state]
        known = as_maps(await self._ask("GET", f"{path}?per_page=1"))
        if known and known[0].get("state") == wanted:
            return
        told: dict[str, Any] = {"state": wanted, "auto_inactive": False}
        if state is standing.state:
            told["description"] = cut.line(standing.description, DESCRIPTION)
            if standing.target_url:
                told["log_url"] = standing.target_url
        await self._ask("POST", path, told)

    async def default_branch(self) -> str:
        """What HEAD means; errors as ``Rest.ask``."""
        return str(as_map(await self._ask("GET", "")).get("default_branch", ""))

    async def parent(self, commit: str) -> str:
        """The commit before, along the branch; empty: it is the first."""
        parents = as_maps(as_map(await self._ask("GET", f"/commits/{commit}")).get("parents"))
        return str(parents[0].get("sha", "")) if parents else ""

    async def text(self, path: str, ref: str) -> str | None:
        """A file at a commit or branch; None: there is none. Errors as ``Rest.ask``."""
        file = await self._file(path, ref)
        return None if file is None else _decoded(file, path)

    async def proposed(self, branch: str) -> str:
        """The pull request of ``branch``, open or not, by its address; empty: there was none."""
        owner = self.name.partition("/")[0]
        head = quote(f"{owner}:{branch}", safe="")
        found = as_maps(await self._ask("GET", f"/pulls?state=all&per_page=1&head={head}"))
        return str(found[0].get("html_url", "")) if found else ""

    async def propose(self, proposal: Proposal) -> str:
        """The pull request's address, which is made if there was none; errors as ``Rest.ask``."""
        if known := await self.proposed(proposal.branch):
            return known
        await self._branch(proposal)
        await self._write(proposal)
        told = {
            "title": cut.line(proposal.title, 250),
            "head": proposal.branch,
            "base": proposal.base,
            "body": proposal.body,
        }
        try:
            made = await self._ask("POST", "/pulls", told)
        except UnfitError:
            if known := await self.proposed(proposal.branch):  # somebody was faster
                return known
            raise
        return str(as_map(made).get("html_url", ""))

    async def _branch(self, proposal: Proposal) -> None:
        path = f"/git/ref/heads/{quote(proposal.base)}"
        at = as_map(as_map(await self._ask("GET", path)).get("object")).get("sha")
        try:
            told = {"ref": f"refs/heads/{proposal.branch}", "sha": at}
            await self._ask("POST", "/git/refs", told)
        except UnfitError:
            await self._ask("GET", f"/git/ref/heads/{quote(proposal.branch)}")  # of before a crash

    async def _write(self, proposal: Proposal) -> None:
        file = await self._file(proposal.path, proposal.branch)
        if file is None or _decoded(file, proposal.path) == proposal.content:
            return
        told = {
            "message": f"{proposal.title}\n",
            "content": base64.b64encode(proposal.content.encode()).decode(),
            "branch": proposal.branch,
            "sha": file.get("sha"),
        }
        await self._ask("PUT", f"/contents/{quote(proposal.path)}", told)

    async def _file(self, path: str, ref: str) -> Mapping[str, Any] | None:
        try:
            asked = f"/contents/{quote(path)}?ref={quote(ref, safe='')}"
            return as_map(await self._ask("GET", asked))
        except AbsentError:
            return None

    async def _ask(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return await self.rest.ask(verb, f"/repos/{self.name}{path}", body)


def _decoded(file: Mapping[str, Any], path: str) -> str:
    if file.get("encoding") != "base64":
        raise RefusedError(f"forge: {path} is no file of less than 1 MB")
    try:
        return base64.b64decode(str(file.get("content", ""))).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise OutsideError(f"forge: {path} came as something else than text") from None
