"""What is to be recorded of an object, from what it remembers itself.

An object's history is its journal, saved with the status before anything is done. So a record
that a crash kept from being written is told again by the next process, under the same id.
"""

import hashlib
from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any

from rollout import journeys, lenient
from rollout.manifest import objects, sources
from rollout.model.audit import Act, Proof, Record
from rollout.model.chat import PROOF
from rollout.model.journey import Decided
from rollout.model.reasons import Verb
from rollout.model.ref import Ref
from rollout.model.source import SourceStatus
from rollout.model.spec import BY_KUBERNETES
from rollout.model.status import RefusedRequest

Json = Mapping[str, Any]

_ANSWERS = {Verb.APPROVE.value: Act.APPROVAL, Verb.REJECT.value: Act.REJECTION}


def of_driven(obj: Json, after: int, known: Container[str]) -> tuple[Record, ...]:
    """The decisions of ``obj``, one that we drive, that came after that epoch, oldest first.

    Then its requests that were not done, but for those whose id is ``known``.
    Errors: ``ManifestError`` for a status that cannot be read.
    """
    journal = journeys.of(obj).journal(obj)
    decisions = (_decision(obj, one) for one in journal.decisions if one.epoch > after)
    refusals = (_refusal(obj, one) for one in journal.refused)
    return (*decisions, *(one for one in refusals if one.id not in known))


def _refusal(obj: Json, one: RefusedRequest) -> Record:
    kind, key, uid = _object(obj)
    by_annotation = one.by == BY_KUBERNETES
    manager = _manager(obj, objects.REQUEST, one.request) if by_annotation else ""
    return Record(
        id=f"{uid}.{one.request}",
        at=one.at,
        act=Act.REFUSAL,
        kind=kind,
        object=key,
        uid=uid,
        proof=_proof(one.by),
        because=one.because,
        who="" if by_annotation else one.by,
        claimed=one.claimed or manager,
        request=one.request,
    )


def _decision(obj: Json, one: Decided) -> Record:
    kind, key, uid = _object(obj)
    manager = _manager(obj, objects.REQUEST, one.request) if one.by == BY_KUBERNETES else ""
    return Record(
        id=f"{uid}.{one.id}",
        at=one.at,
        act=_act(one),
        kind=kind,
        object=key,
        uid=uid,
        proof=_proof(one.by),
        because=one.because,
        who="" if one.by == BY_KUBERNETES else one.by,
        claimed=one.claimed or manager,
        request=one.request,
        stage=one.stage,
        split=one.split,
        revision=one.revision,
        commit=one.commit,
        evidence=one.evidence,
        attempt=one.attempt,
        epoch=one.epoch,
    )


def _act(one: Decided) -> Act:
    if not one.request:
        return Act.DECISION
    return _ANSWERS.get(one.request.partition("@")[0], Act.REQUEST)


def _proof(by: str) -> Proof:
    if by.startswith(PROOF):
        return Proof.SLACK
    return Proof.KUBERNETES if by else Proof.CONTROLLER


def of_source(obj: Json, after: str, now: datetime) -> tuple[Record, ...]:
    """What the RolloutSource ``obj`` has come to, if that is not what ``after``, an id, told.

    ``now``: its status does not say since when.
    """
    status = sources.status(obj)
    kind, key, uid = _object(obj)
    commit = status.held or status.commit
    if not commit and not status.problem:
        return ()
    untold = not status.held and not status.problem
    taken = bool(status.commit) and (untold or status.held == status.commit)
    signed = status.signature if taken else None
    names = " or ".join(map(str, lenient.items(lenient.mapping(obj.get("spec")).get("verify"))))
    keys = f"{signed} is on the list of {names}" if signed else ""
    accepted = _annotation(obj, objects.ACCEPT) == commit
    author = f"author {status.author}" if status.author and taken else ""
    manager = _manager(obj, objects.ACCEPT, commit) if accepted else ""
    evidence = (keys, status.problem, *(one.message for one in status.rejected[:5]))
    made = Record(
        id=f"{uid}.{_digest(status)}",
        at=now,
        act=Act.SOURCE,
        kind=kind,
        object=key,
        uid=uid,
        proof=Proof.SIGNATURE if signed else Proof.ACCESS,
        because=status.because,
        who=str(signed) if signed else "",
        claimed="; ".join(part for part in (author, manager) if part),
        request=f"accept@{commit}" if accepted else "",
        stage=sources.reason(status),
        commit=commit,
        evidence="; ".join(part for part in evidence if part),
    )
    return () if made.id == after else (made,)


def _digest(status: SourceStatus) -> str:
    """Unlike for another commit, another answer to it, or another spec that it was taken with."""
    what = (
        *(status.commit, status.held, status.problem, status.observed_generation),
        *((one.file, one.line, one.message) for one in status.rejected),
    )
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def _object(obj: Json) -> tuple[str, str, str]:
    """Kind, key and uid."""
    meta = lenient.meta(obj)
    kind, namespace, name = obj.get("kind"), meta.get("namespace"), meta.get("name")
    ref = Ref(str(kind or ""), str(namespace or ""), str(name or ""))
    return ref.kind, ref.where, str(meta.get("uid", ""))


def _annotation(obj: Json, name: str) -> str:
    meta = lenient.meta(obj)
    return str(lenient.mapping(meta.get("annotations")).get(name, ""))


def _manager(obj: Json, name: str, value: str) -> str:
    """Which field manager wrote the annotation, while it has that value: a program, no person."""
    if not value or _annotation(obj, name) != value:
        return ""
    for entry in lenient.items(lenient.meta(obj).get("managedFields")):
        fields = lenient.mapping(lenient.mapping(entry).get("fieldsV1"))
        noted = lenient.mapping(lenient.mapping(fields.get("f:metadata")).get("f:annotations"))
        if f"f:{name}" in noted:
            return f"field manager {lenient.mapping(entry).get('manager', '')}"
    return ""
