import asyncio
from datetime import UTC, datetime, timedelta

from rollout.controller.loop import GRACE, Loop, Scheduler, Steady, Trouble, clock
from rollout.errors import ConflictError, OutsideError
from tests import virtual

FOREVER = timedelta(days=1)


class Looker:
    """Looks that take ``seconds``, and go wrong as ``errors`` says, in turn."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.errors: list[Exception] = []
        self.again: timedelta | None = None
        self.looks: list[tuple[str, float]] = []
        self.told: list[Trouble] = []
        self.failed: list[tuple[str, bool]] = []
        self.running: list[str] = []
        self.loop = Loop(self.look, virtual.Alarms(), self.tell, self.fails, lambda: 1.0)

    async def look(self, key: str) -> timedelta | None:
        assert key not in self.running
        self.running.append(key)
        self.looks.append((key, asyncio.get_running_loop().time()))
        await asyncio.sleep(self.seconds)
        self.running.remove(key)
        if self.errors:
            raise self.errors.pop(0)
        return self.again

    async def tell(self, trouble: Trouble) -> None:
        self.told.append(trouble)

    def fails(self, error: Exception, raced: bool) -> None:
        self.failed.append((type(error).__name__, raced))

    @property
    def times(self) -> list[float]:
        return [round(time, 3) for _, time in self.looks]


def test_many_wakes_are_one_look_more() -> None:
    async def story() -> None:
        looker = Looker()
        looker.seconds = 1
        for _ in range(100):
            looker.loop.wake("a")
            await asyncio.sleep(0.001)
        await asyncio.sleep(10)
        assert len(looker.looks) == 2

    virtual.run(story())


def test_a_thousand_changes_a_second_are_at_most_twenty_looks_a_second() -> None:
    async def story() -> None:
        looker = Looker()
        for _ in range(1000):
            looker.loop.wake("a")
            await asyncio.sleep(0.001)
        assert len(looker.looks) <= 21

    virtual.run(story())


def test_objects_do_not_wait_for_each_other() -> None:
    async def story() -> None:
        looker = Looker()
        looker.seconds = 5
        for key in "abc":
            looker.loop.wake(key)
        await asyncio.sleep(1)
        assert sorted(looker.running) == ["a", "b", "c"]

    virtual.run(story())


def test_the_next_look_comes_when_time_alone_may_have_changed_something() -> None:
    async def story() -> None:
        looker = Looker()
        looker.again = timedelta(seconds=15)
        looker.loop.wake("a")
        await asyncio.sleep(40)
        assert looker.times == [0, 15, 30]

    virtual.run(story())


def test_a_look_that_asks_for_another_at_once_is_not_a_hot_loop() -> None:
    async def story() -> None:
        looker = Looker()
        looker.again = timedelta(0)
        looker.loop.wake("a")
        await asyncio.sleep(1)
        assert len(looker.looks) <= 32

    virtual.run(story())


def test_failures_wait_longer_and_longer_up_to_a_minute_and_are_told_once() -> None:
    async def story() -> None:
        looker = Looker()
        looker.errors = [OutsideError("prometheus: no answer")] * 100
        looker.loop.wake("a")
        await asyncio.sleep(300)
        waits = [b - a for a, b in zip(looker.times, looker.times[1:], strict=False)]
        assert [round(wait, 1) for wait in waits[:5]] == [0.1, 0.2, 0.4, 0.8, 1.6]
        assert round(max(waits), 3) == 60
        assert [trouble.times for trouble in looker.told] == [3]

    virtual.run(story())


def test_every_look_that_fails_is_counted_whether_or_not_people_hear_of_it() -> None:
    async def story() -> None:
        looker = Looker()
        looker.errors = [ConflictError("somebody wrote first")] * 4 + [OutsideError("no")] * 5
        looker.loop.wake("a")
        await asyncio.sleep(60)
        races = [("ConflictError", True)] * 3 + [("ConflictError", False)]
        assert looker.failed == races + [("OutsideError", False)] * 5

    virtual.run(story())


def test_a_reason_is_told_when_it_is_new_and_again_after_a_while() -> None:
    async def story() -> None:
        looker = Looker()
        looker.errors = [ZeroDivisionError("a bug"), OutsideError("no answer"), OutsideError("no")]
        looker.errors += [OutsideError("no")] * 100
        looker.loop.wake("a")
        await asyncio.sleep(650)
        told = [(str(trouble.error), trouble.times) for trouble in looker.told]
        assert told == [("a bug", 1), ("no", 3), ("no", 15)]

    virtual.run(story())


def test_failures_to_take_weight_away_never_wait_longer_than_two_seconds() -> None:
    async def story() -> None:
        looker = Looker()
        looker.loop.hurried = lambda key: key == "a"
        looker.errors = [OutsideError("no answer")] * 100
        looker.loop.wake("a")
        await asyncio.sleep(60)
        waits = [b - a for a, b in zip(looker.times, looker.times[1:], strict=False)]
        assert round(max(waits), 3) == 2

    virtual.run(story())


def test_what_the_server_asks_us_to_wait_is_waited() -> None:
    async def story() -> None:
        looker = Looker()
        looker.errors = [OutsideError("slow down", retry_after=7.0)]
        looker.loop.wake("a")
        await asyncio.sleep(20)
        assert looker.times == [0, 7]

    virtual.run(story())


def test_a_lost_race_is_looked_at_again_at_once_and_a_fight_is_not() -> None:
    async def story() -> None:
        looker = Looker()
        looker.errors = [ConflictError("somebody wrote first")] * 6
        looker.loop.wake("a")
        await asyncio.sleep(20)
        assert looker.times == [0, 0.05, 0.1, 0.15, 0.95, 2.55, 5.75]

    virtual.run(story())


def test_an_urgent_wake_ends_a_wait_after_failures_and_an_ordinary_one_does_not() -> None:
    async def story() -> None:
        looker = Looker()
        looker.errors = [OutsideError("no answer", retry_after=30.0)]
        looker.loop.wake("a")
        await asyncio.sleep(1)
        looker.loop.wake("a")
        await asyncio.sleep(1)
        assert looker.times == [0]
        looker.loop.wake("a", urgent=True)
        await asyncio.sleep(1)
        assert looker.times == [0, 2]

    virtual.run(story())


def test_an_error_nobody_thought_of_stops_only_its_own_look() -> None:
    async def story() -> None:
        looker = Looker()
        looker.errors = [ZeroDivisionError("a bug")]
        looker.loop.wake("a")
        looker.loop.wake("b")
        await asyncio.sleep(1)
        assert [key for key, _ in looker.looks] == ["a", "b", "a"]

    virtual.run(story())


def test_a_failure_to_tell_of_a_failure_stops_nothing() -> None:
    async def story() -> None:
        looker = Looker()

        async def fails(_: Trouble) -> None:
            raise ZeroDivisionError("a bug in telling")

        looker.loop.troubled = fails
        looker.errors = [OutsideError("no answer")]
        looker.loop.wake("a")
        await asyncio.sleep(1)
        assert looker.times == [0, 0.1]

    virtual.run(story())


def test_stopping_lets_a_look_end_and_begins_none() -> None:
    async def story() -> None:
        looker = Looker()
        looker.seconds, looker.again = 1.5, timedelta(0)
        looker.loop.wake("a")
        await asyncio.sleep(1)
        await looker.loop.stop()
        looker.loop.wake("a")
        looker.loop.wake("b")
        await asyncio.sleep(10)
        assert (looker.times, looker.running) == ([0], [])

    virtual.run(story())


def test_stopping_waits_a_second_for_a_look_and_no_longer() -> None:
    """Whoever is to follow waits for us, and does anew what was left undone."""

    async def story() -> None:
        looker = Looker()
        looker.seconds = 3600
        looker.loop.wake("a")
        await asyncio.sleep(1)
        await looker.loop.stop()
        assert virtual.passed() == 1 + GRACE

    virtual.run(story())


def test_the_looks_that_one_asks_about_are_waited_for_alone() -> None:
    async def story() -> None:
        looker = Looker()
        looker.seconds = 0.5
        looker.loop.wake("a")
        await asyncio.sleep(0.25)
        await looker.loop.idle(lambda key: key == "b")
        assert virtual.passed() == 0.25
        await looker.loop.idle(lambda key: key == "a")
        assert virtual.passed() == 0.5
        await looker.loop.stop()

    virtual.run(story())


def test_what_is_forgotten_does_not_ring() -> None:
    async def story() -> None:
        looker = Looker()
        looker.again = timedelta(seconds=5)
        looker.loop.wake("a")
        await asyncio.sleep(1)
        looker.loop.forget("a")
        await asyncio.sleep(20)
        assert looker.times == [0]

    virtual.run(story())


async def test_the_real_scheduler_rings_once_and_the_last_call_counts() -> None:
    alarms, rung = Scheduler(), asyncio.Event()
    keys: list[str] = []

    def ring(key: str) -> None:
        keys.append(key)
        rung.set()

    alarms.after(FOREVER, "a", ring)
    alarms.after(timedelta(milliseconds=20), "a", ring)
    alarms.after(timedelta(milliseconds=10), "b", ring)
    alarms.off("b")
    alarms.off("nobody")
    async with asyncio.timeout(300):
        await rung.wait()
    alarms.stop()
    assert keys == ["a"]


async def test_the_real_scheduler_rings_many_of_one_moment_but_those_that_were_put_off() -> None:
    alarms, rung, keys = Scheduler(spread=0), asyncio.Event(), list[str]()
    names = [f"shop-{number}" for number in range(500)]

    def ring(key: str) -> None:
        keys.append(key)
        if key == "again":
            rung.set()
        elif len(keys) == len(names) // 2:
            alarms.after(timedelta(0), "again", ring)  # while the others are being rung

    for name in names:
        alarms.after(timedelta(milliseconds=10), name, ring)
    for name in names[::2]:
        alarms.off(name)
    async with asyncio.timeout(300):
        await rung.wait()
    alarms.stop()
    assert sorted(keys) == sorted([*names[1::2], "again"])


def test_the_time_of_alarms_goes_on_whatever_the_wall_clock_is_set_to() -> None:
    seconds = 5.0
    zone = Steady(lambda: seconds)
    before, seconds = datetime.now(zone), 20.0
    an_hour_ahead = (datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=zone)
    assert datetime.now(zone) - before == timedelta(seconds=15)
    assert zone.fromutc(an_hour_ahead) - before == timedelta(seconds=15)


def test_the_clock_keeps_what_a_status_keeps() -> None:
    now = clock()
    assert (now.microsecond % 1000, now.utcoffset()) == (0, timedelta(0))


async def _woken_by_itself(looker: Looker, *, news: bool) -> list[str]:
    """The looks at "a" when the first is woken by what it writes itself."""
    looker.seconds, looker.loop.news = 1.0, lambda _: news
    looker.loop.wake("a")
    await asyncio.sleep(0.5)
    looker.loop.wake("a", echo=True)
    await asyncio.sleep(60)
    return [key for key, _ in looker.looks]


def test_what_a_look_wrote_itself_is_looked_at_again_only_where_there_is_more_in_it() -> None:
    async def story() -> tuple[list[str], list[str]]:
        once = await _woken_by_itself(Looker(), news=False)
        return once, await _woken_by_itself(Looker(), news=True)

    once, twice = virtual.run(story())
    assert (once, twice) == (["a"], ["a", "a"])


def test_an_echo_while_nobody_looks_is_looked_at() -> None:
    async def story() -> list[str]:
        looker = Looker()
        looker.loop.news = lambda _: False
        looker.loop.wake("a", echo=True)
        await asyncio.sleep(60)
        return [key for key, _ in looker.looks]

    assert virtual.run(story()) == ["a"]
