"""The commands against a real HTTP API server; the controller's side is played by the test."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli.exits import Exit
from rollout.lab.kube.client import Kind, Kube
from rollout.messages import terminal
from tests.cli.conftest import ROLLOUT, Put, Run

TEMPLATE = Kind("rollout.dev", "v1alpha1", "analysistemplates", "AnalysisTemplate")
SOURCE = Kind("rollout.dev", "v1alpha1", "rolloutsources", "RolloutSource")
SPEC: dict[str, Any] = {
    "service": "reviews",
    "revision": "v2",
    "workload": {"deployments": "reviews-{revision}"},
    "strategy": {"canary": {"steps": [{"weight": 5}, {"weight": 40}]}},
}
STATUS: dict[str, Any] = {
    "phase": "Progressing",
    "because": "baking for 1m",
    "stable": {"name": "v1"},
    "stage": {"name": "Stepping", "split": {"stable": 95, "canary": 5}},
    "attempt": {
        "canary": {"name": "v2"},
        "step": {"index": 0, "name": "step 1", "enteredAt": "2026-01-01T00:00:00Z"},
    },
    "observedGeneration": 1,
    "history": [
        {
            "id": "1.2",
            "at": "2026-01-01T00:00:00Z",
            "stage": "Stepping",
            "split": "95/5",
            "because": "v2 is ready",
            "revision": "v2",
        }
    ],
}


def test_status_shows_every_rollout_in_a_line(run: Run, put: Put) -> None:
    put(SPEC, STATUS)
    shown = run("status", "-n", "shop")
    assert shown.exit_code == 0
    head, row = shown.stdout.splitlines()
    assert tuple(head.split()) == terminal.HEAD
    assert row.split("   ")[0] == "reviews"
    assert row.endswith("baking for 1m")


def test_preflight_at_rest_does_not_hold_stable_against_itself(
    run: Run, put: Put, api: str
) -> None:
    asyncio.run(_deployed(api, "reviews-v2"))
    put(
        SPEC,
        {
            "phase": "Healthy",
            "stage": {"name": "Idle"},
            "stable": {"name": "v2"},
            "because": "rest",
        },
    )
    told = run("preflight", "-n", "shop")
    assert "deployment shop/reviews-v2: no readiness probe" in told.stdout
    assert "reviews-v2 and reviews-v2" not in told.stdout
    assert "service shop/reviews: is not there; it is wanted" in told.stdout
    assert "service reviews: no virtualservice has a route to it" in told.stdout
    assert told.exit_code == Exit.FAILED


def test_preflight_waits_for_the_configuration_that_a_template_names(
    run: Run, put: Put, api: str
) -> None:
    container = {"name": "app", "image": "x", "envFrom": [{"configMapRef": {"name": "settings"}}]}
    pods = {"metadata": {"labels": {"app": "reviews"}}, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"app": "reviews"}}
    asyncio.run(_configured(api, "settings"))
    put({**SPEC, "workload": {"template": {"selector": selector, "template": pods}}}, {})
    told = run("preflight", "-n", "shop")
    assert told.exception is None or isinstance(told.exception, SystemExit)
    assert "service shop/reviews: is not there; it is wanted" in told.stdout
    assert "not listed yet" not in told.output


@pytest.mark.parametrize("named", [(), ("reviews",)], ids=["all", "one"])
def test_preflight_finds_the_templates_that_a_rollout_names(
    run: Run, put: Put, api: str, named: tuple[str, ...]
) -> None:
    template = f"queue-{len(named)}"
    put({**SPEC, "analysis": {"templates": [{"name": template}]}}, {})
    asyncio.run(_template(api, template))
    told = run("preflight", *named, "-n", "shop")
    assert "service shop/reviews: is not there; it is wanted" in told.stdout
    assert "ROL-056" not in told.stdout


@pytest.mark.parametrize("command", ["status", "preflight"])
def test_a_rollout_that_cannot_be_read_hides_no_other(run: Run, put: Put, command: str) -> None:
    falling = {"canary": {"steps": [{"weight": 40}, {"weight": 5}]}}
    put(SPEC, STATUS)
    put(SPEC | {"strategy": falling}, {}, "falling")
    shown = run(command, "-n", "shop")
    told = shown.stdout + shown.stderr
    assert "steps[1].weight is 5, less than the step before (40); weights must rise" in told
    assert "reviews" in shown.stdout
    assert shown.exit_code == (Exit.OK if command == "status" else Exit.FAILED)


def test_where_requests_go_is_told_of_a_rollout_that_cannot_be_read(run: Run, put: Put) -> None:
    put(SPEC | {"strategy": {"canary": {"steps": [{"weight": 40}, {"weight": 5}]}}}, STATUS)
    problem = "steps[1].weight is 5, less than the step before (40); weights must rise"
    row = run("status", "-n", "shop").stdout.splitlines()[1]
    assert row.split()[1:5] == ["Progressing", "v1", "v2", "5%"]
    assert row.endswith(problem)
    facts = run("status", "reviews", "-n", "shop").stdout
    assert "5% canary" in facts
    assert facts.endswith(f"{problem}\n")
    said = run("explain", "reviews", "-n", "shop").stdout
    assert said.endswith(f"{problem}; it goes on as it was: baking for 1m\n")
    assert "v2 is ready" in run("history", "reviews", "-n", "shop").stdout


def test_a_rollout_that_was_never_read_says_why_and_no_more(run: Run, put: Put) -> None:
    put(SPEC | {"strategy": {"canary": {"steps": [{"weight": 40}, {"weight": 5}]}}}, {})
    said = [run(word, "reviews", "-n", "shop").stdout for word in ("explain", "status")]
    assert all(text.endswith("weights must rise\n") for text in said)


def test_a_rollout_whose_new_spec_cannot_be_read_can_be_aborted(run: Run, put: Put) -> None:
    put(SPEC | {"strategy": {"canary": {"steps": [{"weight": 40}, {"weight": 5}]}}}, STATUS)
    asked = run("abort", "reviews", "-n", "shop", "--no-wait")
    assert (asked.exit_code, asked.stderr) == (0, "reviews: asked to abort\n")


def test_status_of_all_namespaces_says_where(run: Run, put: Put) -> None:
    put(SPEC, STATUS)
    assert "shop/reviews" in run("status", "-A").stdout


def test_status_of_nothing_says_so(run: Run) -> None:
    assert "no rollouts in namespace shop" in run("status", "-n", "shop").stderr


def test_status_of_one_says_everything(run: Run, put: Put) -> None:
    put(SPEC, STATUS)
    said = run("status", "reviews", "-n", "shop").stdout
    assert "Phase    Progressing (baking for 1m)" in said.replace("  Prog", " Prog")
    assert "5% canary" in said


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_machines_get_the_objects_themselves(run: Run, put: Put, form: str) -> None:
    put(SPEC, STATUS)
    read = json.loads if form == "json" else yaml.safe_load
    listed = read(run("status", "-n", "shop", "-o", form).stdout)
    assert [obj["spec"] for obj in listed["items"]] == [SPEC]
    one = read(run("status", "reviews", "-n", "shop", "-o", form).stdout)
    assert one["status"]["because"] == "baking for 1m"


def test_names_are_as_kubectl_has_them(run: Run, put: Put) -> None:
    put(SPEC, STATUS)
    assert run("status", "-n", "shop", "-o", "name").stdout == "rollout.rollout.dev/reviews\n"


def test_history_is_a_table_or_the_entries_themselves(run: Run, put: Put) -> None:
    put(SPEC, STATUS)
    table = run("history", "reviews", "-n", "shop").stdout.splitlines()
    assert tuple(table[0].split()) == terminal.HISTORY_HEAD
    assert table[1].endswith("v2 is ready")
    entries = json.loads(run("history", "reviews", "-n", "shop", "-o", "json").stdout)
    assert entries == STATUS["history"]


def test_explain_is_one_sentence(run: Run, put: Put) -> None:
    put(SPEC, STATUS)
    said = run("explain", "reviews", "-n", "shop").stdout
    assert said == "reviews is at step 1 (5%): baking for 1m\n"


def test_explain_says_that_git_asks_for_what_is_not_taken(run: Run, put: Put, api: str) -> None:
    put(SPEC, STATUS)
    because = "not read: commit c1 is not signed; an allowed signer is wanted"
    asyncio.run(_followed(api, {"because": because, "problem": "git x: commit c1 …"}))
    said = run("explain", "reviews", "-n", "shop").stdout.splitlines()
    assert said[1:] == [f"rolloutsource shop: {because}"]
    asyncio.run(_followed(api, {"commit": "c1", "because": "1 manifest of c1 is in force"}))
    assert len(run("explain", "reviews", "-n", "shop").stdout.splitlines()) == 1


def test_a_rollout_that_is_not_there_is_a_refusal_with_a_way_on(run: Run) -> None:
    asked = run("explain", "nobody", "-n", "shop")
    assert asked.exit_code == Exit.REFUSED
    assert str(asked.exception).startswith("rollout shop/nobody: not found;")


def test_a_request_is_an_annotation_with_a_new_nonce(run: Run, put: Put, api: str) -> None:
    put(SPEC, STATUS)
    asked = run("abort", "reviews", "-n", "shop", "--no-wait")
    assert (asked.exit_code, asked.stderr) == (0, "reviews: asked to abort\n")
    first = _request(api)
    run("pause", "reviews", "-n", "shop", "--no-wait")
    assert first.startswith("abort@")
    assert _request(api).startswith("pause@")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("resumed by a person", Exit.OK),
        ("resume: nothing to resume while stepping", Exit.REFUSED),
    ],
)
def test_a_request_waits_until_it_was_heard(
    run: Run, put: Put, api: str, answer: str, code: Exit
) -> None:
    put(SPEC, STATUS)
    hearing = threading.Thread(target=lambda: asyncio.run(_hear(api, answer, code)))
    hearing.start()
    asked = run("resume", "reviews", "-n", "shop", "--timeout", "20s")
    hearing.join()
    assert (asked.exit_code, asked.stderr) == (code, f"reviews: {answer}\n")


def test_a_request_that_nobody_hears_ends_with_its_own_exit_code(run: Run, put: Put) -> None:
    put(SPEC, STATUS)
    asked = run("skip", "reviews", "-n", "shop", "--timeout", "300ms")
    assert asked.exit_code == Exit.TIMEOUT
    assert "not heard after 0.3 s; does it run?" in asked.stderr


def test_wait_says_how_it_ended_by_its_exit_code(run: Run, put: Put) -> None:
    put(SPEC, STATUS | {"phase": "Healthy", "stage": {"name": "Idle"}, "stable": {"name": "v2"}})
    ended = run("wait", "reviews", "-n", "shop")
    assert (ended.exit_code, ended.stderr) == (0, "reviews: Healthy: baking for 1m\n")
    assert run("wait", "reviews", "-n", "shop", "--for", "degraded").exit_code == Exit.FAILED


def test_wait_tells_a_pause_from_a_slow_journey_when_time_is_over(run: Run, put: Put) -> None:
    put(SPEC, STATUS)
    assert run("wait", "reviews", "-n", "shop", "--timeout", "1s").exit_code == Exit.TIMEOUT
    put(SPEC, STATUS | {"phase": "Paused"}, "paused")
    assert run("wait", "paused", "-n", "shop", "--timeout", "1s").exit_code == Exit.PAUSED


def test_watch_prints_a_line_a_sentence_until_the_journey_rests(run: Run, put: Put) -> None:
    stage = STATUS["stage"] | {"name": "Idle"}
    put(SPEC, STATUS | {"phase": "Healthy", "stage": stage, "because": "v2 has everyone"})
    watched = run("watch", "reviews", "-n", "shop", "--until-rest")
    assert watched.stdout.endswith("Healthy        5%  v2 has everyone\n")


def test_a_cluster_that_does_not_answer_is_said_in_a_sentence(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "dead"
    config.write_text(
        json.dumps(
            {
                "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:9"}}],
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
                "users": [{"name": "x", "user": {}}],
                "current-context": "x",
            }
        )
    )
    asked = run("--kubeconfig", str(config), "status", cluster=False)
    assert asked.exit_code == Exit.OUTSIDE
    assert "is the cluster up, and is it the right one?" in str(asked.exception)


def test_a_kubeconfig_that_is_not_there_says_what_to_name(run: Run) -> None:
    asked = run("--kubeconfig", "/nowhere", "status", cluster=False)
    assert asked.exit_code == Exit.REFUSED
    assert str(asked.exception) == "/nowhere: no such file; --kubeconfig must name a kubeconfig"


def _request(url: str) -> str:
    async def read() -> str:
        kube = Kube(url)
        obj = await kube.read(ROLLOUT, "shop", "reviews")
        await kube.close()
        return str(obj["metadata"]["annotations"]["rollout.dev/request"])

    return asyncio.run(read())


async def _deployed(url: str, name: str) -> None:
    labels = {"app": "reviews", "version": "v2"}
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "app", "image": "reviews"}]},
        },
    }
    meta = {"name": name, "namespace": "shop"}
    kube = Kube(url)
    await kube.apply(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
    )
    await kube.close()


async def _template(url: str, name: str) -> None:
    obj = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"metrics": [{"name": "depth", "query": "depth", "max": 1}]},
    }
    kube = Kube(url)
    await kube.create(TEMPLATE, obj)
    await kube.close()


async def _configured(url: str, name: str) -> None:
    kube = Kube(url)
    meta = {"name": name, "namespace": "shop"}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"A": "b"}}
    await kube.create(Kind("", "v1", "configmaps", "ConfigMap"), obj)
    await kube.close()


async def _followed(url: str, status: dict[str, Any]) -> None:
    """The Rollout comes from a source in this state."""
    meta = {"name": "shop", "namespace": "shop"}
    spec = {"url": "https://git.example/x"}
    kube = Kube(url)
    source = {"apiVersion": "rollout.dev/v1alpha1", "kind": "RolloutSource", "metadata": meta}
    if not (await kube.list(SOURCE))[0]:
        await kube.create(SOURCE, source | {"spec": spec})
    await kube.patch(SOURCE, "shop", "shop", {"status": None}, "status")
    await kube.patch(SOURCE, "shop", "shop", {"status": status}, "status")
    mine = {"metadata": {"labels": {"rollout.dev/source": "shop.shop"}}}
    await kube.patch(ROLLOUT, "shop", "reviews", mine)
    await kube.close()


def _handled(text: str, answer: str, code: Exit) -> dict[str, Any]:
    """A status by which the request was done, or refused, and something else was decided since."""
    at, status = "2026-11-28T12:00:00Z", {"lastHandledRequest": text, "because": "something else"}
    if code is Exit.REFUSED:
        refused = {"request": text, "by": "kubernetes", "at": at, "because": answer}
        return status | {"lastRefusedRequest": text, "refusedRequests": [refused]}
    entry = {"id": "1.2", "at": at, "stage": "Stepping", "split": "95/5", "because": answer}
    return status | {"history": [entry | {"request": text}]}


async def _hear(url: str, answer: str, code: Exit) -> None:
    """What a controller does with a request."""
    kube = Kube(url)
    for _ in range(10_000):
        obj = await kube.read(ROLLOUT, "shop", "reviews")
        text = (obj["metadata"].get("annotations") or {}).get("rollout.dev/request", "")
        if text.startswith("resume@"):
            status = _handled(text, answer, code)
            await kube.patch(ROLLOUT, "shop", "reviews", {"status": status}, "status")
            break
        await asyncio.sleep(0.02)
    await kube.close()
