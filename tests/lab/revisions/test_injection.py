"""Who injects a pod is decided by the API server; the cases run on the lab's and on a real one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from rollout.lab.kube.client import DEPLOYMENT, MUTATING, SERVICE
from rollout.lab.revisions import injection, webhooks
from rollout.lab.revisions.names import Revision
from tests.lab.revisions import real
from tests.lab.revisions.mesh import NEW, OLD, Mesh, eventually

pytestmark = pytest.mark.lab
Json = dict[str, Any]
REV = "istio.io/rev"
ADDED_BY_A_CLUSTER = ("preemptionPolicy", "priority", "serviceAccount", "serviceAccountName")
"""Of admission plugins that the lab's API server does not have, besides tolerations."""


async def test_a_pod_is_given_what_real_istiods_gave_it(mesh: Mesh) -> None:
    for revision, wanted in zip((OLD, NEW), real.documents("injected-pods.yaml"), strict=True):
        space = await mesh.space(f"like-{revision.name}", {REV: revision.name})
        found = await mesh.tried(space)
        assert _comparable(found, mesh.real) == _comparable(wanted, mesh.real)


def _comparable(pod: Json, whole: bool) -> Json:
    """Without identity and status, and what names the namespace or the address of that istiod."""
    found = deepcopy(pod)
    found.pop("status", None)
    for key in ("creationTimestamp", "managedFields", "namespace", "uid", "name"):
        found["metadata"].pop(key, None)
    if not whole:
        for key in (*ADDED_BY_A_CLUSTER, "tolerations"):
            found["spec"].pop(key, None)
    proxy = next(each for each in found["spec"]["containers"] if each["name"] == "istio-proxy")
    for each in proxy["env"]:
        if each["name"] in ("PROXY_CONFIG", "ISTIO_META_OWNER"):
            each["value"] = ""
    return found


async def test_the_namespaces_word_counts_before_the_pods_and_injection_before_revision(
    mesh: Mesh,
) -> None:
    """Source: istio/istio, istio-discovery/templates, mutatingwebhook.yaml, revision-tags-mwc."""
    old, new, inject = OLD.name, NEW.name, "sidecar.istio.io/inject"
    cases: list[tuple[Json, Json, str]] = [
        ({}, {}, "none"),
        ({REV: old}, {}, old),
        ({REV: new}, {}, new),
        ({REV: new}, {REV: old}, new),
        ({REV: new}, {inject: "false"}, "none"),
        ({REV: "default"}, {}, old),
        ({"istio-injection": "enabled"}, {}, old),
        ({"istio-injection": "enabled", REV: new}, {REV: new}, old),
        ({"istio-injection": "disabled"}, {inject: "true"}, "none"),
        ({"istio-injection": "disabled", REV: new}, {}, "none"),
        ({}, {REV: new}, new),
        ({}, {inject: "true"}, old),
        ({}, {inject: "true", REV: new}, new),
        ({REV: "1-31-0"}, {}, "none"),
        ({}, {REV: "1-31-0"}, "none"),
    ]
    seen = []
    for number, (space, pod, _) in enumerate(cases):
        name = await mesh.space(f"case-{number}", space)
        seen.append((space, pod, await mesh.revision(name, pod)))
    assert seen == cases


async def test_pods_of_a_deployment_come_by_the_servers_own_admission(mesh: Mesh) -> None:
    space = await mesh.space("web", {REV: OLD.name})
    await mesh.deploy(space, replicas=2)
    first = await mesh.pods(space)
    assert [injection.revision_of(each) for each in first] == [OLD.name] * 2
    await mesh.relabel(space, {REV: NEW.name})
    assert [injection.revision_of(each) for each in await mesh.pods(space)] == [OLD.name] * 2
    annotation = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
    await mesh.world.kube.patch(DEPLOYMENT, space, "web", {"spec": {"template": annotation}})
    await mesh.world.settled(space, "web")
    moved = await mesh.pods(space)
    assert [injection.revision_of(each) for each in moved] == [NEW.name] * 2
    owner = f"kubernetes://apis/apps/v1/namespaces/{space}/deployments/web"
    env = {each["name"]: each.get("value") for each in injection.proxies(moved[0])[0]["env"]}
    assert (env["ISTIO_META_OWNER"], env["ISTIO_META_WORKLOAD_NAME"]) == (owner, "web")


async def test_a_label_that_names_nobody_leaves_pods_without_a_proxy_and_says_nothing(
    mesh: Mesh,
) -> None:
    space = await mesh.space("lost", {REV: "1-31-0"})
    await mesh.deploy(space)
    (pod,) = await mesh.pods(space)
    assert injection.proxies(pod) == []


async def test_where_the_service_is_gone_no_pod_is_made(mesh: Mesh) -> None:
    space = await mesh.space("gone", {REV: NEW.name})
    await mesh.world.kube.delete(SERVICE, NEW.namespace, NEW.istiod)
    found = ""
    while not found:
        found = await mesh.refusal(space)
    assert "failed calling webhook" in found
    assert "rev.namespace.sidecar-injector.istio.io" in found


async def test_an_istiod_that_is_down_refuses_its_namespaces_and_no_others(mesh: Mesh) -> None:
    here, there = await mesh.space("a", {REV: OLD.name}), await mesh.space("b", {REV: NEW.name})
    await mesh.world.revisions.set_faults(NEW.name, down=True)
    assert "failed calling webhook" in await mesh.refusal(there)
    assert await mesh.refusal(here) == ""
    await mesh.world.revisions.set_faults(NEW.name)
    await mesh.world.revisions.whole(NEW)
    assert await mesh.revision(there) == NEW.name


async def test_an_istiod_whose_certificate_nobody_trusts_is_as_good_as_gone(mesh: Mesh) -> None:
    space = await mesh.space("ca", {REV: NEW.name})
    await mesh.world.revisions.set_faults(NEW.name, lost_ca=True)
    assert "failed calling webhook" in await mesh.refusal(space)
    await mesh.world.revisions.set_faults(NEW.name)
    assert await mesh.refusal(space) == ""


async def test_an_injector_may_answer_and_add_nothing_or_refuse(mesh: Mesh) -> None:
    space = await mesh.space("odd", {REV: NEW.name})
    await mesh.world.revisions.set_faults(NEW.name, proxyless=True)
    assert await mesh.revision(space) == "none"
    await mesh.world.revisions.set_faults(NEW.name, proxyless=False, refuses=True)
    assert "denied the request" in await mesh.refusal(space)


async def test_of_two_webhooks_that_want_a_pod_the_first_gives_the_image_the_last_the_name(
    mesh: Mesh,
) -> None:
    """That they overlap is what ``istioctl analyze`` calls IST0139."""
    space = await mesh.space("twice", {REV: OLD.name})
    await _overlapped(mesh, NEW)
    pod = await mesh.tried(space)
    while injection.revision_of(pod) != NEW.name:
        pod = await mesh.tried(space)  # a real server looks at its webhooks a moment late
    assert [each["image"] for each in injection.proxies(pod)] == [OLD.proxy_image]
    assert injection.discovery(pod) == OLD.discovery


async def test_a_pod_that_would_get_two_proxies_is_refused(mesh: Mesh) -> None:
    """Where one revision adds a container, and the other an init container that stays."""
    native = Revision("1-31-0", "1.31.0", native=True, replicas=1)
    await mesh.install(native)
    space = await mesh.space("both", {REV: OLD.name})
    assert await mesh.refusal(space) == ""
    await _overlapped(mesh, native)
    refused = ""
    while not refused:
        refused = await mesh.refusal(space)
    assert 'Duplicate value: \\"istio-proxy\\"' in refused


async def _overlapped(mesh: Mesh, revision: Revision) -> None:
    """As an older tool may leave it: ``revision`` has webhooks for the namespaces of another."""
    extra = webhooks.injector(revision, await _client(mesh, revision))
    extra["metadata"]["name"] = "istio-sidecar-injector-extra"
    for each in extra["webhooks"]:
        each["namespaceSelector"]["matchExpressions"][0]["values"] = [OLD.name]
    del extra["webhooks"][1:]
    await mesh.world.kube.apply(extra)


async def _client(mesh: Mesh, revision: Revision) -> Json:
    found = await mesh.world.kube.read(MUTATING, "", revision.injector)
    return dict(found["webhooks"][0]["clientConfig"])


async def test_a_webhook_may_be_called_by_url(mesh: Mesh) -> None:
    """As ``istiodRemote.injectionURL`` has it."""
    third = Revision("1-31-0", "1.31.0", replicas=1)
    await mesh.world.revisions.install(third, await mesh.world.revisions.by_url(third))
    space = await mesh.space("url", {REV: third.name})
    while await mesh.revision(space) == "none":
        pass
    assert await mesh.revision(space) == third.name
    assert "url" in await _client(mesh, third)


async def test_the_bundle_of_an_istiods_own_webhooks_is_written_back(mesh: Mesh) -> None:
    broken = {"webhooks": (await mesh.world.kube.read(MUTATING, "", NEW.injector))["webhooks"]}
    for each in broken["webhooks"]:
        each["clientConfig"]["caBundle"] = "YQ=="
    before = (await _client(mesh, OLD))["caBundle"]
    await mesh.world.kube.patch(MUTATING, "", NEW.injector, broken)
    await eventually("the bundle", lambda: mesh.world.revisions.planes.settled(NEW))
    while (await _client(mesh, NEW))["caBundle"] != before:
        pass
