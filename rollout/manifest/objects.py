"""Objects of the cluster, parsed JSON, to nouns; what cannot be read names its object."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from rollout import lenient
from rollout.errors import ManifestError, visible
from rollout.manifest import complaints, load, plain
from rollout.model.reasons import Verb
from rollout.model.spec import (
    GROUP,
    AnalysisTemplateSpec,
    Canary,
    Request,
    Rollout,
    RolloutSpec,
    Strategy,
    Unread,
    Workload,
)
from rollout.model.units import sentence

if TYPE_CHECKING:
    from rollout.model.status import RolloutStatus

COMMIT = f"{GROUP}/commit"
AUTHOR = f"{GROUP}/author"
REQUEST = f"{GROUP}/request"
ACCEPT = f"{GROUP}/accept"
PUSHED = f"{GROUP}/pushed"
NOTE = f"{GROUP}/request-note"
"""Who asks and why, beside the request: JSON with its nonce, ``by`` and ``reason``."""
BY, REASON, MISREAD = 64, 160, 80
"""The most characters that are kept of who asks, of why, and of what is no request."""

LONGEST_COMMIT, LONGEST_AUTHOR = 64, 200
"""The most characters that are read of them: whoever annotates may write anything, and buttons and
messages that carry it have bounds. A SHA-256 has 64 digits."""

_REQUEST = re.compile(r"([A-Za-z]{1,16})(?:@([A-Za-z0-9._:-]{1,64})?)?")


def rollout(
    obj: Mapping[str, Any], templates: Mapping[str, AnalysisTemplateSpec | Unread] | None = None
) -> Rollout:
    """The Rollout that ``obj`` describes; ``templates``: those of its namespace, by name.

    Errors: ``ManifestError`` naming the object and the first mistake.
    """
    spec = spec_of("Rollout", obj)
    used = {use.name for use in spec.analysis.templates}
    needed = {name: spec for name, spec in (templates or {}).items() if name in used}
    return replace(_with(obj, spec), templates=needed)


def remembered(obj: Mapping[str, Any], status: "RolloutStatus") -> Rollout | None:
    """The Rollout ``obj`` by what its status says that it is about; None where it does not say.

    Enough to take everyone home by where its own spec cannot be read, and for nothing else. Whose
    pods come and go at our word is read of the spec, as far as that part can be.
    """
    subject, revision = status.subject, status.attempt.canary or status.stable
    if subject is None or revision is None:
        return None
    template: dict[str, Any] | None = None if subject.deployments else {}
    workload = Workload(subject.deployments, template)
    read = complaints.build(Workload, lenient.under(obj, "spec", "workload"), lambda _: ())
    if isinstance(read, Workload) and (read.template is None) == (template is None):
        workload = replace(read, deployments=subject.deployments, template=template)
    strategy = Strategy(canary=Canary())
    spec = RolloutSpec(subject.service, workload, strategy, revision.name)
    return subject.named_by(_with(obj, spec))


def _with(obj: Mapping[str, Any], spec: RolloutSpec) -> Rollout:
    namespace = text(lenient.meta(obj), "namespace")
    return Rollout(namespace=namespace, spec=spec, misread=unread_request(obj), **driven(obj))


def unread_request(obj: Mapping[str, Any]) -> str:
    """What somebody asked by the annotation, where it is no request at all; or empty."""
    return misread(lenient.annotations(obj).get(REQUEST, ""))


class Heard(TypedDict):
    """What a person asks of an object, whatever its spec; fields as of ``Rollout``."""

    request: Request | None
    deleting: bool
    deleted_at: datetime | None


class Driven(Heard):
    """What we know of any object that we drive, besides what it asks; fields as of ``Rollout``."""

    name: str
    uid: str
    generation: int
    commit: str
    author: str


def heard(obj: Mapping[str, Any]) -> Heard:
    """What is heard although ``obj`` may be one whose spec cannot be read."""
    metadata = lenient.meta(obj)
    annotations = lenient.mapping(metadata.get("annotations"))
    return Heard(
        request=noted(request(text(annotations, REQUEST)), text(annotations, NOTE)),
        deleting=bool(metadata.get("deletionTimestamp")),
        deleted_at=deleted_at(metadata),
    )


def driven(obj: Mapping[str, Any]) -> Driven:
    """Who ``obj`` is, where it came from, and what a person asked of it."""
    metadata = lenient.meta(obj)
    annotations = lenient.mapping(metadata.get("annotations"))
    return Driven(
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        generation=number(metadata, "generation"),
        commit=visible(text(annotations, COMMIT))[:LONGEST_COMMIT],
        author=visible(text(annotations, AUTHOR))[:LONGEST_AUTHOR],
        **heard(obj),
    )


def names_a_channel(obj: Mapping[str, Any]) -> bool:
    """Whether the Rollout ``obj`` is told of in a chat at all; most are not, and cost nothing."""
    spec = lenient.mapping(obj.get("spec"))
    strategy = lenient.mapping(spec.get("strategy"))
    gates = [lenient.mapping(strategy.get("blueGreen"))]
    for name in ("canary", "dark"):
        steps = lenient.items(lenient.mapping(strategy.get(name)).get("steps"))
        gates += [lenient.mapping(step) for step in steps]
    approvals = (lenient.mapping(gate.get("approval")) for gate in gates)
    told = (lenient.mapping(spec.get("notify")), *approvals)
    return any(one.get("slack") for one in told)


def names_a_listener(obj: Mapping[str, Any]) -> bool:
    """Whether an HTTP server is told of the Rollout ``obj``."""
    notify = lenient.mapping(lenient.mapping(obj.get("spec")).get("notify"))
    return bool(notify.get("webhook"))


def deleted_at(metadata: Mapping[str, Any]) -> datetime | None:
    """When deletion was asked for; None: it was not, or nobody can read when."""
    try:
        found = datetime.fromisoformat(text(metadata, "deletionTimestamp"))
    except ValueError:
        return None
    return found.astimezone(UTC)


def template(obj: Mapping[str, Any]) -> AnalysisTemplateSpec:
    """The spec of the AnalysisTemplate ``obj``; errors as in ``rollout``.

    An argument that its metrics use and that has no default is required: whether its author
    wrote a null for it cannot be told any more.
    """
    spec: AnalysisTemplateSpec = spec_of("AnalysisTemplate", obj)
    return spec


def request(annotation: str) -> Request | None:
    """What the annotation ``verb@nonce`` asks; None when it is none of the verbs.

    Whoever writes it by hand may leave the nonce out, and write the verb as they like: it is done
    once, until another value is written.
    A malformed annotation asks for nothing; it must not keep its rollout from being looked at
    (CVE-2026-40886: one annotation without a slash crashed Argo Workflows for ever).
    """
    match = _REQUEST.fullmatch(annotation.strip())
    verb = Verb.of(match[1].lower()) if match else None
    return Request(verb, match[2] or "") if match and verb else None


def misread(annotation: str) -> str:
    """The annotation on one line where it asks for nothing that we know; empty where it does."""
    return "" if not annotation.strip() or request(annotation) else one_line(annotation, MISREAD)


def noted(asked: Request | None, note: str) -> Request | None:
    """The request with what ``note`` says of it; as it is where that speaks of another one."""
    if asked is None or not note:
        return asked
    try:
        told = lenient.mapping(json.loads(note))
    except (ValueError, RecursionError):
        return asked
    if told.get("nonce") != asked.nonce:
        return asked
    by, reason = (one_line(text(told, key), most) for key, most in (("by", BY), ("reason", REASON)))
    return replace(asked, claimed=by, reason=reason)


def note(nonce: str, by: str, reason: str) -> str:
    """The annotation that says who asks and why, as ``noted`` reads it."""
    return json.dumps({"nonce": nonce, "by": one_line(by, BY), "reason": one_line(reason, REASON)})


def one_line(words: str, most: int) -> str:
    """``words`` as one line of at most ``most`` characters that can be shown anywhere."""
    return sentence(" ".join(visible(words[: 4 * most]).split()), most)


def spec_of(kind: str, obj: Mapping[str, Any]) -> Any:
    """The noun of the object's spec.

    Errors: ``ManifestError`` naming the object and the first mistake.
    """
    spec, mistakes = load.read(kind, obj.get("spec"), stored=True)
    if mistakes:
        first = mistakes[0]
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        found = f"{load.words(('spec', *first.path))} {first.found}{more}"
        raise ManifestError(plain.called(kind, obj), 0, found, first.wanted)
    return spec


def text(values: Mapping[str, Any], key: str) -> str:
    """The text at ``key``; empty when it is none."""
    value = values.get(key)
    return value if isinstance(value, str) else ""


def number(values: Mapping[str, Any], key: str) -> int:
    """The whole number at ``key``; 0 when it is none."""
    value = values.get(key)
    return value if isinstance(value, int) else 0
