"""A rejected commit's change, proposed to be taken back: one pull request a commit."""

from dataclasses import dataclass

from rollout.controller.ports import Forge
from rollout.errors import RefusedError
from rollout.manifest import undo
from rollout.messages import commits
from rollout.model.spec import Rollout
from rollout.model.status import RolloutStatus


@dataclass(frozen=True, slots=True)
class Case:
    """A rejected Rollout, and where it stands in git: ``path`` of its file, followed at ``ref``."""

    rollout: Rollout
    status: RolloutStatus
    path: str
    ref: str

    @property
    def commit(self) -> str:
        """The one that brought the rejected revision."""
        rejected = self.status.rejected
        commit = rejected.revision.commit if rejected else ""
        return commit if commits.is_commit(commit) else ""


async def revert(forge: Forge, case: Case) -> str:
    """The address of the pull request; empty: git has taken the change back already.

    Errors: as ``Forge``; ``RefusedError`` also where nobody can tell what the file was without it.
    """
    if not case.commit or not case.path or {"", ".", ".."} & set(case.path.split("/")):
        raise RefusedError("onRejected: the rejected commit or its file is not known")
    known = await forge.proposed(commits.branch(case.rollout, case.commit))
    if known:
        return known
    base = await _base(forge, case.ref)
    parent = await forge.parent(case.commit)
    before = await forge.text(case.path, parent) if parent else None
    after = await forge.text(case.path, case.commit)
    now = await forge.text(case.path, base)
    if before is None or after is None:
        raise RefusedError(f"onRejected: {case.path} is new in that commit; take it out by hand")
    if now is None:
        return ""
    text = undo.undone(before, after, now, _line(case))
    if text is None:
        raise RefusedError(f"onRejected: {case.path} has changed there since; revert it by hand")
    if text == now:
        return ""
    return await forge.propose(commits.proposal(case.rollout, case.status, base, case.path, text))


async def _base(forge: Forge, ref: str) -> str:
    """The branch that is followed. Errors: ``RefusedError`` for a tag."""
    if ref == "HEAD":
        return await forge.default_branch()
    if ref.startswith("refs/") and not ref.startswith("refs/heads/"):
        raise RefusedError(f"onRejected: {ref} is no branch; a revert needs one")
    return ref.removeprefix("refs/heads/")


def _line(case: Case) -> str:
    """The one line that names the rejected revision; empty: a template has none."""
    rejected = case.status.rejected
    return f"revision: {rejected.revision.name}" if rejected and case.rollout.spec.revision else ""
