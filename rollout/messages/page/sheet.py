"""Everything about one rollout that the page shows, as values of JSON: words, times and numbers.

Times are milliseconds since the epoch, so a browser's countdown needs no other message.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rollout import lenient, strategies
from rollout.messages import clocks, evidence, explain, links, requests, terminal
from rollout.messages.page import rows
from rollout.messages.page.rows import Json, short, stamp
from rollout.model.reasons import Verb, WaitsFor
from rollout.model.spec import Rollout, Step
from rollout.model.status import PASSED, UNDER_WAY, Entry, Revision, RolloutStatus, Stage, Verdict
from rollout.model.units import counted, words

PODS = 50  # of one side; more of them say nothing more
ENTRIES = 50
LINES = 20  # of what may be any number: verdicts, warnings, answers


@dataclass(frozen=True, slots=True)
class FoundRollout:
    """One Rollout as it was found, with what belongs to it.

    ``rollout``: None where its spec cannot be read, and ``problem`` says why.
    ``repository``: the address of the git repository it comes from; empty: not known.
    ``stable``, ``canary``: the pods of both sides.
    """

    obj: Json
    status: RolloutStatus
    rollout: Rollout | None
    problem: str = ""
    repository: str = ""
    stable: Sequence[Json] = ()
    canary: Sequence[Json] = ()


def sheet(found: FoundRollout, now: datetime) -> Json:
    """The whole page of a rollout, without the plots of its metrics."""
    status, attempt = found.status, found.status.attempt
    return {
        **rows.rollout(found.obj, status, found.problem),
        "next": short(_next(found, now)),
        "stage": status.stage.name.value,
        "share": terminal.percent(status),
        "sides": {
            "stable": _side(found, status.stable, found.stable),
            "canary": _side(found, attempt.canary, found.canary),
        },
        "diff": _diff(found),
        "author": short(found.rollout.author if found.rollout else "", 80),
        "confirmed": _confirmed(status),
        "steps": list(_steps(found)),
        "clocks": [] if found.rollout is None else _clocks(found.rollout, status, now),
        "verdicts": [verdict(one) for one in attempt.verdicts[:LINES]],
        "notes": list(_notes(status)),
        "history": [_entry(found, entry) for entry in reversed(status.history[-ENTRIES:])],
        "verbs": means(verbs(status)),
    }


def means(asked: Iterable[Verb], kind: str = requests.ROLLOUT) -> list[Json]:
    """What may be asked, each with what it would do."""
    return [{"verb": verb.value, "means": requests.means(verb, kind)} for verb in asked]


def verbs(status: RolloutStatus) -> Iterator[Verb]:
    """What a person may ask now, the most usual first."""
    stage = status.stage.name
    if status.waits_for is WaitsFor.APPROVAL:
        yield from (Verb.APPROVE, Verb.REJECT)
    if stage is Stage.STEPPING:
        yield from (Verb.PROMOTE, Verb.SKIP)
    if stage in UNDER_WAY and status.attempt.pause is None:
        yield Verb.PAUSE
    if status.attempt.pause is not None:
        yield Verb.RESUME
    if stage in UNDER_WAY:
        yield Verb.ABORT
    if stage is Stage.IDLE and status.rejected is not None:
        yield Verb.RETRY


def verdict(one: Verdict) -> Json:
    """One metric's verdict with the numbers of its plots."""
    counted = one.counted
    return {
        "metric": short(one.metric, 63),
        "label": short(evidence.label(one)),
        "said": evidence.said(one),
        "outcome": one.outcome.value,
        "text": short(one.text),
        "dryRun": one.dry_run,
        "canary": [counted.canary_bad, counted.canary_all] if counted else None,
        "stable": [counted.stable_bad, counted.stable_all] if counted else None,
        "evidence": one.evidence,
        "bar": one.bar,
        "tolerated": one.tolerated,
    }


def _next(found: FoundRollout, now: datetime) -> str:
    if found.rollout is None:
        return "the spec cannot be read; it goes on as it was"
    return explain.follows(found.rollout, found.status, now)


def _side(found: FoundRollout, revision: Revision | None, pods: Sequence[Json]) -> Json | None:
    if revision is None:
        return None
    shown = sorted(pods, key=lambda pod: lenient.text(lenient.meta(pod).get("name")))
    return {
        "name": short(terminal.known_as(revision)),
        "commit": short(revision.commit, 64),
        "link": links.commit(found.repository, revision.commit),
        "count": len(pods),
        "pods": [_pod(pod) for pod in shown[:PODS]],
    }


def _pod(obj: Json) -> Json:
    meta, status = lenient.meta(obj), lenient.mapping(obj.get("status"))
    containers = list(lenient.mappings(status.get("containerStatuses")))
    waits = (lenient.text(lenient.under(one, "state", "waiting", "reason")) for one in containers)
    conditions = lenient.mappings(status.get("conditions"))
    ready = any((c.get("type"), c.get("status")) == ("Ready", "True") for c in conditions)
    going = meta.get("deletionTimestamp") is not None
    state = "Terminating" if going else next(filter(None, waits), lenient.text(status.get("phase")))
    return {
        "name": short(meta.get("name", ""), 80),
        "ready": ready and not going,
        "state": short(state, 40),
        "restarts": sum(lenient.number(one.get("restartCount")) for one in containers),
    }


def _diff(found: FoundRollout) -> str:
    """The page of what changed from stable to the canary."""
    stable, canary = found.status.stable, found.status.attempt.canary
    if stable is None or canary is None:
        return ""
    return links.diff(found.repository, stable.commit, canary.commit)


def _confirmed(status: RolloutStatus) -> Json | None:
    stage = status.stage
    if stage.asked_at is None:
        return None
    by = stage.confirmed_by.value if stage.confirmed_by else ""
    return {"at": stamp(stage.confirmed_at), "by": by}


def _steps(found: FoundRollout) -> Iterator[Json]:
    if found.rollout is None:
        return
    at, passed = found.status.attempt.step, found.status.stage.name in PASSED
    for index, stop in enumerate(strategies.plan(found.rollout.spec.strategy).stops):
        state = "past" if passed or (at is not None and index < at.index) else "ahead"
        yield {
            "name": short(stop.name),
            "weight": stop.route.split.canary,
            "state": "now" if at is not None and index == at.index and not passed else state,
            "gate": short(", ".join(_gate(stop.step, len(stop.route.cohorts)))),
        }


def _gate(step: Step, cohorts: int) -> Iterator[str]:
    if step.mirror:
        yield f"mirror {step.mirror:.0%}"
    if cohorts:
        yield "cohorts" if cohorts > 1 else "a cohort"
    yield f"bake {words(step.bake)}"
    if step.webhook is not None:
        yield f"webhook {step.webhook.name}"
    if step.approval is not None:
        yield "approval" if step.approval.quorum == 1 else counted(step.approval.quorum, "approval")


def _clocks(rollout: Rollout, status: RolloutStatus, now: datetime) -> list[Json]:
    return [
        {
            "what": one.what,
            "ends": stamp(one.ends),
            "whole": round(one.whole.total_seconds() * 1000),
            "then": one.then,
        }
        for one in clocks.running(rollout, status, now)
    ]


def _notes(status: RolloutStatus) -> Iterator[Json]:
    """What else a person should read, as label and text."""
    attempt = status.attempt
    said: list[tuple[str, str]] = []
    if attempt.pause is not None:
        by = f", by {attempt.pause.by}" if attempt.pause.by else ""
        said.append(("Paused", f"{attempt.pause.because}{by}"))
    if status.rejected is not None:
        said.append(("Rejected", f"{status.rejected.revision.title}: {status.rejected.because}"))
    if attempt.pending:
        said.append(("Later", attempt.pending))
    if attempt.drift is not None:
        said.append(("Drift", f"{attempt.drift.count}x, last {attempt.drift.what}"))
    said += [("Warning", text) for text in attempt.warnings[:LINES]]
    said += [("Answer", terminal.answer(given)) for given in attempt.approvals[-LINES:]]
    said += [("Refused", refusal.because) for refusal in status.refused_requests[-3:]]
    yield from ({"label": label, "text": short(text)} for label, text in said)


def _entry(found: FoundRollout, entry: Entry) -> Json:
    return {
        "id": short(entry.id, 40),
        "at": stamp(entry.at),
        "revision": short(entry.image or entry.revision, 80),
        "weight": canary_of(entry.split),
        "split": short(entry.split, 20),
        "stage": entry.stage.value,
        "because": short(entry.because),
        "evidence": short(entry.evidence),
        "by": short(entry.by, 120),
        "link": links.commit(found.repository, entry.commit),
        "commit": short(entry.commit, 64),
    }


def canary_of(split: str) -> int | None:
    """The canary's percent of a decision's ``95/5``; None where it says nothing of the kind."""
    return lenient.whole(split.rpartition("/")[2], 3)
