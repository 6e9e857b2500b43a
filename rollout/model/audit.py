"""What an audit log says of one act; how lines vouch for each other is in ``rollout/audit``."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Act(StrEnum):
    """What was done."""

    DECISION = "decision"  # by the controller itself
    REQUEST = "request"  # a person asked, and it was done
    APPROVAL = "approval"  # a person's yes to a step
    REJECTION = "rejection"  # a person's no to a step
    REFUSAL = "refusal"  # a person asked, and it was not done
    SOURCE = "source"  # what git asks for was taken, held or refused


class Proof(StrEnum):
    """What vouches for who did it."""

    CONTROLLER = "controller"  # nobody asked: it follows from what was seen
    KUBERNETES = "kubernetes"  # RBAC let somebody write an annotation; their name is not known
    SLACK = "slack"  # Slack's socket or signature, for a user's id
    ACCESS = "repository access"  # whoever may push; the author is what the commit says
    SIGNATURE = "commit signature"  # by a key that the operator allows


@dataclass(frozen=True, slots=True)
class Record:
    """One act.

    ``id``: unlike any other act's, and the same whenever this one is told.
    ``kind``, ``object``, ``uid``: what it was done to; ``object`` is ``namespace/name``,
    or the name alone of what stands in no namespace.
    ``who``: as the proof names them; ``claimed``: what nobody vouches for, such as an author's
    address or kubectl's name as a field manager.
    ``request``: the request's own text; ``because``: the sentence of the status.
    ``epoch``: the decision's, which rises; 0: it is none.
    """

    id: str
    at: datetime
    act: Act
    kind: str
    object: str
    uid: str
    proof: Proof
    because: str
    who: str = ""
    claimed: str = ""
    request: str = ""
    stage: str = ""
    split: str = ""
    revision: str = ""
    commit: str = ""
    evidence: str = ""
    attempt: int = 0
    epoch: int = 0
