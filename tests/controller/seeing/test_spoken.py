from collections.abc import Mapping
from typing import Any

import pytest

from rollout.controller.seeing.spoken import Spoken
from rollout.errors import OutsideError
from tests.controller.shop import NAMESPACE, a_rollout
from tests.fakes import FakeKube

KEY = f"{NAMESPACE}/shop"


def written(revision: str = "v1", **meta: object) -> Mapping[str, Any]:
    """The Rollout, with ``meta`` of its metadata."""
    made = a_rollout(revision=revision)
    return {**made, "metadata": {**made["metadata"], "finalizers": ["x"], **meta}}


@pytest.mark.parametrize(
    "said",
    [
        written("v2"),
        written(annotations={"rollout.dev/request": "abort@1"}),
        written(deletionTimestamp="2026-01-31T12:00:00Z"),
    ],
)
def test_git_and_people_are_heard_once_and_our_own_status_never(said: Mapping[str, Any]) -> None:
    kube = FakeKube()
    spoken = Spoken(kube, "Rollout")
    heard = []
    for obj in (written(), {**written(), "status": {"epoch": 1}}, said, {**said, "status": {}}):
        kube.put(obj)
        heard.append(spoken.anew(KEY))
    assert heard == [True, False, True, False]


def test_what_is_gone_or_cannot_be_read_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    kube = FakeKube()
    spoken = Spoken(kube, "Rollout")
    assert (spoken.anew(KEY), spoken.anew(KEY)) == (True, True)
    kube.put(written())
    assert (spoken.anew(KEY), spoken.anew(KEY)) == (True, False)

    def silent(*_: str) -> None:
        raise OutsideError("rollout: not listed yet")

    monkeypatch.setattr(kube, "get", silent)
    assert spoken.anew(KEY)
