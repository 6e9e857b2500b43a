"""Whether a zone's name servers answer by the weights that were asked for; statistics on answers.

An authoritative server with weighted records answers each query with one of them, by chance, so
that one answer proves nothing. A server is asked often enough, in one look, that both must hold:
what it answered is a thousand times as likely under the weights asked for as under those before
(a likelihood ratio, so that a server with the old ones is believed once in a thousand looks), and
it is no unlikely draw from them (an exact binomial test at 1 in 1,000, shared by all servers).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from rollout.model.switching import RecordPair, SeenRecords, Served
from rollout.model.switchover import Cluster, Side, SwitchoverSpec
from rollout.model.traffic import Split

SURE = math.log(1000)
UNLIKELY = 1e-3
FEWEST, MOST = 60, 1200
"""Queries per server, name and look; beyond them the next look goes on."""

POWER = 2
"""So many times the queries that would do on the average: then nearly every look is enough.

Weights that are too near to each other (10 % and 11 %) would take tens of thousands. Of these a
server is believed once it tells half of what so many queries tell on the average: whoever still
has the old weights sends hardly anybody elsewhere.
"""

NEVER = 1e-4
"""How likely an answer is that should not come at all, where the number of queries is planned."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether all servers agree with the weights asked for, why not, and the longest TTL."""

    agrees: bool
    because: str
    ttl: timedelta = timedelta(0)


def times(before: Split, asked: Split) -> int:
    """How often one server is to be asked for one name to tell ``asked`` from ``before``."""
    if before == asked:
        return FEWEST * 4
    return min(MOST, max(FEWEST, math.ceil(POWER * SURE / _told(before, asked))))


def _enough(before: Split, asked: Split) -> float:
    """The ratio at which a server is believed, once it was asked so often."""
    return min(SURE, times(before, asked) * _told(before, asked) / POWER)


def _told(before: Split, asked: Split) -> float:
    """What one answer tells on the average, in nats."""
    old, new = before.canary / 100, asked.canary / 100
    return _divergence(new, min(1 - NEVER, max(NEVER, old)))


def _divergence(new: float, old: float) -> float:
    """Kullback and Leibler's divergence."""
    parts = ((new, old), (1 - new, 1 - old))
    return sum(p * math.log(p / q) for p, q in parts if p > 0)


def agreement(
    spec: SwitchoverSpec,
    records: SeenRecords,
    served: Iterable[Served],
    change: tuple[Split, Split],
) -> Agreement:
    """What the answers say together; ``change``: the weights before, and those asked for."""
    answers = tuple(served)
    wanted = len(spec.dns.names) * len(spec.dns.name_servers)
    if len(answers) < wanted:
        return Agreement(False, "asking the name servers")
    pairs = {pair.name: pair for pair in records.pairs}
    for one in answers:
        if one.problem:
            return Agreement(False, f"{one.server}: {one.problem}")
        if why := _differs(one, _sides(spec, pairs.get(one.name)), change, wanted):
            return Agreement(False, why)
    longest = max(one.ttl for one in answers)
    number = len({one.server for one in answers})
    servers = "the name server answers" if number == 1 else f"all {number} name servers answer"
    return Agreement(True, f"{servers} {change[1].canary}% green (99.9% sure)", longest)


def _sides(spec: SwitchoverSpec, pair: RecordPair | None) -> dict[str, Side]:
    """Answer to the side that it means, in lower case and without a last dot."""
    found: dict[str, Side] = {}
    for side in Side:
        cluster: Cluster = spec.cluster(side)
        targets = pair.targets.get(side, ()) if pair else ()
        for answer in cluster.answers or targets:
            found[_plain(answer)] = side
    return found


def _plain(answer: str) -> str:
    return answer.rstrip(".").lower()


def _differs(
    one: Served, sides: Mapping[str, Side], change: tuple[Split, Split], tests: int
) -> str:
    """Why this server's answers are not those of the weights asked for; empty: they are."""
    before, asked = change
    strange = [answer for answer in one.answers if _plain(answer) not in sides]
    if strange:
        return f"{one.server} answers {strange[0]}, which is neither blue's nor green's"
    total = sum(one.answers.values())
    green = sum(n for answer, n in one.answers.items() if sides[_plain(answer)] is Side.GREEN)
    if total == 0:
        return f"{one.server}: no answers"
    told = f"{one.server} answered green {green} of {total} times"
    if likelihood(green, total, asked.canary / 100) < UNLIKELY / tests:
        return f"{told}, {asked.canary}% asked"
    if before != asked and _ratio(green, total, before, asked) < _enough(before, asked):
        return f"{told}: not surely {asked.canary}% yet"
    return ""


def _ratio(green: int, total: int, before: Split, asked: Split) -> float:
    """Log of how much likelier the answers are under ``asked`` than under ``before``."""
    old = _log_chance(green, total, before.canary / 100)
    return math.inf if old == -math.inf else _log_chance(green, total, asked.canary / 100) - old


def _log_chance(green: int, total: int, share: float) -> float:
    """Log of the chance of one such row of answers."""
    log = 0.0
    for count, chance in ((green, share), (total - green, 1 - share)):
        if count:
            if chance <= 0:
                return -math.inf
            log += count * math.log(chance)
    return log


def likelihood(green: int, total: int, share: float) -> float:
    """Twice the chance of an outcome as far off as this one, or farther (exact binomial)."""
    if share in (0.0, 1.0):
        return 1.0 if green == round(total * share) else 0.0
    low = math.fsum(_chance(k, total, share) for k in range(green + 1))
    high = math.fsum(_chance(k, total, share) for k in range(green, total + 1))
    return min(1.0, 2 * min(low, high))


def _chance(k: int, total: int, share: float) -> float:
    ways = math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
    return math.exp(ways + k * math.log(share) + (total - k) * math.log1p(-share))
