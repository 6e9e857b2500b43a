"""The stops of an upgrade in their order; each is a state, and something that it is about."""

from dataclasses import dataclass
from datetime import timedelta

from rollout.model.spec import MINUTE, Approval, Step
from rollout.model.upgrade import (
    ControlPlaneUpgradeSpec,
    DefaultMove,
    GatewayMove,
    TagMove,
    Wave,
)
from rollout.model.upgrading import State, UpgradeStatus

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop: what it changes, and how it is judged.

    ``bake``: the least time from its confirmation; ``time_box``: until when evidence is waited for.
    """

    state: State
    name: str
    wave: Wave | None = None
    gateway: GatewayMove | None = None
    tag: str = ""
    bake: timedelta = timedelta(0)
    time_box: timedelta | None = None
    approval: Approval | None = None

    @property
    def step(self) -> Step:
        """The stop as the gate knows it."""
        return Step(name=self.name, bake=self.bake, time_box=self.time_box, approval=self.approval)

    @property
    def judged(self) -> bool:
        """Whether requests can tell whether it went well."""
        return self.state in _JUDGED


_JUDGED = frozenset({
    State.CANARY,
    State.WAVES,
    State.GATEWAYS,
    State.TAGS,
    State.BAKE,
    State.RETURNING,
})  # fmt: skip


def stops(spec: ControlPlaneUpgradeSpec) -> tuple[Stop, ...]:
    """All stops from preflight to removal."""
    first = [Stop(state, state.lower()) for state in (State.PREFLIGHT, State.BASE, State.INSTALL)]
    canary = [_wave(State.CANARY, spec.canary)] if spec.canary else []
    waves = [_wave(State.WAVES, wave) for wave in spec.waves]
    gateways = [
        Stop(
            State.GATEWAYS,
            move.name,
            gateway=move,
            bake=move.bake,
            time_box=move.time_box,
            approval=move.approval,
        )
        for move in spec.gateways
    ]
    tags = [_tag(tag.name, tag) for tag in spec.tags]
    if spec.default is not None:
        tags.append(_tag(DEFAULT, spec.default))
    last = [
        Stop(State.BAKE, "bake", bake=spec.bake, time_box=spec.bake or None),
        Stop(State.NODES, "nodes"),
        Stop(State.REMOVE, "remove", approval=spec.approval),
        Stop(State.DONE, "done"),
    ]
    return (*first, *canary, *waves, *gateways, *tags, *last)


def _tag(name: str, move: TagMove | DefaultMove) -> Stop:
    """A tag moves no request by itself: its bake is all the time that harm has to show."""
    box = move.bake or None
    return Stop(State.TAGS, name, tag=name, bake=move.bake, time_box=box, approval=move.approval)


def _wave(state: State, wave: Wave) -> Stop:
    return Stop(
        state,
        wave.name,
        wave=wave,
        bake=wave.bake,
        time_box=wave.time_box,
        approval=wave.approval,
    )


def current(spec: ControlPlaneUpgradeSpec, status: UpgradeStatus) -> Stop:
    """The stop that the status names; one that git no longer has is of its state alone.

    What it has moved is judged all the same, for a minute at least. A status that names none, as
    somebody may edit it, is at the first of its state.
    """
    if status.state is State.RETURNING:
        return _back(spec, status)
    stop = status.attempt.stop
    of_state = (one for one in stops(spec) if one.state is status.state)
    known = (one for one in of_state if stop is None or one.name == stop.name)
    name = stop.name if stop else status.state.lower()
    return next(known, Stop(status.state, name, bake=MINUTE))


def _back(spec: ControlPlaneUpgradeSpec, status: UpgradeStatus) -> Stop:
    """The way back: watched for as long as the longest of the waves that it takes back."""
    begun = {wave.group for wave in status.attempt.waves}
    taken = [wave for wave in spec.groups if wave.name in begun]
    boxes = [wave.time_box for wave in taken if wave.time_box is not None]
    return Stop(
        State.RETURNING,
        "back",
        bake=max((wave.bake for wave in taken), default=MINUTE),
        time_box=max(boxes) if boxes and len(boxes) == len(taken) else None,
    )


def following(spec: ControlPlaneUpgradeSpec, status: UpgradeStatus) -> Stop:
    """The stop after the one we are at; where git has dropped that, the first not passed yet."""
    every, here = stops(spec), current(spec, status)
    if here in every:
        return every[every.index(here) + 1]
    order, begun = list(State), {wave.group for wave in status.attempt.waves}
    return next(
        one
        for one in every
        if order.index(one.state) > order.index(here.state)
        or (one.state is here.state and one.wave is not None and one.name not in begun)
    )
