import asyncio
from dataclasses import dataclass

import aiohttp
import pytest

from rollout.web.app import Settings, serve


@dataclass
class Fine:
    wrong: str = ""

    def health(self) -> str:
        return ""

    def readiness(self) -> str:
        return self.wrong

    def notes(self) -> tuple[str, ...]:
        return () if self.wrong else ("may not create Event: Events",)

    def metrics_text(self) -> str:
        return "rollout_leader 1\n"


async def ask(watched: Fine, path: str) -> tuple[int, str]:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(watched, Settings(port=0), ready))
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://{await ready}{path}") as answer,
        ):
            return answer.status, await answer.text()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/healthz", (200, "ok\n")),
        ("/readyz", (503, "nothing heard for 130 s\n")),
        ("/metrics", (200, "rollout_leader 1\n")),
        ("/", (404, "404: Not Found")),
    ],
)
async def test_the_door_tells_health_readiness_and_metrics(
    path: str, wanted: tuple[int, str]
) -> None:
    assert await ask(Fine("nothing heard for 130 s"), path) == wanted


async def test_what_does_not_work_is_named_and_is_no_reason_to_be_taken_out() -> None:
    assert await ask(Fine(), "/readyz") == (200, "ok\nmay not create Event: Events\n")


async def test_the_door_listens_to_this_machine_only() -> None:
    assert Settings().host == "127.0.0.1"
