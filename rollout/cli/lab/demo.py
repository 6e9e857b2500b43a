"""The demo: a good release and a bad one, pushed to a real repository, met by real requests."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from rollout.cli import cluster, drawn, output
from rollout.cli.cluster import SeenRollout
from rollout.cli.exits import Exit
from rollout.cli.lab import journal, showcase
from rollout.cli.lab.journal import TrialJournal
from rollout.cli.lab.liveness import alive
from rollout.cli.lab.push import Checkout
from rollout.cli.settings import Settings
from rollout.edges.kube import Kube
from rollout.errors import OutsideError, RefusedError
from rollout.lab.load import Ask, Load
from rollout.lab.programs.processes import Child
from rollout.lab.world import World
from rollout.messages import evidence
from rollout.model.status import Phase, RolloutStatus, Stage, Standing, Verdict

ADOPTION = 120.0  # seconds until the first manifest is in force and stable is known
JOURNEY = 75.0  # seconds after which a journey has failed; both together fit two minutes
TICK = 0.5


@dataclass(slots=True)
class Trial:
    """One push, how it should end, and whether it did.

    ``verdicts``: those of the last step.
    """

    revision: str
    stable: str
    promoted: bool
    ended_as_wanted: bool = False
    seconds: float = 0.0
    verdicts: tuple[Verdict, ...] = ()

    @property
    def certified(self) -> bool:
        """Whether it went on by evidence that it is no worse, and not by time alone."""
        proved = [each.standing is Standing.CERTIFIED for each in self.verdicts]
        return bool(proved) and all(proved)


@dataclass(slots=True)
class Demo:
    """Everything that takes part."""

    world: World
    child: Child | None
    load: Load
    kube: Kube
    checkout: Checkout
    journals: list[TrialJournal] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    draw: Callable[[], None] = lambda: None
    said: int = 0


async def play(world: World, child: Child | None, rate: int) -> Exit:
    """Both journeys; OK only if both ended as they should."""
    await world.apply(*showcase.objects())
    await world.serving(showcase.HOST)
    given = Settings(kubeconfig=str(world.kubeconfig), namespace=showcase.NAMESPACE)
    checkout = Checkout(world.git_url, world.kubeconfig.parent / "checkout")
    async with (
        world.load(rate, Ask(host=showcase.HOST)) as load,
        cluster.connected(given, name=showcase.NAME) as kube,
    ):
        demo = Demo(world, child, load, kube, checkout)
        await _adopted(demo)
        await _shown(demo)
        load.take()
    return _summary(demo)


async def _adopted(demo: Demo) -> None:
    """The repository's first commit asks for v1, which serves already."""
    await demo.checkout.push(showcase.FILE, showcase.manifest("v1"), "shop: v1")
    await demo.kube.create(showcase.source(demo.world.git_url))
    output.say(f"pushed v1 to {demo.world.git_url}: it serves already, and is adopted as stable")

    async def known() -> SeenRollout:
        while True:
            try:
                found = await cluster.one(demo.kube, showcase.NAMESPACE, showcase.NAME)
                if found.status.stable is not None and found.status.phase is Phase.HEALTHY:
                    return found
            except RefusedError:
                pass  # not made yet
            alive(demo.child)
            await asyncio.sleep(0.1)

    try:
        await asyncio.wait_for(known(), ADOPTION)
    except TimeoutError:
        raise OutsideError(f"v1 was not adopted within {ADOPTION:g} s; {_words(demo)}") from None


async def _shown(demo: Demo) -> None:
    """The journeys, on a live screen or as plain lines."""
    good, bad = Trial("v2", "v1", promoted=True), Trial(showcase.BAD, "v2", promoted=False)
    if not sys.stdout.isatty():
        demo.draw = lambda: _print_new(demo)
        await _journeys(demo, good, bad)
        return
    with Live(console=drawn.console(), auto_refresh=False) as live:
        demo.draw = lambda: live.update(_picture(demo, live.console), refresh=True)
        await _journeys(demo, good, bad)


async def _journeys(demo: Demo, *trials: Trial) -> None:
    for trial in trials:
        demo.trials.append(trial)
        demo.journals.append(TrialJournal(trial.revision, trial.stable))
        demo.load.take()
        began = asyncio.get_running_loop().time()
        await demo.checkout.push(
            showcase.FILE, showcase.manifest(trial.revision), f"shop: {trial.revision}"
        )
        ended = await _followed(demo, trial)
        trial.seconds = asyncio.get_running_loop().time() - began
        trial.ended_as_wanted = ended
        if not ended:
            return


async def _followed(demo: Demo, trial: Trial) -> bool:
    """Whether the journey ended as it should, in time."""
    book, ticking = demo.journals[-1], asyncio.create_task(_tick(demo))
    outcome: list[bool] = []

    async def tell(found: SeenRollout) -> bool:
        book.add(demo.load.take())
        status = found.status
        if not book.legs and not _concerns(status, trial.revision):
            return False
        book.see(status)
        if status.stage.name in (Stage.STEPPING, Stage.SWITCHING):
            trial.verdicts = status.attempt.verdicts
        demo.draw()
        ended = _ended(status, trial)
        outcome.extend([] if ended is None else [ended])
        return bool(outcome)

    try:
        following = cluster.follow(demo.kube, showcase.NAMESPACE, showcase.NAME, tell)
        await asyncio.wait_for(following, JOURNEY)
        await asyncio.sleep(1.0)  # the last leg deserves some requests of its own
    except TimeoutError:
        output.say(f"{trial.revision}: not at its end within {JOURNEY:g} s; {_words(demo)}")
    finally:
        ticking.cancel()
    book.add(demo.load.take())
    demo.draw()
    return bool(outcome) and outcome[0]


def _concerns(status: RolloutStatus, revision: str) -> bool:
    return status.attempt.canary is not None and status.attempt.canary.name == revision


def _ended(status: RolloutStatus, trial: Trial) -> bool | None:
    """Whether it ended as it should; None while it is under way."""
    if status.stage.name is not Stage.IDLE:
        return None
    rejected = status.rejected.revision.name if status.rejected else ""
    stable = status.stable.name if status.stable else ""
    wanted = (trial.revision, "") if trial.promoted else (trial.stable, trial.revision)
    return (stable, rejected) == wanted


async def _tick(demo: Demo) -> None:
    """For ever: requests are counted and shown although nothing changes."""
    while True:
        await asyncio.sleep(TICK)
        demo.journals[-1].add(demo.load.take())
        alive(demo.child)
        demo.draw()


def _words(demo: Demo) -> str:
    return f"the controller says: {demo.child.last_words()}" if demo.child else ""


def _print_new(demo: Demo) -> None:
    """The sentence of a leg when it begins, its figures when it has ended."""
    lines = []
    for book in demo.journals:
        for number, leg in enumerate(book.legs):
            figures, because = journal.line(leg, book.stable)
            lines.append(f"-> {leg.asked:3}%  {because}")
            if leg is not demo.journals[-1].legs[-1] or book.legs[number + 1 :]:
                lines.append(f"   {figures}")
    for line in lines[demo.said :]:
        print(line, flush=True)
    demo.said = len(lines)


def _picture(demo: Demo, console: Console) -> Group:
    lines: list[Text | Padding] = []
    for book in demo.journals:
        lines.append(Text(f"{book.stable} -> {book.revision}", style="bold"))
        for figures, because in book.lines():
            lines.append(Text(figures))
            lines.append(Padding(Text(because, style="dim"), (0, 0, 0, 4)))
    met = journal.total(demo.journals)
    failed = met.failures.total()
    lines.append(Text(f"{met.requests} requests, {failed} failed", style="bold"))
    return Group(*lines[-(console.height - 1) :])


def _proved(trial: Trial) -> str:
    """Why it went on, in words."""
    count = f"{evidence.number(evidence.requests(trial.verdicts))} requests"
    if trial.certified:
        return f"was certified as no worse than {trial.stable} by {count}"
    return f"went on by its time box without a sign of harm; {count} did not certify it"


def _summary(demo: Demo) -> Exit:
    """The words at the end, and the outcome."""
    say, met = drawn.console().print, journal.total(demo.journals)
    blamed = [f"{count} of {version or 'nobody'}" for version, count in met.failures.items()]
    say("")
    say(f"{met.requests} requests sent, {met.failures.total()} failed: {', '.join(blamed) or '-'}")
    fine = len(demo.trials) == 2
    for trial, book in zip(demo.trials, demo.journals, strict=True):
        outcome = "promoted" if trial.promoted else "taken back"
        within = book.excess == 0
        fine = fine and trial.ended_as_wanted and within
        words = f"{trial.revision} was {outcome} after {trial.seconds:.0f} s"
        if not trial.ended_as_wanted:
            words = f"{trial.revision} should have been {outcome}, and was not"
        share = "never above its step's share" if within else f"{book.excess:.1%} above its share"
        say(f"{words}, {share}")
        if trial.promoted and trial.ended_as_wanted:
            say(f"{trial.revision} {_proved(trial)}")
            for line in evidence.aligned(trial.verdicts):
                say(f"  {line}")
    return Exit.OK if fine else Exit.FAILED
