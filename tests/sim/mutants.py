"""Planted bugs: one guard at a time is spoilt in the syntax tree, and the simulator looks for it.

A mutation is a place in a function and a change of it; the function's code is replaced in this
process, so that whoever has imported it runs the spoilt one.
"""

import argparse
import ast
import importlib
import inspect
import multiprocessing
import multiprocessing.pool
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import FunctionType, ModuleType
from typing import Any

from tests.sim import reach, shrink, story
from tests.sim.plan import Plan

ROOMS = (
    "rollout.reconcile.stages", "rollout.reconcile.decide", "rollout.reconcile.actions",
    "rollout.reconcile.drift", "rollout.reconcile.holding", "rollout.reconcile.journey",
    "rollout.reconcile.leaving", "rollout.reconcile.requests", "rollout.reconcile.look",
    "rollout.reconcile.wanted", "rollout.gate", "rollout.confirm", "rollout.analysis.steprule",
    "rollout.controller.look", "rollout.controller.leader", "rollout.controller.keeping.store",
    "rollout.controller.loop", "rollout.controller.doing.perform",
    "rollout.istio.virtualservice", "rollout.istio.destinationrule", "rollout.istio.memory",
    "rollout.edges.kube.cache", "rollout.edges.kube.watch", "rollout.edges.kube.client",
)  # fmt: skip
_FLIPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutation:
    """``number``: of the guard in its room, in the order of the source; ``how`` it is spoilt."""

    room: str
    function: str
    line: int
    number: int
    how: str

    def __str__(self) -> str:
        return f"{self.room}:{self.line} {self.function}: {self.how}"


def mutations() -> Iterator[Mutation]:
    """Every guard of the rooms, spoilt in every way that fits."""
    for room in ROOMS:
        tree = _tree(importlib.import_module(room))
        for number, (function, node) in enumerate(_guards(tree)):
            for how in _ways(node):
                yield Mutation(room, function, node.lineno, number, how)


def chosen(count: int) -> list[Mutation]:
    """``count`` of them, evenly over all rooms; always the same."""
    every = [*mutations()]
    return [every[index * len(every) // count] for index in range(min(count, len(every)))]


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _guards(tree: ast.Module) -> list[tuple[str, ast.expr]]:
    """The conditions inside functions, with the function's qualified name."""
    found: list[tuple[str, ast.expr]] = []

    def walk(node: ast.AST, name: str, *, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef) and not inside:
                walk(child, f"{name}{child.name}.", inside=False)
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not inside:
                walk(child, f"{name}{child.name}", inside=True)
            else:
                if inside and isinstance(child, ast.If | ast.IfExp):
                    found.append((name, child.test))
                walk(child, name, inside=inside)

    walk(tree, "", inside=False)
    return found


def _ways(test: ast.expr) -> list[str]:
    ways = ["never", "always"]
    if isinstance(test, ast.BoolOp):
        ways += [f"without part {index + 1}" for index in range(len(test.values))]
    if isinstance(test, ast.Compare) and type(test.ops[0]) in _FLIPS:
        ways.append("the other way round")
    return ways


def spoilt(mutation: Mutation) -> ast.Module:
    """The room's tree with that guard spoilt."""
    tree = deepcopy(_tree(importlib.import_module(mutation.room)))
    _, test = _guards(tree)[mutation.number]
    match mutation.how.split():
        case ["never"] | ["always"]:
            new: ast.expr = ast.Constant(mutation.how == "always")
        case ["without", "part", part]:
            assert isinstance(test, ast.BoolOp)
            rest = [v for index, v in enumerate(test.values) if index != int(part) - 1]
            new = rest[0] if len(rest) == 1 else ast.BoolOp(test.op, rest)
        case _:
            assert isinstance(test, ast.Compare)
            flipped = [_FLIPS[type(test.ops[0])](), *test.ops[1:]]
            new = ast.Compare(test.left, flipped, test.comparators)
    _Replace(test, new).visit(tree)
    return ast.fix_missing_locations(tree)


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        if node is self._old:
            return ast.copy_location(self._new, node)
        return self.generic_visit(node)


def plant(mutation: Mutation) -> None:
    """From now on this process runs the spoilt function, whoever has imported it."""
    module = importlib.import_module(mutation.room)
    scratch = dict(vars(module))
    exec(compile(spoilt(mutation), mutation.room, "exec"), scratch)
    old, new = _function(vars(module), mutation), _function(scratch, mutation)
    old.__code__ = new.__code__


def _function(names: dict[str, Any], mutation: Mutation) -> FunctionType:
    outer, _, inner = mutation.function.partition(".")
    found = vars(names[outer])[inner] if inner else names[outer]
    found = getattr(found, "__func__", found)
    found = getattr(found, "fget", None) or found
    assert isinstance(found, FunctionType), mutation
    return found


def hunted(mutation: Mutation, seconds: float, plays: Sequence[Plan]) -> tuple[str, int]:
    """The law that finds it, and at which play; empty: none within ``seconds`` of CPU."""
    plant(mutation)
    began, number = time.process_time(), 0
    for number, one in enumerate(plays, 1):
        if law := shrink.law(story.play(one).broken):
            return law, number
        if time.process_time() - began > seconds:
            break
    return "", number


def _hunt(task: tuple[Mutation, float, Sequence[Plan]]) -> tuple[Mutation, str, int]:
    """In a process of its own, since a spoilt function stays spoilt, and may never end."""
    mutation, seconds, plays = task
    if not plays:
        return mutation, "", 0
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(theirs, mutation, seconds, plays))
    child.start()
    theirs.close()
    try:
        law, number = ours.recv()
    except EOFError:
        law, number = "hangs", 0
    child.join()
    return mutation, law, number


def _child(told: Connection, mutation: Mutation, seconds: float, plays: Sequence[Plan]) -> None:
    """Ends by a signal once it has used far more CPU than a hunt takes: its last play hangs."""
    most = int(3 * seconds) + 20
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    told.send(hunted(mutation, seconds, plays))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, default=80, help="plays besides the scenarios")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    given = parser.parse_args(argv)
    some = chosen(given.count)
    seconds = 60 * given.minutes * given.jobs / len(some)
    began = time.monotonic()
    known = reach.reaches(ROOMS, given.seeds, given.jobs)
    print(f"{len(known)} plays traced, {time.monotonic() - began:.0f} s", flush=True)
    tasks = [(m, seconds, [r.plan for r in known if (m.room, m.line) in r.lines]) for m in some]
    ends: Counter[str] = Counter()
    with multiprocessing.pool.ThreadPool(given.jobs) as pool:
        for mutation, law, number in pool.imap_unordered(_hunt, tasks):
            end = law or ("survives" if number else "unreached")
            ends["found" if law else end] += 1
            print(f"{end:10} play {number:4}  {mutation}", flush=True)
    reached = len(some) - ends["unreached"]
    print(f"{ends['found']} of {len(some)} found, {reached} of them on ways that some play goes")
    print(f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
