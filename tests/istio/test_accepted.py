"""What we write against servers with Istio's own schema: nothing refused, nothing pruned."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from rollout.istio import destinationrule, virtualservice
from rollout.model.traffic import Cohort, Fault, Route, Split, Sticky, StringMatch, Target
from tests.contract.client import JSON_PATCH, Answer, Api
from tests.contract.conftest import api, istio, istio_crds, real_kube
from tests.istio.objects import Json, applied, pair, to, vs

__all__ = ["api", "istio", "istio_crds", "real_kube"]  # pytest finds fixtures by these names

VS = "networking.istio.io/v1/virtualservices"
DR = "networking.istio.io/v1/destinationrules"
ONE = StringMatch(exact="1")
EVERYTHING = Route(
    Split(90, 10),
    cohorts=(
        Cohort(headers={"x-a": ONE, "x-any": StringMatch(present=True)}, query={"q": ONE}),
        Cohort(cookies={"a": ONE, "b": StringMatch(present=True)}, method=StringMatch(prefix="G")),
    ),
    mirror=0.125,
    fault=Fault(timedelta(milliseconds=1500), 503, 0.5),
    sticky=Sticky("who", "v2-1", timedelta(hours=1)),
    preview_host="preview.example",
)


def target(kube: Api) -> Target:
    space = kube.namespace
    return Target("shop", space, f"shop.{space}.svc.cluster.local", "stable", "canary")


async def made(kube: Api, kind: str, obj: Json) -> Json:
    obj["metadata"] = {"name": "shop", "namespace": kube.namespace}
    answer = await kube.post(kube.path(kind), obj)
    assert answer.code == 201, answer
    body: Json = answer.body
    return body


async def patched(kube: Api, kind: str, ops: Sequence[Json]) -> Answer:
    return await kube.send("PATCH", kube.path(kind, "shop"), list(ops), JSON_PATCH)


def authored() -> Json:
    http: list[Json] = [
        {"match": [{"uri": {"prefix": "/a"}}], "route": [to()], "timeout": "3s"},
        {"name": "rest", "route": pair(), "mirror": {"host": "spy"}},
    ]
    return vs(*http, hosts=["shop", "preview.example"], tcp=[{"route": [to()]}])


async def test_a_route_with_everything_is_kept_as_it_was_written(istio: Api) -> None:
    obj = await made(istio, VS, authored())
    ops = virtualservice.patch(obj, target(istio), EVERYTHING, 1)
    answer = await patched(istio, VS, ops)
    assert answer.code == 200, answer
    assert answer["spec"] == applied(obj, ops)["spec"]
    assert virtualservice.differences(answer.body, target(istio), EVERYTHING) == ()


async def test_after_release_the_server_has_what_the_author_sent(istio: Api) -> None:
    obj = await made(istio, VS, authored())
    there = await patched(istio, VS, virtualservice.patch(obj, target(istio), EVERYTHING, 1))
    back = await patched(istio, VS, virtualservice.release(there.body, target(istio), 2))
    assert back.code == 200, back
    assert back["spec"] == obj["spec"]
    assert "annotations" not in back["metadata"]


async def test_a_write_by_somebody_else_in_between_refuses_the_patch_and_is_not_lost(
    istio: Api,
) -> None:
    obj = await made(istio, VS, authored())
    ops = virtualservice.patch(obj, target(istio), EVERYTHING, 1)
    theirs = [{"op": "replace", "path": "/spec/http/0/timeout", "value": "9s"}]
    assert (await patched(istio, VS, theirs)).code == 200
    assert (await patched(istio, VS, ops)).code in (409, 422)
    now = await istio.get(istio.path(VS, "shop"))
    assert [r.get("timeout") for r in now["spec"]["http"]] == ["9s", None]


async def test_subsets_come_and_go_on_a_rule_of_the_users(istio: Api) -> None:
    rule: Json = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule"}
    obj = await made(istio, DR, rule | {"spec": {"host": "shop", "trafficPolicy": {}}})
    ops = destinationrule.point(obj, target(istio), "canary", {"version": "v2"}, 1)
    there = await patched(istio, DR, ops)
    assert there["spec"]["subsets"] == [{"name": "canary", "labels": {"version": "v2"}}]
    back = await patched(istio, DR, destinationrule.remove(there.body, target(istio), "canary", 2))
    assert back["spec"] == obj["spec"]


@pytest.mark.parametrize("subsets", [{"stable": {"version": "v1"}}])
async def test_a_rule_of_our_own_is_accepted(
    istio: Api, subsets: dict[str, dict[str, str]]
) -> None:
    manifest = destinationrule.manifest(target(istio), subsets, 1)
    answer = await istio.post(istio.path(DR), manifest)
    assert answer.code == 201, answer
    assert answer["spec"] == manifest["spec"]
