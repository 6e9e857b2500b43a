"""Every answer of the server that is not 2xx, as the Status object that Kubernetes clients read.

Source: Kubernetes, apimachinery/pkg/api/errors; the wording was compared with a real server by
tests/contract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.errors import RolloutError


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing wrong with an object; ``field`` is a path such as ``spec.http[0].route``."""

    reason: str
    field: str
    message: str

    def text(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message

    def as_json(self) -> dict[str, str]:
        found = {"reason": self.reason, "message": self.message, "field": self.field}
        return {key: value for key, value in found.items() if value}


class Problem(RolloutError):
    """A request was refused; ``code`` is the HTTP status and ``reason`` Kubernetes' word for it."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def status(self) -> dict[str, Any]:
        """The body; ``details`` is left out when there is nothing to say."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if not self.reason:
            del body["reason"]
        if self.details is not None:
            body["details"] = dict(self.details)
        return body


@dataclass(frozen=True, slots=True)
class Subject:
    """What a problem is about: ``resource`` is the plural, ``kind`` the singular in CamelCase."""

    group: str
    resource: str
    kind: str
    name: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def full_kind(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def details(self, kind: str, **more: Any) -> dict[str, Any]:
        found = {"name": self.name, "group": self.group, "kind": kind, **more}
        return {key: value for key, value in found.items() if value}


def not_found(subject: Subject) -> Problem:
    """404 for an object whose kind exists."""
    message = f'{subject.full_resource} "{subject.name}" not found'
    return Problem(404, "NotFound", message, subject.details(subject.resource))


def no_such_resource() -> Problem:
    """404 for a kind that the server does not have."""
    message = "the server could not find the requested resource"
    return Problem(404, "NotFound", message, {})


def already_exists(subject: Subject) -> Problem:
    """409 of a create, told from a conflict by its reason."""
    message = f'{subject.full_resource} "{subject.name}" already exists'
    return Problem(409, "AlreadyExists", message, subject.details(subject.resource))


def conflict(subject: Subject, why: str = "") -> Problem:
    """409 of a write that was based on an older revision."""
    stale = (
        "the object has been modified; "
        "please apply your changes to the latest version and try again"
    )
    message = (
        f'Operation cannot be fulfilled on {subject.full_resource} "{subject.name}": {why or stale}'
    )
    return Problem(409, "Conflict", message, subject.details(subject.resource))


def revision_needed(subject: Subject) -> Problem:
    """422 of a PUT without resourceVersion; it names the resource where others name the kind."""
    message = "Invalid value: 0x0: must be specified for an update"
    named = Subject(subject.group, subject.resource, subject.resource, subject.name)
    return invalid(named, [Cause("FieldValueInvalid", "metadata.resourceVersion", message)])


def precondition_failed(subject: Subject, word: str, wanted: str, found: str) -> Problem:
    """409 of a delete that was meant for another object or revision; ``word``: what differs."""
    how = {"UID": "deleted and then recreated"}.get(word, "modified")
    message = (
        f'Operation cannot be fulfilled on {subject.kind} "{subject.name}": the {word} in the '
        f"precondition ({wanted}) does not match the {word} in record ({found}). "
        f"The object might have been {how}"
    )
    return Problem(409, "Conflict", message, subject.details(subject.kind))


def invalid(subject: Subject, causes: Sequence[Cause]) -> Problem:
    """422 with every cause; their order is kept."""
    texts = [cause.text() for cause in causes]
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    listed = [cause.as_json() for cause in causes]
    return Problem(
        422,
        "Invalid",
        f'{subject.full_kind} "{subject.name}" is invalid: {said}',
        subject.details(subject.kind, causes=listed),
    )


def field_conflict(causes: Sequence[Cause]) -> Problem:
    """409 of a server-side apply; one cause for each field that somebody else manages."""
    found = "1 conflict" if len(causes) == 1 else f"{len(causes)} conflicts"
    message = f"Apply failed with {found}: {_by_manager(causes)}"
    return Problem(409, "Conflict", message, {"causes": [cause.as_json() for cause in causes]})


def _by_manager(causes: Sequence[Cause]) -> str:
    if len(causes) == 1:
        return f"{causes[0].message}: {causes[0].field}"
    found: dict[str, list[str]] = {}
    for cause in causes:
        found.setdefault(cause.message, []).append(f"- {cause.field}")
    listed = ((who.replace("conflict", "conflicts", 1), found[who]) for who in sorted(found))
    return "\n".join(f"{who}:\n" + "\n".join(fields) for who, fields in listed)


def bad_request(message: str) -> Problem:
    """400: the request itself makes no sense."""
    return Problem(400, "BadRequest", message)


def unauthorized() -> Problem:
    """401: the token is not known."""
    return Problem(401, "Unauthorized", "Unauthorized")


def forbidden(subject: Subject, why: str) -> Problem:
    """403: the sender is known and may not."""
    name = f' "{subject.name}"' if subject.name else ""
    message = f"{subject.full_resource}{name} is forbidden: {why}"
    return Problem(403, "Forbidden", message, subject.details(subject.resource))


def with_cause(found: Problem, reason: str, field: str, message: str) -> Problem:
    """The same problem with one cause in its details."""
    causes = [Cause(reason, field, message).as_json()]
    details = {**(found.details or {}), "causes": causes}
    return Problem(found.code, found.reason, found.message, details, found.headers)


def method_not_allowed() -> Problem:
    """405: the path exists, the verb does not."""
    message = "the server does not allow this method on the requested resource"
    return Problem(405, "MethodNotAllowed", message, {})


def not_acceptable(accepted: str) -> Problem:
    """406: the client takes none of the forms the server writes."""
    return Problem(406, "NotAcceptable", f"406: Not Acceptable, only {accepted}", {})


def unprocessable() -> Problem:
    """422 of a JSON Patch that does not fit; the real server says no more than this."""
    message = "the server rejected our request due to an error in our request"
    return Problem(422, "Invalid", message, {})


def unsupported_media(accepted: Sequence[str]) -> Problem:
    """415: the body is in a form the server does not read."""
    message = (
        "the body of the request was in an unknown format - "
        f"accepted media types include: {', '.join(accepted)}"
    )
    return Problem(415, "UnsupportedMediaType", message)


def expired(message: str) -> Problem:
    """410: the history that was asked for is gone; the client must list again."""
    return Problem(410, "Expired", message)
