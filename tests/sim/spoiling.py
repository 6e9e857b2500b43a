"""One guard at a time is spoilt in the syntax tree, and it is asked where that makes a difference.

A mutation is a place in a function and a change of it; the function's code is replaced in this
process, so that whoever has imported it runs the spoilt one.
"""

import ast
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from types import FunctionType, ModuleType
from typing import Any

ROOMS = (
    "rollout.reconcile.stages", "rollout.reconcile.decide", "rollout.reconcile.actions",
    "rollout.reconcile.drift", "rollout.reconcile.holding", "rollout.reconcile.journey",
    "rollout.reconcile.leaving", "rollout.reconcile.requests", "rollout.reconcile.look",
    "rollout.reconcile.wanted", "rollout.reconcile.adopt", "rollout.reconcile.ask",
    "rollout.reconcile.handover", "rollout.reconcile.identity", "rollout.reconcile.naming",
    "rollout.reconcile.serving",
    "rollout.reconcile.subject", "rollout.reconcile.takeover", "rollout.reconcile.transitions",
    "rollout.requests", "rollout.approvals", "rollout.strategies", "rollout.strategies.plan",
    "rollout.gate", "rollout.confirm", "rollout.analysis.steprule",
    "rollout.analysis.asking", "rollout.analysis.counters", "rollout.analysis.evidence",
    "rollout.analysis.incidents", "rollout.analysis.judge", "rollout.analysis.learning",
    "rollout.analysis.limits", "rollout.analysis.memory", "rollout.analysis.plan",
    "rollout.analysis.sequential", "rollout.analysis.standing", "rollout.analysis.window",
    "rollout.upgrade.actions", "rollout.upgrade.ask", "rollout.upgrade.decide",
    "rollout.upgrade.drift", "rollout.upgrade.ending", "rollout.upgrade.gateways",
    "rollout.upgrade.gating", "rollout.upgrade.herding", "rollout.upgrade.installing",
    "rollout.upgrade.inventory", "rollout.upgrade.inventory.config",
    "rollout.upgrade.inventory.gateways", "rollout.upgrade.inventory.planes",
    "rollout.upgrade.inventory.remarks", "rollout.upgrade.inventory.spaces",
    "rollout.upgrade.inventory.workloads",
    "rollout.upgrade.journal", "rollout.upgrade.look", "rollout.upgrade.members",
    "rollout.upgrade.moving", "rollout.upgrade.passing", "rollout.upgrade.planning",
    "rollout.upgrade.requests", "rollout.upgrade.rules.case", "rollout.upgrade.rules.dataplane",
    "rollout.upgrade.rules.gateways", "rollout.upgrade.rules.injection",
    "rollout.upgrade.rules.paths", "rollout.upgrade.rules.planes",
    "rollout.upgrade.rules.remarks",
    "rollout.upgrade.stages", "rollout.upgrade.stops", "rollout.upgrade.tags",
    "rollout.upgrade.transitions", "rollout.upgrade.users", "rollout.upgrade.versions",
    "rollout.upgrade.watching",
    "rollout.upgrade.waves", "rollout.upgrade.wayback", "rollout.upgrade.whole",
    "rollout.upgrade.switchover.ask", "rollout.upgrade.switchover.asking",
    "rollout.upgrade.switchover.before", "rollout.upgrade.switchover.decide",
    "rollout.upgrade.switchover.ending", "rollout.upgrade.switchover.judging",
    "rollout.upgrade.switchover.look", "rollout.upgrade.switchover.progress",
    "rollout.upgrade.switchover.requests", "rollout.upgrade.switchover.served",
    "rollout.upgrade.switchover.shifting", "rollout.upgrade.switchover.stages",
    "rollout.upgrade.switchover.transitions",
    "rollout.controller.switching.clusters", "rollout.controller.switching.doing",
    "rollout.controller.switching.following", "rollout.controller.switching.look",
    "rollout.controller.switching.seeing", "rollout.controller.switching.store",
    "rollout.dns.endpoint",
    "rollout.controller.upgrading.doing", "rollout.controller.upgrading.following",
    "rollout.controller.upgrading.keeping", "rollout.controller.upgrading.looks",
    "rollout.controller.upgrading.owned", "rollout.controller.upgrading.seeing",
    "rollout.controller.upgrading.trials",
    "rollout.controller.look", "rollout.controller.leader", "rollout.controller.keeping.store",
    "rollout.controller.loop", "rollout.controller.doing.perform",
    "rollout.controller.doing.deployments",
    "rollout.controller.keeping.inbox",
    "rollout.controller.keeping.changing", "rollout.controller.keeping.finalizer",
    "rollout.controller.seeing.concerns", "rollout.controller.seeing.hooks",
    "rollout.controller.seeing.mesh", "rollout.controller.seeing.observe",
    "rollout.controller.seeing.pods", "rollout.controller.seeing.serving",
    "rollout.controller.seeing.spoken", "rollout.controller.shards", "rollout.controller.sharing",
    "rollout.istio.virtualservice", "rollout.istio.destinationrule", "rollout.istio.memory",
    "rollout.istio.beside", "rollout.istio.fields", "rollout.istio.hosts",
    "rollout.istio.owner", "rollout.istio.refusals",
    "rollout.istio.traffic", "rollout.istio.routes.apart", "rollout.istio.routes.delegated",
    "rollout.istio.routes.divided", "rollout.istio.routes.listing", "rollout.istio.routes.made",
    "rollout.istio.routes.matches", "rollout.istio.routes.problems", "rollout.istio.routes.shares",
    "rollout.istio.routes.wanted",
    "rollout.edges.kube.cache", "rollout.edges.kube.watch", "rollout.edges.kube.client",
)  # fmt: skip
SWITCHOVER = "rollout.upgrade.switchover"
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

    @property
    def turn(self) -> "Turn":
        return self.room, self.number, self.how

    def __str__(self) -> str:
        return f"{self.room}:{self.line} {self.function}: {self.how}"


def mutations(rooms: Iterable[str] = ()) -> Iterator[Mutation]:
    """Every guard of the rooms, spoilt in every way that fits; empty: of all of ``ROOMS``."""
    for room in _asked(rooms):
        tree = _tree(importlib.import_module(room))
        for number, (function, node) in enumerate(_guards(tree)):
            for how in _ways(node):
                yield Mutation(room, function, node.lineno, number, how)


def _asked(rooms: Iterable[str]) -> Iterator[str]:
    asked = tuple(f"rollout.{room}" for room in rooms) or ROOMS
    for room in ROOMS:
        if any(_means(one, room) for one in asked):
            yield room


def _means(asked: str, room: str) -> bool:
    """Whether who asks for that room means this one; another journey's is no part of it."""
    inside = room == asked or room.startswith(f"{asked}.")
    return inside and room.startswith(SWITCHOVER) <= asked.startswith(SWITCHOVER)


def chosen(count: int, rooms: Iterable[str] = (), seed: int = 0) -> list[Mutation]:
    """``count`` of them, evenly over the rooms; always the same of the same ``seed``."""
    every = [*mutations(rooms)]
    count = min(count, len(every))
    shift = Random(seed).random() if seed else 0.0
    return [every[int((index + shift) * len(every) / count)] for index in range(count)]


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
    _Replace(test, _changed(test, mutation.how)).visit(tree)
    return ast.fix_missing_locations(tree)


def _changed(test: ast.expr, how: str) -> ast.expr:
    """The condition in place of ``test``; it shares what is left of it."""
    match how.split():
        case ["never"] | ["always"]:
            return ast.Constant(how == "always")
        case ["without", "part", part]:
            assert isinstance(test, ast.BoolOp)
            rest = [v for index, v in enumerate(test.values) if index != int(part) - 1]
            return rest[0] if len(rest) == 1 else ast.BoolOp(test.op, rest)
        case _:
            assert isinstance(test, ast.Compare)
            flipped = [_FLIPS[type(test.ops[0])](), *test.ops[1:]]
            return ast.Compare(test.left, flipped, test.comparators)


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
    name = mutation.function
    _function(vars(module), name).__code__ = _function(scratch, name).__code__


def _function(names: dict[str, Any], name: str) -> FunctionType:
    outer, _, inner = name.partition(".")
    found = vars(names[outer])[inner] if inner else names[outer]
    found = getattr(found, "__func__", found)
    found = getattr(found, "fget", None) or getattr(found, "func", found)
    if forget := getattr(found, "cache_clear", None):
        forget()
    while wrapped := getattr(found, "__wrapped__", None):  # what remembers is not what works
        found = wrapped
    assert isinstance(found, FunctionType), name
    return found


_WATCH = "__watch__"
Turn = tuple[str, int, str]
"""Room, number of the guard in it, and how it is spoilt: the mutation would have decided otherwise.
"""


def watch(rooms: Iterable[str] = ()) -> set[Turn]:
    """From now on this process notes which mutations of the rooms would make a difference, here.

    At each guard it is asked what the spoilt one would say. One that cannot answer, as where a part
    is gone that the next relies on, makes a difference.
    """
    seen: set[Turn] = set()
    for room in _asked(rooms):
        module = importlib.import_module(room)
        tree = _tree(module)
        guards = _guards(tree)
        for number, (_, test) in enumerate(guards):
            _Replace(test, _watched(test, number)).visit(tree)
        noted = _noted(seen, room)
        setattr(module, _WATCH, noted)
        scratch = {**vars(module), _WATCH: noted}
        exec(compile(ast.fix_missing_locations(tree), room, "exec"), scratch)
        for name in {name for name, _ in guards}:
            _function(vars(module), name).__code__ = _function(scratch, name).__code__
    return seen


def _watched(test: ast.expr, number: int) -> ast.expr:
    """``test``, which tells what came out of it, and what would have if it were spoilt."""
    partly = [how for how in _ways(test) if how not in ("never", "always")]
    spoilt = [ast.Lambda(_NO_ARGUMENTS, deepcopy(_changed(test, how))) for how in partly]
    names = ast.Tuple([ast.Constant(how) for how in partly], ast.Load())
    arguments = [test, ast.Constant(number), names, *spoilt]
    return ast.Call(ast.Name(_WATCH, ast.Load()), arguments, [])


_NO_ARGUMENTS = ast.arguments([], [], None, [], [], None, [])


def _noted(seen: set[Turn], room: str) -> Callable[..., Any]:
    def noted(value: Any, number: int, partly: Sequence[str], *spoilt: Callable[[], Any]) -> Any:
        said = bool(value)
        seen.add((room, number, "never" if said else "always"))
        for how, asked in zip(partly, spoilt, strict=True):
            turn = room, number, how
            if turn not in seen and _says(asked) is not said:
                seen.add(turn)
        return value

    return noted


def _says(asked: Callable[[], Any]) -> bool | None:
    try:
        return bool(asked())
    except Exception:
        return None
