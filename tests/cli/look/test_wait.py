import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from rollout.cli.cluster import SeenRollout
from rollout.cli.exits import Exit
from rollout.cli.look.commands import For
from rollout.cli.look.wait import WaitGoal, outcome, overtaken
from rollout.lab.kube.client import Kind, Kube
from rollout.model.reasons import WaitsFor
from rollout.model.spec import Workload
from rollout.model.status import Phase, Rejected, Revision, RolloutStatus, Stage
from tests import make
from tests.cli.conftest import ROLLOUT, Put, Run
from tests.cli.github.test_action import SPEC, STATUS
from tests.make import START

SOURCE = Kind("rollout.dev", "v1alpha1", "rolloutsources", "RolloutSource")

HEALTHY = RolloutStatus(stable=Revision("v2"), observed_generation=1, observed_commit="abcdef")
REJECTED = replace(
    HEALTHY,
    phase=Phase.DEGRADED,
    stable=Revision("v1"),
    rejected=Rejected(Revision("v2"), "errors", START),
)
STEPPING = make.changed(
    HEALTHY,
    phase=Phase.PROGRESSING,
    stage=Stage.STEPPING,
    stable=Revision("v1"),
    canary=Revision("v2"),
)


def seen(status: RolloutStatus) -> SeenRollout:
    return SeenRollout({}, make.rollout(make.canary_spec(), "v2"), status)


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        (HEALTHY, For.HEALTHY, Exit.OK),
        (REJECTED, For.HEALTHY, Exit.FAILED),
        (STEPPING, For.HEALTHY, None),
        (REJECTED, For.DEGRADED, Exit.OK),
        (HEALTHY, For.DEGRADED, Exit.FAILED),
        (STEPPING, For.PROGRESSING, Exit.OK),
        (HEALTHY, For.PROGRESSING, None),
        (replace(STEPPING, phase=Phase.PAUSED), For.PAUSED, Exit.OK),
        (replace(STEPPING, waits_for=WaitsFor.APPROVAL), For.PAUSED, Exit.OK),
        (replace(STEPPING, phase=Phase.PAUSED), For.HEALTHY, None),
    ],
)
def test_the_exit_code_says_how_it_ended(
    status: RolloutStatus, state: For, code: Exit | None
) -> None:
    assert outcome(seen(status), WaitGoal(state)) is code


def test_a_push_that_was_not_heard_yet_is_waited_for() -> None:
    assert outcome(seen(replace(HEALTHY, observed_generation=0)), WaitGoal(For.HEALTHY)) is None


def test_a_commit_is_waited_for_by_its_beginning() -> None:
    assert outcome(seen(HEALTHY), WaitGoal(For.HEALTHY, commit="abc")) is Exit.OK
    assert outcome(seen(HEALTHY), WaitGoal(For.HEALTHY, commit="123")) is None


MERGE = "9" * 40


@pytest.fixture
def merged(api: str, put: Put) -> Iterator[None]:
    """A Rollout whose file another commit changed last, and its source, which has the merge."""
    put(SPEC, STATUS)
    asyncio.run(_with_source(api, {"commit": MERGE, "because": "1 manifest is in force"}))
    yield
    asyncio.run(_without_source(api))


async def _with_source(api: str, status: Mapping[str, object]) -> None:
    kube = Kube(api)
    meta = {"name": "git", "namespace": "shop"}
    spec = {"url": "https://git.invalid/shop"}
    version = "rollout.dev/v1alpha1"
    obj = {"apiVersion": version, "kind": "RolloutSource", "metadata": meta, "spec": spec}
    await kube.create(SOURCE, obj)
    await kube.patch(SOURCE, "shop", "git", {"status": status}, "status")
    marked = {"metadata": {"labels": {"rollout.dev/source": "shop.git"}}}
    await kube.patch(ROLLOUT, "shop", "reviews", marked)
    await kube.close()


async def _without_source(api: str) -> None:
    kube = Kube(api)
    await kube.delete(SOURCE, "shop", "git")
    await kube.close()


@pytest.mark.usefixtures("merged")
def test_a_merge_that_changes_no_file_itself_is_waited_for_by_its_source(run: Run) -> None:
    done = run("wait", "reviews", "-n", "shop", "--commit", MERGE[:12], "--timeout", "60s")
    assert done.exit_code == 0, done.output
    assert "v2 has everyone" in done.output


@pytest.mark.usefixtures("merged")
def test_a_commit_that_neither_has_is_not_in_force(run: Run) -> None:
    done = run("wait", "reviews", "-n", "shop", "--commit", "123", "--timeout", "1s")
    assert done.exit_code == 5


def test_a_commit_that_was_overtaken_by_a_newer_one_is_not_waited_for(put: Put, run: Run) -> None:
    then = {"id": "1.4", "at": "2026-11-28T12:00:00Z", "stage": "Stepping", "split": "95/5"}
    put(SPEC, STATUS | {"history": [then | {"because": "step 1", "commit": "a" * 40}]})
    done = run("wait", "reviews", "-n", "shop", "--commit", "aaaaaaaaaaaa", "--timeout", "30m")
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        Exit.OVERTAKEN,
        "reviews: aaaaaaaaaa was overtaken by cccccccccc; wait for that: --commit cccccccccc",
    )


@pytest.mark.parametrize(
    ("commit", "had", "newer"),
    [
        ("abcdef", True, ""),  # it is in force
        ("123456", False, ""),  # nobody has heard of it yet
        ("123456", True, "abcdef"),  # it was in force, and another is
    ],
)
def test_only_what_was_in_force_can_be_overtaken(commit: str, had: bool, newer: str) -> None:
    found = seen(HEALTHY)
    found = replace(found, rollout=replace(found.rollout, commit="abcdef"))
    assert overtaken(found, commit, had=had) == newer


@pytest.mark.parametrize("command", ["wait", "undo", "pause"])
def test_a_timeout_that_is_none_is_the_callers_mistake_in_words(run: Run, command: str) -> None:
    done = run(command, "reviews", "--timeout", "soon")
    assert done.exit_code == 2
    assert "a duration is written" in " ".join(done.output.split())


def test_another_revision_than_the_one_meant_is_a_failure() -> None:
    assert outcome(seen(HEALTHY), WaitGoal(For.HEALTHY, revision="v3")) is Exit.FAILED


def test_a_template_names_no_revision_so_whatever_is_healthy_will_do() -> None:
    found = seen(HEALTHY)
    found = replace(
        found,
        rollout=replace(
            found.rollout,
            spec=replace(make.canary_spec(), revision="", workload=Workload(template={})),
        ),
    )
    assert outcome(found, WaitGoal(For.HEALTHY)) is Exit.OK


@pytest.fixture
def refused(api: str, put: Put) -> Iterator[None]:
    """A Rollout whose newest commit git's source has refused."""
    put(SPEC, STATUS)
    mistake = "shop/rollout.yaml:12: steps[1].weigth is unknown; did you mean weight?"
    rejected = [{"file": "shop/rollout.yaml", "line": 12, "message": mistake}]
    status = {"commit": MERGE, "because": "refused: shop/rollout.yaml:12", "rejected": rejected}
    asyncio.run(_with_source(api, status))
    yield
    asyncio.run(_without_source(api))


@pytest.mark.usefixtures("refused")
def test_a_commit_that_git_refused_ends_the_wait_at_once_with_its_file_and_line(run: Run) -> None:
    done = run("wait", "reviews", "-n", "shop", "--commit", MERGE, "--timeout", "30m")
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        Exit.INPUT,
        "reviews: refused: shop/rollout.yaml:12: steps[1].weigth is unknown; did you mean weight?",
    )
