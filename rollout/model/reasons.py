"""Why something stands, waits or was refused: closed kinds that decide, and words for people.

Whatever is decided, is decided by a kind; a ``Reason`` is only ever read by people.
"""

from enum import StrEnum
from typing import NewType

Reason = NewType("Reason", str)
"""A reason in words, of any length; ``Reason | None`` is "a reason, or nothing"."""


class WaitsFor(StrEnum):
    """What would move a rollout on; what it says of it in words is its ``because``."""

    PROXIES = "Proxies"  # to have taken what was asked
    PODS = "Pods"  # of the canary to be ready
    STABLE = "Stable"  # stable has requests and no ready pods, or too few for all of them
    SUBSETS = "Subsets"  # to be made, or to follow a promotion
    BAKE = "Bake"  # the least time at the step
    EVIDENCE = "Evidence"  # more of it, until the time box is over
    DATA = "Data"  # metrics that say nothing, or cannot be asked
    WEBHOOK = "Webhook"  # the step's HTTP gate
    APPROVAL = "Approval"  # people who were asked
    DRAIN = "Drain"  # pods without requests to end what they had begun
    AUTOSCALER = "Autoscaler"  # to scale the other revision
    TRUCE = "Truce"  # before it writes again what somebody else keeps writing
    RECORDS = "Records"  # name servers to answer by the weights that were asked for
    CACHES = "Caches"  # resolvers to forget what they were answered before
    SHARE = "Share"  # requests to divide as the weights do
    CLUSTER = "Cluster"  # a cluster whose API server does not answer
    OBJECTS = "Objects"  # somebody must put right what cannot be written or begun


class Cause(StrEnum):
    """Why everyone goes back, in the word of conditions and metrics; ``because`` is the story."""

    ANALYSIS_FAILED = "AnalysisFailed"
    REJECTED = "Rejected"  # a person's or a webhook's no
    ABORTED = "Aborted"
    PODS_NOT_READY = "PodsNotReady"  # the canary's, all of them
    SUPERSEDED = "Superseded"  # another revision is asked for, or this step became another
    REBUILT = "Rebuilt"  # a revision became another build
    UNWRITABLE = "Unwritable"  # somebody's edit stands in the way of the step's route
    DELETED = "Deleted"


class PauseKind(StrEnum):
    """Why a journey is paused; only a person's pause and a person's decision need a person."""

    PERSON = "Person"  # somebody said ``pause``
    DRIFT = "Drift"  # a foreign edit, and ``onDrift: pause``
    FAILED = "Failed"  # a gate failed, and ``onFailure: hold``
    DEADLINE = "Deadline"  # what must come by itself did not come in time
    BLIND = "Blind"  # the metrics said nothing for too long
    SUSPICIOUS = "Suspicious"  # the time box is over, with some evidence and no proof
    LITTLE_TRAFFIC = "LittleTraffic"  # the time box is over, with too few requests
    UNCERTIFIED = "Uncertified"  # the time box is over, and ``onInconclusive: hold``
    UNOPENED = "Unopened"  # the HTTP gate did not open in time
    UNAPPROVED = "Unapproved"  # nobody approved in time
    LAST_STEP = "LastStep"  # all steps are passed, and ``finish: hold``
    REBUILT = "Rebuilt"  # what one would go back to has become another build
    PODS_LOST = "PodsLost"  # the canary lost all its pods again and again
    STABLE_WORSE = "StableWorse"  # the side that one would go back to got worse, too

    @property
    def may_pass(self) -> bool:
        """Whether it ends by itself where its reason is gone: nobody has decided anything.

        A person's pause, drift, a failure, an approval that came too late and the last step need
        a person's decision, whatever changes meanwhile.
        """
        return self in _MAY_PASS


_MAY_PASS = frozenset({
    PauseKind.DEADLINE,
    PauseKind.BLIND,
    PauseKind.SUSPICIOUS,
    PauseKind.LITTLE_TRAFFIC,
    PauseKind.UNCERTIFIED,
    PauseKind.UNOPENED,
})  # fmt: skip


class Verb(StrEnum):
    """What a person may ask of a rollout."""

    PROMOTE = "promote"
    SKIP = "skip"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    RETRY = "retry"
    APPROVE = "approve"
    REJECT = "reject"

    @classmethod
    def of(cls, text: str) -> "Verb | None":
        """The verb that is written ``text``; None when there is none."""
        return next((verb for verb in cls if verb.value == text), None)
