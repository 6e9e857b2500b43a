import asyncio

import pytest

from rollout.lab.kube.client import Kind, Kube
from tests.cli.conftest import Run

SOURCE = Kind("rollout.dev", "v1alpha1", "rolloutsources", "RolloutSource")
HELD = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def source(api: str) -> str:
    """A source that holds a commit; answers with its name."""
    name = "git"

    async def put() -> None:
        kube = Kube(api)
        await kube.create(
            SOURCE,
            {
                "apiVersion": "rollout.dev/v1alpha1",
                "kind": "RolloutSource",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {"url": "https://git.invalid/shop"},
            },
        )
        status = {"status": {"commit": "f" * 40, "held": HELD}}
        await kube.patch(SOURCE, "shop", name, status, "status")
        await kube.close()

    asyncio.run(put())
    return name


async def _annotations(api: str) -> dict[str, str]:
    kube = Kube(api)
    found, _ = await kube.list(SOURCE)
    await kube.delete(SOURCE, "shop", "git")
    await kube.close()
    return dict(found[0]["metadata"].get("annotations") or {})


def test_a_held_commit_is_accepted_by_name_and_nothing_else_is(
    run: Run, api: str, source: str
) -> None:
    other = run("accept", source, "-n", "shop", "--commit", "abc")
    assert (other.exit_code, str(other.exception)) == (
        1,
        "rolloutsource shop/git: holds 0123456789; nothing to accept",
    )
    done = run("accept", source, "-n", "shop", "--commit", HELD[:7])
    assert done.exit_code == 0, done.output
    assert asyncio.run(_annotations(api)) == {"rollout.dev/accept": HELD}


def test_a_source_that_is_not_there_is_named(run: Run) -> None:
    gone = run("accept", "nowhere", "-n", "shop")
    assert (gone.exit_code, str(gone.exception)) == (
        1,
        "rolloutsource shop/nowhere: not found",
    )
