"""Our own metrics, by Prometheus' client library: what a platform team draws and is woken by.

``docs/metrics.md`` has a row for each. Labels are closed sets, but for an object's own namespace
and name, of which at most ``SERIES`` are told of: a hostile namespace cannot fill our memory.
"""

import platform
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from rollout import __version__
from rollout.model.action import Announce, Decision
from rollout.model.reasons import WaitsFor
from rollout.model.status import Phase

Json = Mapping[str, Any]
List = Callable[[str], Sequence[Json]]
"""All objects of a kind, or none while they are not known."""

SERIES = 2000  # objects with series of their own
NEW = "New"  # the phase of a Rollout that was not reconciled yet
PHASES = frozenset(phase.value for phase in Phase)
SHORT = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
PROMOTED = "Promoted"  # the Event's reason
SUCCESS = "success"
RACE = "race"
LONG = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class Instruments:
    """Every metric of one controller; each has its own registry, so tests share nothing."""

    def __init__(self) -> None:
        self.registry = ours = CollectorRegistry()
        about = {"version": __version__, "python": platform.python_version()}
        Info("rollout_build", "Version of the controller.", registry=ours).info(about)
        self._reconciles = Counter(
            "rollout_reconciles",
            "Reconciliations by result: success, race (lost, and done anew at once), or the error.",
            ("result",),
            registry=ours,
        )
        self._reconcile_seconds = Histogram(
            "rollout_reconcile_seconds",
            "How long one reconciliation of a Rollout took.",
            registry=ours,
            buckets=LONG,
        )
        self._actions = Counter(
            "rollout_actions",
            "What reconciliations did, by kind of action: SetRoute, ScaleWorkload and others.",
            ("action",),
            registry=ours,
        )
        self._promotions = Counter(
            "rollout_promotions",
            "New revisions that were given all requests.",
            ("namespace", "name"),
            registry=ours,
        )
        self._rollbacks = Counter(
            "rollout_rollbacks",
            "Releases that were taken back, by cause: AnalysisFailed, Aborted, PodsNotReady, …",
            ("namespace", "name", "cause"),
            registry=ours,
        )
        self._rollback_seconds = Histogram(
            "rollout_rollback_seconds",
            "From the decision to take weight from a canary until the API server has stored it.",
            registry=ours,
            buckets=LONG,
        )
        self._verdicts = Counter(
            "rollout_verdicts",
            "Verdicts of metrics on canaries: pass, fail, inconclusive, error.",
            ("outcome",),
            registry=ours,
        )
        self._queries = Histogram(
            "rollout_prometheus_query_seconds",
            "How long Prometheus took to answer a query of ours; result is success or error.",
            ("result",),
            registry=ours,
            buckets=LONG,
        )
        self._requests = Histogram(
            "rollout_api_request_seconds",
            "Requests to the Kubernetes API server by method and status; 0 is no answer.",
            ("method", "status"),
            registry=ours,
            buckets=SHORT,
        )
        self._fetches = Histogram(
            "rollout_source_fetch_seconds",
            "How long reading a git source took; result is success or error.",
            ("namespace", "name", "result"),
            registry=ours,
            buckets=LONG,
        )
        self._fetched = Gauge(
            "rollout_source_last_fetch_timestamp_seconds",
            "When a git source was last read with success, in seconds since 1970.",
            ("namespace", "name"),
            registry=ours,
        )
        self._audited = Counter(
            "rollout_audit_records", "Records that the audit log has taken.", registry=ours
        )
        self._audit_waiting = Gauge(
            "rollout_audit_waiting",
            "Records that wait for an audit log that takes none: its disk may be full.",
            registry=ours,
        )
        ProcessCollector(registry=ours)
        self._named: dict[tuple[str, str, str], None] = {}

    def reconciled(self, result: str, seconds: float | None = None) -> None:
        """One reconciliation is over: ``success``, ``race``, or the name of the error's class."""
        self._reconciles.labels(result).inc()
        if seconds is not None:
            self._reconcile_seconds.observe(seconds)

    def failed(self, error: Exception, raced: bool) -> None:
        """One reconciliation has failed; ``raced``: somebody wrote first, and it is done anew."""
        self.reconciled(RACE if raced else type(error).__name__)

    def decided(self, decision: Decision) -> None:
        """What a decision comes to by each metric."""
        for verdict in decision.status.attempt.verdicts:
            self._verdicts.labels(verdict.outcome.value).inc()

    def told(self, namespace: str, name: str, what: Announce) -> None:
        """It was told of a Rollout, at once or late, that it promotes or takes back, say."""
        if not self._may("Rollout", namespace, name):
            return
        if what.cause is not None:
            self._rollbacks.labels(namespace, name, what.cause.value).inc()
        elif what.reason == PROMOTED:
            self._promotions.labels(namespace, name).inc()

    def acted(self, action: str) -> None:
        """An action of that kind is done."""
        self._actions.labels(action).inc()

    def took_weight(self, seconds: float) -> None:
        """Requests were taken from a canary, so long after it was decided."""
        self._rollback_seconds.observe(seconds)

    def queried(self, seconds: float, *, failed: bool) -> None:
        """Prometheus answered a query, or did not."""
        self._queries.labels(_result(failed)).observe(seconds)

    def requested(self, method: str, status: int, seconds: float) -> None:
        """The API server answered with ``status``; 0: it did not."""
        self._requests.labels(method, str(status)).observe(seconds)

    def fetched(self, key: str, seconds: float, now: datetime, *, failed: bool) -> None:
        """The source ``namespace/name`` was read, or could not be."""
        namespace, _, name = key.partition("/")
        if not self._may("RolloutSource", namespace, name):
            return
        self._fetches.labels(namespace, name, _result(failed)).observe(seconds)
        if not failed:
            self._fetched.labels(namespace, name).set(now.timestamp())

    def audited(self, records: int) -> None:
        """So many records more are in the audit log."""
        self._audited.inc(records)

    def audit_waits(self, more: int) -> None:
        """So many records more than before are not in an audit log yet; fewer, if negative."""
        self._audit_waiting.inc(more)

    def gone(self, kind: str, namespace: str, name: str) -> None:
        """The object is no more, nor are its series."""
        if self._named.pop((kind, namespace, name), 0) == 0:
            return
        mine = {"namespace": namespace, "name": name}
        rollout = (self._promotions, self._rollbacks)
        for metric in rollout if kind == "Rollout" else (self._fetches, self._fetched):
            metric.remove_by_labels(mine)

    def asked(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge whose value is asked for whenever somebody reads it."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def each(self, name: str, text: str, label: str, of: Mapping[str, Callable[[], float]]) -> None:
        """As ``asked``: a series for each value of ``label``."""
        gauge = Gauge(name, text, (label,), registry=self.registry)
        for value, ask in of.items():
            gauge.labels(value).set_function(ask)

    def watch(self, collector: Collector) -> None:
        """What ``collector`` finds when it is asked is told, too."""
        self.registry.register(collector)

    def text(self) -> str:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry).decode()

    def _may(self, kind: str, namespace: str, name: str) -> bool:
        """Whether the object has series, or may have: there are few enough."""
        key = (kind, namespace, name)
        if key not in self._named and len(self._named) >= SERIES:
            return False
        self._named[key] = None
        return True


def _result(failed: bool) -> str:
    return "error" if failed else SUCCESS


class Fleet(Collector):
    """What the objects themselves say when Prometheus asks: phases, weights, who waits for whom.

    ``listed``: all Rollouts or sources as they are known now.
    """

    def __init__(self, listed: List) -> None:
        self._listed = listed

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The families without values: nothing need be listed to register this."""
        return iter(self._families().values())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family after another."""
        families = self._families()
        rollouts = self._listed("Rollout")
        phases = Tally(_phase(obj) for obj in rollouts)
        for phase in (NEW, *Phase):
            families["rollout_rollouts"].add_metric([phase], phases[phase])
        for obj in rollouts[:SERIES]:
            _tell(obj, families)
        for obj in self._listed("RolloutSource")[:SERIES]:
            ready = _ready(_dict(obj.get("status"))).get("status") == "True"
            families["rollout_source_ready"].add_metric(_labels(obj), float(ready))
        yield from families.values()

    @staticmethod
    def _families() -> dict[str, GaugeMetricFamily]:
        return {
            name: GaugeMetricFamily(name, text, labels=labels) for name, text, labels in _FAMILIES
        }


_OBJECT = ("namespace", "name")
_FAMILIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("rollout_rollouts", "How many Rollouts there are, by phase.", ("phase",)),
    (
        "rollout_info",
        "1 for each Rollout, with its phase and the reason of its condition Ready.",
        (*_OBJECT, "phase", "reason"),
    ),
    (
        "rollout_canary_weight_percent",
        "The share of requests that the canary was given, in percent.",
        _OBJECT,
    ),
    ("rollout_step", "The step a Rollout is at, from 1; 0 between steps.", _OBJECT),
    (
        "rollout_waiting_for_person_since_timestamp_seconds",
        "Since when a Rollout waits for a person: it is paused, or asks for an approval.",
        _OBJECT,
    ),
    (
        "rollout_source_ready",
        "1 where a git source is read and all of it is in force, else 0.",
        _OBJECT,
    ),
)


class Planes(Collector):
    """Upgrades of the mesh's control plane; ``known``: those that we may see."""

    def __init__(self, known: Callable[[], Sequence[Json]]) -> None:
        self._known = known

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The family without values."""
        return (self._family(),)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One series an upgrade."""
        family = self._family()
        for obj in self._known()[:SERIES]:
            state = str(_dict(obj.get("status")).get("state", NEW))
            family.add_metric([_labels(obj)[1], _phase(obj), state], 1)
        yield family

    @staticmethod
    def _family() -> GaugeMetricFamily:
        text = "1 for each upgrade of the mesh's control plane, with its phase and state."
        return GaugeMetricFamily("rollout_upgrade_info", text, labels=("name", "phase", "state"))


def _tell(obj: Json, families: Mapping[str, GaugeMetricFamily]) -> None:
    """The series of one Rollout, from its stored status; odd values tell nothing."""
    labels, status = _labels(obj), _dict(obj.get("status"))
    stage, attempt = _dict(status.get("stage")), _dict(status.get("attempt"))
    reason = str(_ready(status).get("reason", ""))
    families["rollout_info"].add_metric([*labels, _phase(obj), reason], 1)
    weight = _dict(stage.get("split")).get("canary")
    families["rollout_canary_weight_percent"].add_metric(labels, _number(weight))
    step = _dict(attempt.get("step"))
    at = _number(step.get("index")) + 1 if step else 0
    families["rollout_step"].add_metric(labels, at)
    since = _dict(attempt.get("pause")).get("since")
    if since is None and status.get("waitsFor") == WaitsFor.APPROVAL:
        since = stage.get("confirmedAt")
    if (when := _timestamp(since)) is not None:
        families["rollout_waiting_for_person_since_timestamp_seconds"].add_metric(labels, when)


def _ready(status: Json) -> Json:
    """The condition Ready; empty where there is none."""
    conditions = status.get("conditions")
    known = map(_dict, conditions if isinstance(conditions, list) else ())
    return next((c for c in known if c.get("type") == "Ready"), {})


def _labels(obj: Json) -> list[str]:
    metadata = _dict(obj.get("metadata"))
    return [str(metadata.get("namespace", "")), str(metadata.get("name", ""))]


def _phase(obj: Json) -> str:
    phase = str(_dict(obj.get("status")).get("phase", NEW))
    return phase if phase in PHASES else NEW


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _timestamp(value: object) -> float | None:
    try:
        return datetime.fromisoformat(str(value)).timestamp() if value else None
    except ValueError:
        return None
