"""Scenes of how a service is found, of four eyes, and of who asks for what there is not."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.sim.plan import Setup, Subject
from tests.sim.steps import CALM, PUSH, Rows, asks, at
from tests.sim.strangers import DIVIDED

_VERSION = Subject(author="version")
_IDLE = Subject(workload="managed", author="version")
_CHAT = replace(CALM, chat=True)


def _chat(strategy: str, **more: object) -> Setup:
    return replace(_CHAT, subjects=(Subject(strategy),), **more)  # type: ignore[arg-type]


def _found() -> Iterator[tuple[str, tuple[Setup, Rows]]]:
    """As nobody could say who is stable, and then somebody mends it."""
    for how in DIVIDED:
        subject = (
            _IDLE if how in ("one without pods", "its subset and the whole service") else _VERSION
        )
        rows = (at(0.0, "divided", how, 30.0), at(60.0, "push", "v2"))
        yield f"divided, {how}", (replace(CALM, subjects=(subject,)), rows)


FOUND: Mapping[str, tuple[Setup, Rows]] = {
    **dict(_found()),
    "divided, and nobody has pods": (
        replace(CALM, subjects=(_IDLE,)),
        (
            at(0.0, "deployment scaled", "v1", value=0.0),
            at(0.0, "divided", "one without pods", 20.0),
            at(40.0, "deployment scaled", "v1", value=2.0),
        ),
    ),
    "git names other objects at a step, held, and proxies are behind": (
        replace(CALM, fields=True, subjects=(Subject(author="edged"),)),
        (PUSH, at(30.0, "other names"), at(30.5, "proxies behind", lasts=20.0)),
    ),
    "pods by the step, and an autoscaler": (
        replace(CALM, pods=4, subjects=(Subject("sized", "scaled"),)),
        (PUSH, at(50.0, "load", value=5.0)),
    ),
    "asked for what there is not": (
        CALM,
        (PUSH, *asks(25.0, "bless", "", "pause", "bless", "pause", "resume")),
    ),
    "four eyes, and nobody knows the author": (
        _chat("four eyes"),
        (PUSH, at(40.0, "approve"), *asks(45.0, "approve", "reject", "abort", every=15.0)),
    ),
    "four eyes, and git knows the author": (
        _chat("four eyes", sourced=True),
        (PUSH, *asks(40.0, "approve"), at(50.0, "approve"), at(60.0, "press by a stranger")),
    ),
    "two people are asked": (
        _chat("two people"),
        (
            PUSH,
            at(40.0, "pressed twice"),
            at(50.0, "approved late", lasts=1.0),
            *asks(60.0, "approve"),
            at(65.0, "press by a stranger"),
            *asks(70.0, "promote"),
        ),
    ),
    "approved for the attempt before": (
        _chat("approved"),
        (
            PUSH,
            at(38.0, "approved late", lasts=22.0),
            *asks(45.0, "abort", "retry", every=5.0),
            *asks(100.0, "approve", "promote", every=10.0),
        ),
    ),
}
