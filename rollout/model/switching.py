"""What one look at a switchover asks and sees, and what its core may ask for.

Every action says a state, none a change; twice is once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout.model.action import Announce, LetGo
from rollout.model.finding import Finding
from rollout.model.observation import (
    Counts,
    CountsQuestion,
    NoAnswer,
    Value,
    ValueQuestion,
)
from rollout.model.reasons import Reason
from rollout.model.switchover import Side, SwitchoverStatus
from rollout.model.traffic import Split


@dataclass(frozen=True, slots=True)
class DnsQuestion:
    """How often each name server is asked for each name: past every cache, no recursion."""

    names: tuple[str, ...]
    servers: tuple[str, ...]
    times: int


@dataclass(frozen=True, slots=True)
class SwitchQuestions:
    """Everything one look must see, said beforehand; the shell fetches this and no more.

    ``dns``: None: the name servers need not be asked. ``probes``: which gateways are tried.
    ``preflight``: whether the rules are to be run.
    ``groups``: of a chat, whose members must be known now.
    """

    dns: DnsQuestion | None = None
    probes: tuple[Side, ...] = ()
    counts: tuple[CountsQuestion, ...] = ()
    values: tuple[ValueQuestion, ...] = ()
    preflight: bool = False
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordPair:
    """One name's two records: their weights as written, and what they answer.

    ``place``: the object, ``dnsendpoint shop/shop``. ``type``: A, AAAA or CNAME.
    ``targets``: what either answers with, in the records' own spelling.
    """

    name: str
    type: str
    place: str
    blue: int
    green: int
    ttl: timedelta = timedelta(0)
    targets: Mapping[Side, tuple[str, ...]] = field(default_factory=dict)

    def divides(self, split: Split) -> bool:
        """Whether the two weights stand to each other as ``split`` says.

        Source: Route 53 developer guide, "Weighted routing": a record's share is its weight by
        the sum of all, and where all are 0 each is as likely as the others.
        """
        whole = self.blue + self.green
        return whole > 0 and self.green * split.stable == self.blue * split.canary


@dataclass(frozen=True, slots=True)
class SeenRecords:
    """The record set as its objects say it.

    ``problems``: why its weights cannot be read or written, each with its object in front.
    ``silent``: the clusters whose objects could not be read just now.
    ``editor``: who wrote the objects last, other than us; empty: nobody, or not known.
    ``owner``: the GitOps tool that owns them, or empty.
    ``versions``: the object's resourceVersion by place: a write holds only while it stands.
    """

    pairs: tuple[RecordPair, ...] = ()
    problems: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    editor: str = ""
    owner: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def ttl(self) -> timedelta:
        """The longest TTL of all records."""
        return max((pair.ttl for pair in self.pairs), default=timedelta(0))

    def divide(self, split: Split) -> bool:
        """Whether every pair divides so; False where one cannot be read."""
        readable = self.pairs and not (self.problems or self.silent)
        return bool(readable) and all(pair.divides(split) for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class Served:
    """What one name server answered for one name, asked again and again.

    ``answers``: how often each text was answered (an address, or a canonical name with its dot).
    ``ttl``: the longest; ``problem``: why there is no usable answer; empty: there is.
    """

    server: str
    name: str
    answers: Mapping[str, int] = field(default_factory=dict)
    ttl: timedelta = timedelta(0)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe of one side's gateway, past DNS; ``problem``: empty: the answer was right.

    ``tried``: False: nobody knows where the gateway is, which says nothing of how it answers.
    """

    side: Side
    url: str
    problem: str = ""
    tried: bool = True


@dataclass(frozen=True, slots=True)
class SeenCluster:
    """One cluster's API server and its gateway's pods.

    ``problem``: why nothing is known of it; the numbers then mean nothing.
    ``ready``: the gateway's ready pods; ``wanted``: what its Deployment wants.
    """

    side: Side
    ready: int = 0
    wanted: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look saw; every field answers a question.

    ``unasked``, ``members``: as of a Rollout's observation.
    """

    records: SeenRecords
    clusters: Mapping[Side, SeenCluster] = field(default_factory=dict)
    served: tuple[Served, ...] = ()
    probed: tuple[Probed, ...] = ()
    counts: tuple[Counts, ...] = ()
    values: tuple[Value, ...] = ()
    no_answers: tuple[NoAnswer, ...] = ()
    findings: tuple[Finding, ...] = ()
    unasked: Reason | None = None
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetWeights:
    """Every record of the set has these weights, green's and blue's, in whole percent.

    ``versions``: of the objects as they were seen; whoever finds others writes nothing, so that
    nobody who was overtaken writes.
    """

    split: Split
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RestartGateway:
    """The pods of a side's gateway were all begun after ``at``: long connections have ended."""

    side: Side
    at: datetime


SwitchAction = SetWeights | RestartGateway | Announce | LetGo


@dataclass(frozen=True, slots=True)
class SwitchDecision:
    """The answer of one look; as ``Decision``."""

    status: SwitchoverStatus
    actions: tuple[SwitchAction, ...]
    look_again: timedelta | None
    because: str
