"""What the account may, asked of a real API server as the account: the table's calls, no others."""

import asyncio
from collections.abc import Sequence

import aiohttp
import pytest

from rollout.cli.manifests import rbac
from rollout.controller import rights
from rollout.controller.rights import Call, Need
from rollout.edges.kube import paths
from tests.cluster import objects
from tests.cluster.conftest import Control

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(900)]

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
Asked = dict[str, str]
GIVEN_TO_ALL = {Call("create", "SelfSubjectAccessReview")}


async def answers(control: Control, token: str, asked: Sequence[Asked]) -> list[bool]:
    """``SelfSubjectAccessReview`` for each, by that token."""
    url = f"{control.real.url}{paths.REVIEWS}/selfsubjectaccessreviews"
    limit = asyncio.Semaphore(8)

    async def one(http: aiohttp.ClientSession, attributes: Asked) -> bool:
        review = {
            "apiVersion": paths.REVIEWS.removeprefix("/apis/"),
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        async with limit, http.post(url, json=review, ssl=control.real.context()) as answer:
            return bool((await answer.json())["status"]["allowed"])

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        found = await asyncio.gather(*(one(http, each) for each in asked))
    await asyncio.sleep(0.3)  # a TLS transport closes a moment later (aiohttp's documentation)
    return found


def attributes(call: Call, namespace: str) -> Asked:
    base, plural = paths.PATHS[call.kind]
    of_one = {"namespace": namespace} if call.kind not in paths.CLUSTERS else {"name": namespace}
    sub = {"subresource": call.subresource} if call.subresource else {}
    return {"verb": call.verb, "group": paths.group(base), "resource": plural, **of_one, **sub}


NEVER: tuple[Asked, ...] = (
    {"verb": "*", "group": "*", "resource": "*"},
    {"verb": "create", "group": "", "resource": "pods", "subresource": "exec"},
    {"verb": "create", "group": "", "resource": "pods", "subresource": "attach"},
    {"verb": "create", "group": "", "resource": "pods", "subresource": "portforward"},
    {"verb": "create", "group": "", "resource": "pods", "subresource": "eviction"},
    {"verb": "get", "group": "", "resource": "pods", "subresource": "log"},
    {"verb": "create", "group": "", "resource": "serviceaccounts", "subresource": "token"},
    {"verb": "impersonate", "group": "", "resource": "users"},
    {"verb": "impersonate", "group": "", "resource": "serviceaccounts"},
    *(
        {"verb": verb, "group": rbac.RBAC, "resource": resource}
        for verb in ("escalate", "bind", "create", "patch", "update")
        for resource in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
    ),
    {"verb": "get", "group": "", "resource": "nodes", "subresource": "proxy"},
    {"verb": "approve", "group": "certificates.k8s.io", "resource": "signers"},
)


@pytest.mark.parametrize("only", [True, False], ids=["one namespace", "cluster-wide"])
async def test_the_account_may_what_the_table_says_and_nothing_else(
    control: Control, only: bool
) -> None:
    space = "asked-one" if only else "asked-all"
    reach = space if only else ""
    await control.apply(objects.namespace(space), objects.namespace("elsewhere"))
    await control.granted(*rbac.manifests(reach, rbac.OWN))
    token = await control.token()
    calls = [
        Call(verb, kind, sub)
        for kind in sorted(set(paths.PATHS) - {"Lease"})
        for verb in VERBS
        for sub in ("", "status")
    ]
    table = {*rights.calls(), *GIVEN_TO_ALL}
    there = await answers(control, token, [attributes(call, space) for call in calls])
    assert {c for c, yes in zip(calls, there, strict=True) if yes} == {
        c for c in calls if c in table
    }
    if only:
        beyond = await answers(control, token, [attributes(call, "elsewhere") for call in calls])
        assert [call for call, yes in zip(calls, beyond, strict=True) if yes] == []
    never = [{**asked, "namespace": where} for asked in NEVER for where in (space, rbac.OWN, "")]
    assert not any(await answers(control, token, never))
    await control.revoked(*rbac.manifests(reach, rbac.OWN))


async def test_upgrades_and_manifests_are_rights_that_nobody_has_by_the_way(
    control: Control,
) -> None:
    await control.granted(*rbac.manifests("", rbac.OWN))
    usual, all_of_it = set(rights.calls()), set(rights.calls(frozenset(Need)))
    more = sorted(all_of_it - usual, key=str)
    asked = [attributes(call, "elsewhere") for call in more]
    assert len(more) > 50
    assert not any(await answers(control, await control.token(), asked))
    await control.revoked(*rbac.manifests("", rbac.OWN))
