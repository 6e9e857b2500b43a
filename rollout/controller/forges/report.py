"""One Rollout told to its forge: what is put there, in which order, and what is remembered."""

from dataclasses import dataclass, replace

from rollout import lenient
from rollout.controller.forges import reverting
from rollout.controller.forges.reverting import Case
from rollout.controller.ports import Forge, Json
from rollout.controller.sources.apply import FILE
from rollout.errors import RefusedError
from rollout.manifest import objects, record
from rollout.messages import commits
from rollout.model.forge import CommitState, OnRejected, Standing
from rollout.model.source import Reported
from rollout.model.sourcespec import CommitStatus
from rollout.model.spec import Rollout
from rollout.model.status import RolloutStatus

NONE = "none: git has taken it back already"
"""Instead of a pull request's address, where none is needed."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A Rollout as it is now, from its object; ``path``: of its file in the repository."""

    rollout: Rollout
    status: RolloutStatus
    path: str

    @classmethod
    def of(cls, obj: Json) -> "Subject":
        """Errors: ``ManifestError`` for an object that cannot be read."""
        annotations = lenient.mapping(obj["metadata"].get("annotations"))
        path = str(annotations.get(FILE) or "")
        return cls(objects.rollout(obj), record.status(obj), path)


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of one Rollout. ``asked``: how; ``ref``: what its source follows."""

    forge: Forge
    asked: CommitStatus
    ref: str

    def settled(self, subject: Subject, known: Reported | None) -> bool:
        """Whether the forge is known to have the end of it already, so it need not be asked."""
        standing = self.standing(subject)
        if standing is None:
            return True
        if known is None or (known.commit, known.state) != (standing.commit, standing.state):
            return False
        return standing.state is not CommitState.PENDING and not self.reverts(known)

    def standing(self, subject: Subject) -> Standing | None:
        """What the forge should show of it now; None: nothing."""
        return commits.standing(subject.rollout, subject.status, self.asked)

    async def tell(self, subject: Subject, standing: Standing, known: Reported | None) -> Reported:
        """What the forge has of it afterwards; ``known``: what it had before.

        Each effect looks for itself first, so whoever dies in between does none of them twice.
        Errors: as ``Forge``.
        """
        key, pull = subject.rollout.key, ""
        if known is not None and known.commit != standing.commit:
            await self.end(key, known, standing.commit)
        elif known is not None:
            pull = known.pull_request
        await self._put(standing, subject.rollout)
        return Reported(key, standing.commit, standing.state, pull)

    async def end(self, key: str, known: Reported, by: str) -> None:
        """A commit that was under way will not come further; ``by``: the next one, or empty."""
        if known.state is CommitState.PENDING:
            standing = commits.superseded(key, known.commit, by)
            await self.forge.put_status(standing)
            if self.asked.deployments:
                await self.forge.put_deployment(standing, "")

    async def _put(self, standing: Standing, rollout: Rollout) -> None:
        await self.forge.put_status(standing)
        if self.asked.deployments:
            environment = commits.filled(self.asked.environment, rollout, standing.commit)
            await self.forge.put_deployment(standing, environment)

    def reverts(self, known: Reported) -> bool:
        """Whether a pull request is still to be opened for what the forge has."""
        wanted = self.asked.on_rejected is OnRejected.REVERT
        return wanted and known.state is CommitState.FAILURE and not known.pull_request

    async def revert(self, subject: Subject, known: Reported) -> Reported:
        """``known`` with the pull request's address; errors as ``reverting.revert``."""
        case = Case(subject.rollout, subject.status, subject.path, self.ref)
        return replace(known, pull_request=await reverting.revert(self.forge, case) or NONE)


def nothing_to_prove(asked: CommitStatus) -> RefusedError:
    """Nobody may write to a forge without saying who they are."""
    return RefusedError(f"commitStatus: {asked.forge.value} wants a Secret; name it in secretRef")
