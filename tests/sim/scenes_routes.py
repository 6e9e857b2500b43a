"""Scenes of VirtualServices as people write them, and of the routes that we write into them."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim import shapes
from tests.sim.plan import Setup, Subject
from tests.sim.steps import CALM, PUSH, Rows, asks, at


def _of(subject: Subject, **more: object) -> Setup:
    return replace(CALM, subjects=(subject,), **more)  # type: ignore[arg-type]


ODD = (
    "all theirs", "all but one", "negative", "no sum", "no weights", "another sum", "twice",
    "divided, and more",
)  # fmt: skip
"""Shapes that cannot be managed, or not as they stand."""
WRITTEN: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"{shape} routes, {strategy}": (_of(Subject(strategy, shape=shape)), (PUSH,))
        for shape in ("matched", "divided")
        for strategy in ("marked", "sticky", "dark", "one step")
    },
    **{
        f"{shape} routes, {strategy}": (_of(Subject(strategy, shape=shape)), (PUSH,))
        for shape in ("passed", "pinned")
        for strategy in ("marked", "one step")
    },
    **{
        f"shared routes, {author}, {workload}": (
            _of(Subject("one step", workload, author, shape="shared")),
            (PUSH, *more),
        )
        for author in ("role", "version", "host")
        for workload, more in (("user", ()), ("managed", asks(35.0, "abort")))
    },
    **{
        f"it names its VirtualService, whose routes are {what}": (
            _of(Subject("one step")),
            (at(5.0, "other names"), at(10.0, "shape written", what, 30.0), PUSH),
        )
        for what in ("handing over", "absent")
    },
    "weights of three": (_of(Subject("one step", shape="of three")), (PUSH,)),
    "it is replaced at a step for testers": (
        _of(Subject("testers", "managed")),
        (PUSH, at(30.0, "replaced by force", value=1.0)),
    ),
    "streams alone": (_of(Subject("one step", shape="streamed")), (PUSH,)),
    "streams alone, and cohorts": (
        _of(Subject("testers", shape="streamed")),
        (PUSH, at(60.0, "push", "v1")),
    ),
    "a cookie of theirs and one of ours": (_of(Subject("cookies")), (PUSH,)),
    **{
        f"{shape} is written {when}": (
            _of(Subject("one step", "managed")),
            (at(moment, "shape written", shape, lasts), PUSH, *more),
        )
        for when, moment, lasts, more in (
            ("at rest", 10.0, 50.0, asks(70.0, "abort")),
            ("at a step", 30.0, 15.0, ()),
            ("at a step, and it is aborted", 30.0, 40.0, asks(40.0, "abort")),
        )
        for shape in ODD
    },
    **{
        f"{shape} that cannot be joined, {strategy}": (
            _of(Subject(strategy, shape=shape)),
            (PUSH, at(60.0, "push", "v1")),
        )
        for shape in (
            "cookies",
            "patterns",
            "choices",
            "unreadable",
            "prefixes",
            "unknown words",
            "another cookie",
        )
        for strategy in ("marked", "cookies", "odd cookie", "same cookie")
    },
    **{
        f"{strategy} of a cohort": (
            _of(Subject(strategy, shape=shape)),
            (PUSH, at(60.0, "push", "v1")),
        )
        for strategy, shape in (
            ("paths", "matched"),
            ("anybody", ""),
            ("claims", ""),
            ("four cookies", ""),
            ("marked", "labelled"),
        )
    },
    **{
        f"its sides are {shape} at a step": (
            _of(Subject("one step", shape=before)),
            (PUSH, at(30.0, "shape written", shape), *asks(50.0, "resume")),
        )
        for shape, before in (
            ("turned round", ""),
            ("mixed", ""),
            ("short", "shared"),
            ("edited", "shared"),
        )
    },
    **{
        f"{strategy}, and it cannot be joined any more": (
            _of(Subject(strategy, "managed")),
            (PUSH, at(25.0, "shape written", "patterns", 15.0), *more),
        )
        for strategy, more in (("marked", ()), ("testers", asks(30.0, "abort")))
    },
    **{
        f"it names its routes, {strategy}": (_of(Subject(strategy, shape="named")), (PUSH, *more))
        for strategy, more in (
            ("marked", ()),
            ("one step", (at(30.0, "other names", "main", value=1.0),)),
            ("testers", (at(30.0, "other names", "main", value=1.0), *asks(50.0, "abort"))),
        )
    },
    **{
        f"it names {what} at {when:g} s": (
            _of(Subject("one step", shape="named")),
            (at(when, "other names", what), PUSH, at(70.0, "other names", "main,more")),
        )
        for what in ("gone", "other", "gone,more", "other,gone")
        for when in (10.0, 30.0)
    },
    **{
        f"its named routes are {what}": (
            _of(Subject("one step", shape="named")),
            (at(when, "shape written", what, 30.0), PUSH),
        )
        for what, when in (("handing over", 10.0), ("all theirs", 30.0), ("absent", 10.0))
    },
    **{
        f"its routes are {what} for a while, {strategy}": (
            _of(Subject(strategy)),
            (at(10.0, "shape written", what, 30.0), PUSH),
        )
        for what in ("handing over", "another sum")
        for strategy in ("one step", "preview")
    },
}
MARKED: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"another rollout's mark, {whose}, at {when:g} s": (
            _of(Subject("one step", "managed")),
            (at(when, "marks of others", whose, 35.0), PUSH, *more),
        )
        for whose in ("same service", "same name", "neither")
        for when, more in ((10.0, ()), (30.0, asks(40.0, "abort")))
    },
    **{
        f"{tool} has it, and it is edited": (
            _of(Subject("one step")),
            (
                at(10.0, "marks of others", tool, 100.0),
                PUSH,
                at(30.0, "weights edited", value=40.0),
            ),
        )
        for tool in ("Argo CD", "Helm")
    },
    "one of two routes is edited, the other is as it should be": (
        _of(Subject("one step", author="edged")),
        (PUSH, at(30.0, "weights edited", value=40.0)),
    ),
    "one of two routes is emptied at a step": (
        _of(Subject("testers", author="edged")),
        (PUSH, at(30.0, "routes emptied", lasts=20.0)),
    ),
    "other routes are named once it is promoted by version": (
        _of(Subject("one step", author="version", shape="named")),
        (PUSH, at(90.0, "other names", "main"), at(95.0, "push", "v3")),
    ),
}
BESIDE: Mapping[str, tuple[Setup, Rows]] = {
    f"at its gateway {beside}, {strategy}": (
        _of(Subject(strategy, beside=beside)),
        (PUSH, at(60.0, "push", "v1")),
    )
    for beside in shapes.BESIDE
    if beside not in ("prefix", "exact", "regex", "a delegate at a gateway")
    for strategy in ("testers", "cookies")
} | {
    f"{strategy} at its gateway {beside}, {shape or 'plain'} routes": (
        _of(Subject(strategy, beside=beside, shape=shape)),
        (PUSH, at(60.0, "push", "v1")),
    )
    for beside, strategy, shape in (
        ("conditions", "testers", "labelled"),
        ("conditions", "testers", "named"),
        ("aside", "one step", "named"),
        ("older", "anybody", ""),
        ("two hosts", "preview", ""),
        ("conditions", "preview", ""),
        ("whatever host", "marked", "labelled"),
    )
}
CHANGED: Mapping[str, tuple[Setup, Rows]] = {
    "others' routes at its gateway are others at a step": (
        _of(Subject("testers", beside="prefix")),
        (PUSH, at(30.0, "beside written", "conditions"), *asks(60.0, "abort")),
    ),
    **{
        f"its routes are to others at a step, {then}": (
            _of(Subject(strategy, "managed")),
            (PUSH, at(30.0, "shape written", "absent", 20.0), *more),
        )
        for strategy, then, more in (
            ("testers", "and back", ()),
            ("one step", "and it is aborted", asks(35.0, "abort")),
            ("one step", "and it is deleted", (at(35.0, "delete"),)),
        )
    },
    "two that nobody names, and one is emptied at a step": (
        _of(Subject("one step", beside="aside")),
        (PUSH, at(30.0, "routes emptied", lasts=15.0)),
    ),
    "another's mark where nothing goes to it": (
        _of(Subject("one step")),
        (
            at(5.0, "other names"),
            at(10.0, "shape written", "absent", 30.0),
            at(12.0, "marks of others", "same service", 20.0),
            PUSH,
        ),
    ),
    "a delegate of its own root, which delegates again": (
        _of(Subject("one step", beside="hands over again")),
        (at(10.0, "shape written", "delegating", 30.0), PUSH),
    ),
    "a delegate that is bound to a gateway for a while": (
        _of(Subject("one step", beside="hands over")),
        (at(10.0, "bound", "a delegate at a gateway", 30.0), PUSH),
    ),
}
ALL = (CHANGED, WRITTEN, MARKED, BESIDE)
