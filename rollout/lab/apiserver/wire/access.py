"""Who asks, and what they may do: everyone may do everything until a test says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rollout.lab.apiserver.problems import Subject, forbidden, unauthorized

from .routes import Target

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class User:
    """What a token stands for."""

    name: str
    groups: tuple[str, ...] = ("system:authenticated",)


@dataclass(frozen=True, slots=True)
class Question:
    """May ``user`` do ``verb``? ``resource`` is the plural; empty strings stand for all."""

    user: User
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str


ADMIN = User("system:lab", ("system:masters", "system:authenticated"))


@dataclass(slots=True)
class Access:
    """``tokens``: once there is one, requests need a known one. ``denials``: any may say no."""

    tokens: dict[str, User] = field(default_factory=dict)
    denials: list[Callable[[Question], bool]] = field(default_factory=list)

    def user(self, authorization: str) -> User:
        """The user of an Authorization header; raises a 401."""
        found = self.of_token(authorization.removeprefix("Bearer ").strip())
        if found is None:
            raise unauthorized()
        return found

    def of_token(self, token: str) -> User | None:
        return self.tokens.get(token) if self.tokens else ADMIN

    def allows(self, question: Question) -> bool:
        return not any(denies(question) for denies in self.denials)

    def check(self, user: User, verb: str, target: Target) -> None:
        """Raises a 403 in the words of RBAC."""
        if not self.denials:
            return
        kind, namespace = target.kind, target.namespace or ""
        asked = Question(
            user, verb, kind.group, kind.plural, target.subresource, namespace, target.name
        )
        if not self.allows(asked):
            raise forbidden(kind.subject(target.name), _why(asked))


def _why(asked: Question) -> str:
    resource = f"{asked.resource}/{asked.subresource}".rstrip("/")
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    return (
        f'User "{asked.user.name}" cannot {asked.verb} resource "{resource}" '
        f'in API group "{asked.group}" {where}'
    )


def reviewed(access: Access, plural: str, review: JsonObject, user: User) -> JsonObject:
    """The review with its status; raises a 403 for a review that there is not."""
    spec = review.get("spec") or {}
    match plural:
        case "selfsubjectaccessreviews":
            allowed = access.allows(_question(spec, user))
            return {**review, "status": {"allowed": allowed}}
        case "subjectaccessreviews":
            about = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
            allowed = access.allows(_question(spec, about))
            return {**review, "status": {"allowed": allowed}}
        case "tokenreviews":
            return {**review, "status": _token_status(access, str(spec.get("token", "")))}
        case "selfsubjectreviews":
            known = {"username": user.name, "groups": list(user.groups)}
            return {**review, "status": {"userInfo": known}}
    raise forbidden(Subject("", plural, plural), "no such review")


def _question(spec: JsonObject, user: User) -> Question:
    about = spec.get("resourceAttributes") or {}
    keys = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Question(user, *(str(about.get(key, "")) for key in keys))


def _token_status(access: Access, token: str) -> JsonObject:
    found = access.of_token(token) if token else None
    if found is None:
        return {"authenticated": False, "user": {}}
    return {
        "authenticated": True,
        "user": {"username": found.name, "groups": list(found.groups)},
        "audiences": ["https://kubernetes.default.svc"],
    }
