"""Guards that can be taken out: a scenario holds, and fails once one line is a careless one."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import pytest


@dataclass(frozen=True)
class Guard:
    """``scenario`` holds, and no longer once ``line`` of ``room`` is the ``careless`` one."""

    scenario: Callable[[], None]
    room: ModuleType
    line: str
    careless: str


def named(guard: Guard) -> str:
    return guard.scenario.__name__


def fails_without(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scenario fails once its guard is taken out."""
    take_out(guard, monkeypatch)
    with pytest.raises(AssertionError):
        guard.scenario()


def take_out(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room's functions are those of the careless source; its classes stay what they are."""
    source = inspect.getsource(guard.room)
    assert source.count(guard.line) == 1, (
        f"{guard.line!r} is there {source.count(guard.line)} times"
    )
    careless = dict(vars(guard.room))
    exec(source.replace(guard.line, guard.careless), careless)
    for name, value in vars(guard.room).items():
        if isinstance(value, type):
            careless[name] = value
        if inspect.isfunction(value) and value.__module__ == guard.room.__name__:
            monkeypatch.setattr(guard.room, name, careless[name])
