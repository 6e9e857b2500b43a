"""The fake of the port Forge: one repository in memory; the port tests show that it is like one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rollout.controller.ports import Forge
from rollout.errors import RefusedError
from rollout.model.forge import CommitState, Place, Proposal, Standing


@dataclass
class FakeForge:
    """``errors``: go wrong first, one a call; ``after``: as those, once the effect was had.

    ``effects``: everything that was made, in order. ``calls``: whatever was asked.
    ``line``: commits, oldest first, with their files.
    """

    line: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    statuses: dict[tuple[str, str], Standing] = field(default_factory=dict)
    deployments: dict[tuple[str, str], CommitState] = field(default_factory=dict)
    pulls: dict[str, Proposal] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)
    after: list[BaseException] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    at_: list[tuple[Place, str, Mapping[str, bytes]]] = field(default_factory=list)

    def at(self, place: Place, secret: str, entries: Mapping[str, bytes]) -> Forge:
        self.at_.append((place, secret, entries))
        return self

    def push(self, commit: str, files: dict[str, str]) -> str:
        self.line.append((commit, files))
        self.branches["main"] = dict(files)
        return commit

    def state(self, commit: str, context: str) -> CommitState | None:
        found = self.statuses.get((commit, context))
        return found.state if found else None

    async def put_status(self, standing: Standing) -> None:
        self._asked("put_status")
        if standing.commit not in dict(self.line):
            raise RefusedError(f"forge: no commit {standing.commit[:10]}")
        key = (standing.commit, standing.context)
        if self.statuses.get(key) != standing:
            self.statuses[key] = standing
            self._made(f"{standing.state} {standing.context} {standing.commit[:4]}")

    async def put_deployment(self, standing: Standing, environment: str) -> None:
        self._asked("put_deployment")
        key = (standing.context, standing.commit)
        if self.deployments.get(key) == standing.state:
            return
        if key not in self.deployments and standing.state is CommitState.SUPERSEDED:
            return
        self.deployments[key] = standing.state
        self._made(f"deployment {standing.state} {standing.commit[:4]}")
        if standing.state is CommitState.SUCCESS:
            for other in [k for k in self.deployments if k[0] == key[0] and k != key]:
                self.deployments[other] = CommitState.SUPERSEDED

    async def default_branch(self) -> str:
        self._asked("default_branch")
        return "main"

    async def parent(self, commit: str) -> str:
        self._asked("parent")
        commits = [name for name, _ in self.line]
        place = commits.index(commit)
        return commits[place - 1] if place else ""

    async def text(self, path: str, ref: str) -> str | None:
        self._asked("text")
        files = self.branches.get(ref) or dict(self.line).get(ref, {})
        return files.get(path)

    async def proposed(self, branch: str) -> str:
        self._asked("proposed")
        return f"https://forge.test/pulls/{branch}" if branch in self.pulls else ""

    async def propose(self, proposal: Proposal) -> str:
        self._asked("propose")
        if proposal.branch not in self.pulls:
            self.pulls[proposal.branch] = proposal
            self._made(f"pull {proposal.branch}")
        return f"https://forge.test/pulls/{proposal.branch}"

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        if self.errors:
            raise self.errors.pop(0)

    def _made(self, what: str) -> None:
        self.effects.append(what)
        if self.after:
            raise self.after.pop(0)
