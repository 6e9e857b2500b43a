"""Tokens, permissions, and the reviews that tell of them."""

from __future__ import annotations

import pytest

from rollout.lab.apiserver.server import ApiServer
from rollout.lab.apiserver.storage.admission import Admission, denied
from rollout.lab.apiserver.wire.access import User
from tests.contract.client import Api, Json
from tests.contract.objects import WIDGET, widget


async def test_once_there_are_tokens_requests_need_one(server: ApiServer, api: Api) -> None:
    server.access.tokens["good"] = User("alice")
    api.headers["Authorization"] = "Bearer bad"
    assert (await api.get(api.path(WIDGET))).problem == (401, "Unauthorized")
    api.headers["Authorization"] = "Bearer good"
    assert (await api.get(api.path(WIDGET))).code == 200


async def test_a_denial_is_a_403_in_the_words_of_rbac(server: ApiServer, api: Api) -> None:
    server.access.denials.append(lambda asked: asked.verb == "patch")
    answer = await api.patch(api.path(WIDGET, "a"), {})
    assert answer.problem == (403, "Forbidden")
    assert answer["message"] == (
        'widgets.example.dev "a" is forbidden: User "system:lab" cannot patch resource "widgets" '
        f'in API group "example.dev" in the namespace "{api.namespace}"'
    )


@pytest.mark.parametrize("kind", ["SelfSubjectAccessReview", "SubjectAccessReview"])
async def test_reviews_tell_of_denials(server: ApiServer, api: Api, kind: str) -> None:
    server.access.denials.append(lambda asked: asked.resource == "secrets")
    path = f"/apis/authorization.k8s.io/v1/{kind.lower()}s"

    async def may(resource: str) -> bool:
        spec = {"resourceAttributes": {"verb": "get", "resource": resource}, "user": "bob"}
        answer = await api.post(path, {"kind": kind, "spec": spec})
        return bool(answer["status"]["allowed"])

    assert (await may("pods"), await may("secrets")) == (True, False)


async def test_a_token_is_reviewed(server: ApiServer, api: Api) -> None:
    server.access.tokens["good"] = User("alice", ("team",))
    api.headers["Authorization"] = "Bearer good"

    async def status(token: str) -> Json:
        sent = {"kind": "TokenReview", "spec": {"token": token}}
        answer = await api.post("/apis/authentication.k8s.io/v1/tokenreviews", sent)
        return dict(answer["status"])

    assert (await status("good"))["user"] == {"username": "alice", "groups": ["team"]}
    assert (await status("bad"))["authenticated"] is False


async def test_a_hook_refuses_with_its_message(server: ApiServer, api: Api) -> None:
    def no_reds(about: Admission) -> Json | None:
        if about.object.get("spec", {}).get("colour") == "red":
            raise denied("no reds")
        return None

    server.store.hooks.append(no_reds)
    answer = await api.post(api.path(WIDGET), widget())
    assert answer.problem == (403, "Forbidden")
    assert answer["message"] == 'admission webhook "lab.rollout.dev" denied the request: no reds'
    assert (await api.post(api.path(WIDGET), widget(colour="green"))).code == 201


async def test_a_hook_changes_what_is_stored(server: ApiServer, api: Api) -> None:
    server.store.hooks.append(
        lambda about: {**about.object, "spec": {**about.object["spec"], "size": 9}}
    )
    assert (await api.post(api.path(WIDGET), widget()))["spec"]["size"] == 9


async def test_a_hook_sees_what_was_and_what_shall_be(server: ApiServer, api: Api) -> None:
    seen: list[tuple[str, str, bool]] = []

    def note(about: Admission) -> None:
        seen.append((about.operation, about.name, about.old is None))

    server.store.hooks.append(note)
    await api.post(api.path(WIDGET), widget())
    await api.patch(api.path(WIDGET, "a"), {"spec": {"size": 2}})
    await api.delete(api.path(WIDGET, "a"))
    assert seen == [("CREATE", "a", True), ("UPDATE", "a", False), ("DELETE", "a", False)]
