"""Users stay on the version they got while weights rise, and are forgotten on the way back."""

import asyncio
import math
import re
from collections import Counter

import aiohttp
import pytest

from tests.lab.journeys.harness import SIGMAS, Journey
from tests.lab.journeys.shop import asked, canary

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]


class Person:
    """Somebody with a browser: keeps cookies, and remembers which versions he met."""

    def __init__(self, journey: Journey) -> None:
        self._url = journey.world.gateway_url
        self._host = journey.shop.host
        self.cookies: dict[str, str] = {"theme": "dark"}
        self.met: list[str] = []

    async def visit(self, http: aiohttp.ClientSession, times: int = 1) -> None:
        for _ in range(times):
            jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            headers = {"Host": self._host, "Cookie": jar}
            async with http.get(self._url, headers=headers) as answer:
                await answer.read()
                self.met.append(answer.headers["x-version"])
                for text in answer.headers.getall("Set-Cookie", ()):
                    name, _, value = re.split("[;]", text)[0].partition("=")
                    self.cookies[name] = value


@pytest.mark.short
async def test_users_never_flip_back_while_weights_rise_and_are_forgotten_on_rollback(
    journey: Journey,
) -> None:
    steps = canary(asked(weight=20), asked(weight=50))
    sticky = {"stickiness": {"cookie": "side", "for": "1h"}}
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps, traffic=sticky)
    people = [Person(journey) for _ in range(200)]
    await journey.push("v2")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        await journey.at_step(0)
        await asyncio.gather(*(person.visit(http, 6) for person in people))
        assert all(len(set(person.met)) == 1 for person in people)
        users = Counter(person.met[-1] for person in people)
        assert near(users["v2"], 0.2, len(people)), users
        await journey.approve(1)
        await asyncio.gather(*(person.visit(http, 6) for person in people))
        later = Counter(person.met[-1] for person in people)
        print(f"at 20 %: {dict(users)}, at 50 %: {dict(later)}")
        assert near(later["v2"], 0.5, len(people)), later
        for person in people:
            assert "".join(person.met).count("v2v1") == 0, person.met
            assert len(set(person.met[6:])) == 1, person.met
        await journey.ask("abort")
        await journey.rejected("v2")
        for person in people:
            person.met.clear()
        await asyncio.gather(*(person.visit(http, 2) for person in people))
        assert {version for person in people for version in person.met} == {"v1"}
        await journey.ask("retry")
        await journey.at_step(0)
        for person in people:
            person.met.clear()
        await asyncio.gather(*(person.visit(http) for person in people))
        anew = Counter(person.met[0] for person in people)
        print(f"at 20 % of the next attempt, with the old cookies: {dict(anew)}")
        assert near(anew["v2"], 0.2, len(people))  # nobody is remembered


def near(users: int, share: float, of: int) -> bool:
    """Whether so many users are within the 99.9 % interval of ``share``."""
    return abs(users - share * of) <= SIGMAS * math.sqrt(share * (1 - share) * of)
