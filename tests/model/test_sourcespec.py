import pytest

from rollout.model.forge import ForgeKind
from rollout.model.sourcespec import CommitStatus


def test_deployments_are_shown_by_github_alone() -> None:
    assert CommitStatus(ForgeKind.GITHUB, deployments=True).deployments
    with pytest.raises(ValueError, match="has deployments, which only GitHub has"):
        CommitStatus(ForgeKind.GITLAB, deployments=True)
