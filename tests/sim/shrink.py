"""A plan that breaks a law, made as small as it still breaks the same law."""

from collections.abc import Callable
from dataclasses import replace

from tests.sim import story
from tests.sim.plan import Plan, Setup, Subject

TRIES = 120


def law(broken: tuple[str, ...]) -> str:
    """The name of the first law that was broken; empty: none was."""
    return broken[0].partition(":")[0] if broken else ""


def shrunk(failing: Plan, broken: Callable[[Plan], tuple[str, ...]] | None = None) -> Plan:
    """Fewer mishaps in a plainer world, and the same law is broken.

    ``broken``: what a plan breaks; by default, by playing it.
    """
    ask = broken or (lambda plan: story.play(plan).broken)
    wanted, small, tries = law(ask(failing)), failing, 0
    progress = True
    while progress and tries < TRIES:
        progress = False
        for smaller in _smaller(small):
            tries += 1
            if law(ask(smaller)) == wanted:
                small, progress = smaller, True
                break
            if tries >= TRIES:
                break
    return small


def _smaller(plan: Plan) -> list[Plan]:
    """Plans with less in them, the boldest first."""
    count = len(plan.mishaps)
    halves = [range(count // 2), range(count // 2, count)] if count > 3 else []
    single = [[index] for index in reversed(range(count))]
    found = [plan.without([*indexes]) for indexes in (*halves, *single)]
    return found + [replace(plan, setup=setup) for setup in _plainer(plan.setup)]


def _plainer(setup: Setup) -> list[Setup]:
    plain = Setup(calm=setup.calm)
    names = ("replicas", "sourced", "mesh", "chat", "lag", "latency", "ready_after", "pods")
    found = [
        replace(setup, **{name: getattr(plain, name)})
        for name in names
        if getattr(setup, name) != getattr(plain, name)
    ]
    if len(setup.subjects) > 1:
        found.append(replace(setup, subjects=setup.subjects[:1]))
    if setup.subjects != (Subject(),):
        found.append(replace(setup, subjects=(Subject(),)))
    return found
