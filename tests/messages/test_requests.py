"""What a request brings about is said alike by ``--help``, the page and the chat."""

import pytest

from rollout.messages import requests
from rollout.model import ref
from rollout.model.reasons import Verb


def test_every_kind_that_we_drive_is_known_by_name() -> None:
    assert (requests.ROLLOUT, requests.UPGRADE, requests.SWITCHOVER) == ref.KINDS


@pytest.mark.parametrize("kind", ref.KINDS)
def test_an_abort_and_a_no_promise_what_that_kind_goes_back_to(kind: str) -> None:
    goes_back = {
        "Rollout": "everyone back to stable, and remember the revision as rejected",
        "ControlPlaneUpgrade": "everything goes back to the old control plane",
        "ClusterSwitchover": "everyone goes back to blue, until it is asked for again",
    }
    assert requests.means(Verb.ABORT, kind) == goes_back[kind]
    assert requests.means(Verb.REJECT, kind) == f"say no to it: {requests.back(kind)}"


@pytest.mark.parametrize("kind", ["ControlPlaneUpgrade", "ClusterSwitchover"])
def test_no_request_of_another_kind_speaks_of_a_rollouts_sides(kind: str) -> None:
    asked = set(Verb) - ({Verb.PROMOTE} if kind == "ControlPlaneUpgrade" else set())
    for verb in asked:
        assert not {"stable", "canary", "revision"} & set(requests.means(verb, kind).split())
