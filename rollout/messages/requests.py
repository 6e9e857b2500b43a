"""What each request brings about, by the kind it is asked of: for ``--help``, page and chat."""

from collections.abc import Mapping

from rollout.model.reasons import Verb

ROLLOUT, UPGRADE, SWITCHOVER = "Rollout", "ControlPlaneUpgrade", "ClusterSwitchover"

_MEANS: Mapping[Verb, str] = {
    Verb.PROMOTE: "everyone to the canary now, whatever the gates say",
    Verb.SKIP: "end this step and go on to the next",
    Verb.PAUSE: "stand still: weights stay, the gates judge on",
    Verb.RESUME: "go on after a pause",
    Verb.ABORT: "everyone back to stable, and remember the revision as rejected",
    Verb.RETRY: "forget that a revision was rejected and try it again",
    Verb.APPROVE: "say yes to the step that waits for an approval",
    Verb.REJECT: "say no to it: everyone goes back to stable",
}
VERBS = tuple(_MEANS)
"""Every request, in the order of ``--help``."""

_BACK = {
    UPGRADE: "everything goes back to the old control plane",
    SWITCHOVER: "everyone goes back to blue",
}
_OTHERS: Mapping[tuple[str, Verb], str] = {
    (UPGRADE, Verb.PAUSE): "stand still: what was moved stays moved, the gates judge on",
    (UPGRADE, Verb.SKIP): "end the wait at this stop and go on",
    (UPGRADE, Verb.ABORT): _BACK[UPGRADE],
    (UPGRADE, Verb.RETRY): "begin the upgrade again",
    (UPGRADE, Verb.APPROVE): "say yes to what waits for an approval",
    (UPGRADE, Verb.REJECT): f"say no to it: {_BACK[UPGRADE]}",
    (SWITCHOVER, Verb.PROMOTE): "everyone to green now, whatever the gates say",
    (SWITCHOVER, Verb.ABORT): f"{_BACK[SWITCHOVER]}, until it is asked for again",
    (SWITCHOVER, Verb.RETRY): "forget that the switchover was rejected and try it again",
    (SWITCHOVER, Verb.REJECT): f"say no to it: {_BACK[SWITCHOVER]}",
}


def means(verb: Verb, kind: str = ROLLOUT) -> str:
    """What ``verb`` does to an object of that kind, in lower case and without a stop."""
    return _OTHERS.get((kind, verb), _MEANS[verb])


def back(kind: str) -> str:
    """What a no or an abort brings about."""
    return _BACK.get(kind, "everyone goes back to stable")
