"""What is said of a source: its status, one sentence, and the Event; nothing is decided here."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from rollout.controller.keeping.events import News
from rollout.controller.ports import Json
from rollout.controller.sources.apply import ApplyPlan
from rollout.errors import RolloutError
from rollout.manifest import objects, sources
from rollout.model.source import Applied, Problem, Reading, RolloutSource, SourceStatus
from rollout.model.units import counted, sentence

SHOWN = 50  # entries of a list in the status; an object of etcd holds about 1 MiB


def status(
    source: RolloutSource, reading: Reading, plan: ApplyPlan, refused: Sequence[Problem]
) -> SourceStatus:
    """What is remembered once the reading's documents are in force, but for the ``refused``."""
    lines = {(problem.file, problem.line) for problem in refused}
    applied = [
        Applied(one.kind, one.name, one.file, one.commit)
        for one in plan.kept
        if (one.file, one.line) not in lines
    ]
    applied += [Applied(one.kind, one.name, one.file, one.commit) for one in reading.parts]
    problems = (*plan.rejected, *refused, *plan.eased)
    because = _in_force(len(applied), reading.commit)
    if reading.notes:
        where = reading.notes[0].partition(": ")[0]  # what it says of it stands in the notes
        more = f" and {len(reading.notes) - 1} more" if len(reading.notes) > 1 else ""
        because = sentence(f"{because}; passed over: {where}{more}")
    if problems:
        because = _refused(problems)
    return SourceStatus(
        commit=reading.commit,
        author=reading.author,
        held=reading.commit if plan.eased else "",
        problem=_ask(source, reading.commit) if plan.eased else "",
        because=because,
        applied=tuple(applied[:SHOWN]),
        rejected=_shown(problems),
        notes=tuple(note[:300] for note in reading.notes[:SHOWN]),
        observed_generation=source.generation,
        forge=source.status.forge,
        signature=reading.signature,
    )


def unread(before: SourceStatus, error: RolloutError) -> SourceStatus:
    """What is in force stays, since nothing could be read."""
    because = sentence(f"not read: {_WHERE.sub('', str(error))}")
    return replace(before, problem=str(error), because=because)


def waiting(before: SourceStatus, why: str) -> SourceStatus:
    """What is in force stays for a while."""
    return replace(before, problem=why, because=sentence(f"waits: {why}"))


def rejected(source: RolloutSource, problems: Sequence[Problem]) -> SourceStatus:
    """Nothing of the commit is taken, and what was in force stays."""
    shown = _shown(problems)
    generation = source.generation
    return replace(
        source.status,
        held="",
        problem="",
        because=_refused(problems),
        rejected=shown,
        observed_generation=generation,
    )


def held(source: RolloutSource, commit: str, why: str) -> SourceStatus:
    """What is in force stays, and how a person lets the commit through."""
    return replace(
        source.status,
        held=commit,
        problem=_ask(source, commit),
        because=f"commit {commit[:10]} {why}",
        rejected=(),
    )


def _ask(source: RolloutSource, commit: str) -> str:
    ask = f"rollout accept {source.name} -n {source.namespace}"
    return f"obey it with: `{ask}`, or annotate it with {objects.ACCEPT}={commit}"


def _shown(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(replace(one, message=one.message[:300]) for one in problems[:SHOWN])


def _in_force(count: int, commit: str) -> str:
    return f"{counted(count, 'manifest')} of {commit[:10]} {'is' if count == 1 else 'are'} in force"


def _refused(rejected: Sequence[Problem]) -> str:
    """Where the first mistake is, and what it is; all of them are in the status and the Event."""
    more = f" and {len(rejected) - 1} more" if len(rejected) > 1 else ""
    return sentence(f"refused{more}: {rejected[0].message.partition('; ')[0]}")


_WHERE = re.compile(r"^(git|rolloutsource) \S+: ")
"""How a problem begins that the sentence need not repeat: it stands beside the source's name."""


def _digest(text: str) -> str:
    """Unlike for another trouble with the same commit, which is news, too."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def news(metadata: Json, status: SourceStatus) -> News:
    """The Event of a source whose status says something new."""
    reason = sources.reason(status)
    said = [status.because, status.problem, *status.notes[:3]]
    if status.rejected:
        said = ["refused: " + "; ".join(one.message for one in status.rejected[:3])]
    elif reason == "Unread":
        said = [f"not read: {status.problem}"]
    commit = (status.held or status.commit)[:10] or "none"
    return News(
        kind="RolloutSource",
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        once=f"{commit}.{_digest(status.problem)}" if status.problem else commit,
        reason=reason,
        note="; ".join(text for text in said if text),
        warning=reason != "Applied",
    )
