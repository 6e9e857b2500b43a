"""A project at GitLab: statuses of its commits, and merge requests.

A status that is running can only end: GitLab refuses the state that it has, so its words stay those
of the beginning until then.
Sources: docs.gitlab.com, "Commits API" (set commit pipeline status), "Repository files API",
"Branches API", "Merge requests API"; gitlab.com, lib/api/commit_statuses.rb.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rollout.edges.forge import cut
from rollout.edges.forge.rest import AbsentError, Rest, as_map, as_maps
from rollout.errors import OutsideError
from rollout.model.forge import CommitState, Proposal, Standing

DESCRIPTION = 255  # characters
_STATES = {
    CommitState.PENDING: "running",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failed",
    CommitState.SUPERSEDED: "canceled",
}


@dataclass(frozen=True, slots=True)
class GitLabRepo:
    """The port ``Forge``. ``name``: the project's full path."""

    rest: Rest
    name: str

    async def put_status(self, standing: Standing) -> None:
        """The commit's status of that name is in that state; errors as ``Rest.ask``."""
        wanted = {
            "state": _STATES[standing.state],
            "name": standing.context,
            "description": cut.line(standing.description, DESCRIPTION),
            **({"target_url": standing.target_url} if standing.target_url else {}),
        }
        query = f"name={quote(standing.context, safe='')}"
        path = f"/repository/commits/{standing.commit}/statuses?{query}"
        found = [one for one in as_maps(await self._ask("GET", path)) if _is(one, standing)]
        if found and found[-1].get("status") == wanted["state"]:
            return
        await self._ask("POST", f"/statuses/{standing.commit}", wanted)

    async def put_deployment(self, standing: Standing, environment: str) -> None:
        """Nothing: a source of GitLab names none."""

    async def default_branch(self) -> str:
        """What HEAD means; errors as ``Rest.ask``."""
        return str(as_map(await self._ask("GET", "")).get("default_branch", ""))

    async def parent(self, commit: str) -> str:
        """The commit before, along the branch; empty: it is the first."""
        parents = as_map(await self._ask("GET", f"/repository/commits/{commit}")).get("parent_ids")
        return str(parents[0]) if isinstance(parents, list) and parents else ""

    async def text(self, path: str, ref: str) -> str | None:
        """A file at a commit or branch; None: there is none. Errors as ``Rest.ask``."""
        asked = f"{_file(path)}?ref={quote(ref, safe='')}"
        try:
            file = as_map(await self._ask("GET", asked))
        except AbsentError:
            return None
        try:
            return base64.b64decode(str(file.get("content", ""))).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise OutsideError(f"forge: {path} came as something else than text") from None

    async def proposed(self, branch: str) -> str:
        """The merge request of ``branch``, open or not, by its address; empty: there was none."""
        query = f"source_branch={quote(branch, safe='')}&state=all&per_page=1"
        found = as_maps(await self._ask("GET", f"/merge_requests?{query}"))
        return str(found[0].get("web_url", "")) if found else ""

    async def propose(self, proposal: Proposal) -> str:
        """The merge request's address, which is made if there was none; errors as ``Rest.ask``."""
        if known := await self.proposed(proposal.branch):
            return known
        await self._branch(proposal)
        if await self.text(proposal.path, proposal.branch) != proposal.content:
            told = {
                "branch": proposal.branch,
                "content": base64.b64encode(proposal.content.encode()).decode(),
                "encoding": "base64",
                "commit_message": proposal.title,
            }
            await self._ask("PUT", _file(proposal.path), told)
        made = {
            "title": cut.line(proposal.title, 250),
            "description": proposal.body,
            "source_branch": proposal.branch,
            "target_branch": proposal.base,
            "remove_source_branch": True,
        }
        return str(as_map(await self._ask("POST", "/merge_requests", made)).get("web_url", ""))

    async def _branch(self, proposal: Proposal) -> None:
        """It is there, made now or before a crash."""
        try:
            await self._ask("GET", f"/repository/branches/{quote(proposal.branch, safe='')}")
        except AbsentError:
            told = {"branch": proposal.branch, "ref": proposal.base}
            await self._ask("POST", "/repository/branches", told)

    async def _ask(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return await self.rest.ask(verb, f"/projects/{quote(self.name, safe='')}{path}", body)


def _is(told: Mapping[str, Any], standing: Standing) -> bool:
    return told.get("name") == standing.context


def _file(path: str) -> str:
    return f"/repository/files/{quote(path, safe='')}"
