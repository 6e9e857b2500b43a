"""Scenes of what is measured: latencies, pods that count apart, stable's past, counters that fail.

Each begins with an hour of stable's (``measured.WAYS``), is judged in a way of its own
(``objects.JUDGED``), and then something happens to the canary, to both, or to what counts them.
"""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.measured import WAYS
from tests.sim.plan import Setup, Subject
from tests.sim.steps import CALM, PUSH, Rows, asks, at

_TIMED = Subject(counts=True, judged="latency", measured="pods")
_USUAL = replace(_TIMED, judged="usual")
_OWN = replace(_TIMED, judged="own")
_ALL = replace(_TIMED, judged="all")
_HELD = replace(_TIMED, careful=True)
_BAD = at(64.0, "bad", lasts=50.0)
_SLOW = at(64.0, "slow answers", lasts=50.0, value=6.0)
_SLOWER = at(25.0, "slow answers", lasts=100.0, value=1.6)

PAST: Mapping[str, tuple[Subject, Rows]] = {
    **{
        f"measured after {way}": (replace(_TIMED, measured=way), (PUSH, _SLOWER))
        for way in WAYS
        if way
    },
    **{
        f"measured after {way}, and it fails": (replace(_USUAL, measured=way), (PUSH, _BAD))
        for way in WAYS
        if way
    },
}
_KINDS = (
    "slower", "quantile", "own", "all", "template", "tolerant",
    "nothing", "shown", "cold", "warm", "patient", "decided", "usual", "usual errors",
)  # fmt: skip
KINDS: Mapping[str, tuple[Subject, Rows]] = {
    **{f"measured by {kind}": (replace(_TIMED, judged=kind), (PUSH,)) for kind in _KINDS},
    **{
        f"measured by {kind}, and it fails": (replace(_TIMED, judged=kind), (PUSH, _BAD))
        for kind in ("own", "all", "template", "shown", "cold", "warm", "patient")
    },
    **{
        f"measured by {kind}, and it is slow": (replace(_TIMED, judged=kind), (PUSH, _SLOW))
        for kind in ("latency", "slower", "quantile", "all", "usual")
    },
    "measured by no such bucket": (replace(_HELD, judged="no such bucket"), (PUSH,)),
    "measured by latency, and everybody is slow at once": (
        replace(_TIMED, judged="latency"),
        (at(10.0, "slow answers", lasts=5.0, value=6.0), PUSH, at(23.0, "slow answers", value=9.0)),
    ),
}
COUNTERS: Mapping[str, tuple[Subject, Rows]] = {
    f"measured by {how.judged}, and {what}": (how, (PUSH, *rows))
    for how in (_TIMED, _OWN, _USUAL)
    for what, rows in {
        "the canary's pods restart": (at(34.0, "counters anew", "v2"), _BAD),
        "stable's pods restart": (at(34.0, "counters anew", "v1"), _BAD),
        "its pods are others": (at(37.0, "counters of others", "v2"), _BAD),
        "stable's pods are others": (at(37.0, "counters of others", "v1"),),
        "nobody counts it": (at(34.0, "uncounted", "v2", lasts=70.0),),
        "nobody counts stable": (at(34.0, "uncounted", "v1", lasts=70.0),),
        "nobody counts anybody": (
            at(34.0, "uncounted", "v1", lasts=110.0),
            at(34.0, "uncounted", "v2", lasts=110.0),
        ),
        "failures have no series": (
            at(30.0, "failures unread", "v1", lasts=20.0),
            at(64.0, "failures unread", "v1", lasts=20.0),
        ),
        "what answers is behind": (at(40.0, "scrapes behind", lasts=20.0, value=6.0), _BAD),
        "what answers is far behind": (at(40.0, "scrapes behind", lasts=12.0, value=31.0),),
        "nobody answers for long": (at(30.0, "prometheus down", lasts=100.0), _BAD),
    }.items()
}
COURSES: Mapping[str, tuple[Subject, Rows]] = {
    f"measured by {how.judged}, {what}": (how, (PUSH, *rows))
    for how in (_TIMED, _USUAL)
    for what, rows in {
        "bad for a moment": (at(50.0, "bad", lasts=20.0),),
        "bad as it rises": (at(62.0, "bad", lasts=60.0),),
        "both fail": (at(50.0, "both fail", lasts=30.0),),
        "both fail as it rises": (at(62.0, "both fail", lasts=20.0),),
        "worse all the time": (at(19.0, "worse", lasts=130.0),),
        "killed in the middle": (
            at(40.0, "kill", value=2.0),
            at(70.0, "kill", value=2.0),
            at(80.0, "slow answers", lasts=50.0, value=1.6),
            at(95.0, "kill", value=2.0),
        ),
        "few come": (at(19.0, "lull", lasts=120.0, value=20.0), _BAD),
        "nobody answers to begin with": (at(15.0, "prometheus down", lasts=14.0),),
        "nobody answers as it is asked of the past": (at(22.0, "prometheus down", lasts=30.0),),
        "most of it fails": (at(64.0, "bad", lasts=60.0, value=0.97),),
        "few come, and it is retried": (
            at(10.0, "lull", lasts=140.0, value=20.0),
            at(25.0, "bad", lasts=30.0),
            *asks(62.0, "abort", "retry", every=10.0),
        ),
        "nobody comes": (at(19.0, "lull", lasts=120.0),),
        "stable is down": (at(45.0, "stable crashes", lasts=30.0), _BAD),
        "few requests find no endpoint": (at(50.0, "no endpoint", lasts=60.0, value=3.0),),
        "many find none": (at(50.0, "no endpoint", lasts=60.0, value=60.0),),
        "hardly any find none": (at(50.0, "no endpoint", lasts=60.0, value=0.4),),
        "it is down": (at(45.0, "canary crashes", lasts=12.0),),
        "the clock is put right": (
            at(18.0, "clock jumps", lasts=30.0, value=600.0),
            _SLOW,
        ),
    }.items()
}
PEOPLE: Mapping[str, tuple[Subject, Rows]] = {
    "measured, held, and people go on": (
        _HELD,
        (PUSH, at(30.0, "bad", lasts=40.0), *asks(80.0, "resume"), at(90.0, "kill", value=2.0)),
    ),
    "measured, held, and it is bad again": (
        _HELD,
        (
            PUSH,
            at(30.0, "bad", lasts=30.0),
            *asks(75.0, "resume"),
            at(100.0, "slow answers", lasts=40.0, value=6.0),
            *asks(146.0, "abort"),
        ),
    ),
    "measured, and suspicious goes back": (
        replace(_TIMED, harsh=True, strategy="boxed"),
        (PUSH, at(25.0, "worse", lasts=120.0)),
    ),
    **{
        f"measured, {strategy}, and it is slow": (
            replace(_TIMED, strategy=strategy),
            (PUSH, at(40.0, "slow answers", lasts=50.0, value=6.0)),
        )
        for strategy in ("testers", "dark", "blue-green", "plain then dressed", "sticky")
    },
    "measured, dark, and nobody comes": (
        replace(_TIMED, strategy="dark"),
        (PUSH, at(19.0, "lull", lasts=100.0)),
    ),
    "measured by quantile, testers, and everybody has it": (
        replace(_TIMED, strategy="testers", judged="quantile"),
        (PUSH, at(110.0, "slow answers", lasts=40.0, value=1.6)),
    ),
    "measured by quantile, testers, and few have it": (
        replace(_TIMED, strategy="testers", judged="quantile"),
        (
            PUSH,
            at(19.0, "lull", lasts=140.0, value=20.0),
            at(21.0, "slow answers", lasts=140.0, value=2.3),
        ),
    ),
    "measured by quantile, all at once": (
        replace(_TIMED, strategy="all at once", judged="quantile"),
        (PUSH, at(40.0, "slow answers", lasts=40.0, value=6.0)),
    ),
    "measured by strict, and nobody comes": (
        replace(_TIMED, judged="strict"),
        (PUSH, at(40.0, "lull", lasts=40.0), at(84.0, "bad", lasts=9.0)),
    ),
    "measured by success rate after poor": (
        replace(_TIMED, strategy="one step", judged="success rate", measured="poor"),
        (PUSH,),
    ),
    "measured by limits of both kinds, beyond them for a while": (
        Subject(judged="dry limits"),
        (PUSH, at(30.0, "bad", lasts=25.0)),
    ),
    "measured by clients who count nothing": (
        replace(_HELD, judged="clients, servers alone", measured="servers alone"),
        (PUSH,),
    ),
    "measured after hopeless, and hardly anybody comes": (
        replace(_TIMED, strategy="one step", judged="", measured="hopeless apart"),
        (PUSH, at(15.0, "lull", lasts=140.0, value=0.6)),
    ),
    **{
        f"measured after hopeless, by {judged or 'errors'}, to all at once": (
            replace(_TIMED, strategy="one step", judged=judged, measured="hopeless apart"),
            (PUSH,),
        )
        for judged in ("", "latency")
    },
    **{
        f"measured by errors twice, {share:.1%} at {seconds:g} s": (
            replace(_TIMED, judged="errors twice"),
            (PUSH, at(seconds, "bad", lasts=90.0, value=share)),
        )
        for share, seconds in ((0.02, 64.0), (0.012, 85.0), (0.008, 85.0))
    },
    "measured by usual quantile, and it is slow as it rises": (
        replace(_TIMED, judged="usual quantile"),
        (PUSH, at(61.0, "slow answers", lasts=90.0, value=3.0)),
    ),
    "measured, testers, all of it": (replace(_ALL, strategy="testers"), (PUSH, _SLOW)),
}
_PATIENT = replace(_TIMED, judged="patient")
_LONG = replace(CALM, calm=420.0)
_LONGER = replace(CALM, calm=2600.0)
WORLDS: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"measured after {way}, and it fails for long": (
            replace(_LONG, subjects=(replace(_USUAL, measured=way, careful=careful),)),
            (PUSH, at(40.0, "bad", lasts=350.0), *asks(250.0, "resume")),
        )
        for way, careful in (("an incident", True), ("a long incident", False), ("an outage", True))
    },
    "measured with patience, and hardly anybody comes": (
        replace(_LONGER, subjects=(replace(_PATIENT, strategy="one step"),)),
        (PUSH, at(24.0, "lull", lasts=2500.0, value=0.01)),
    ),
    "measured with patience, and it is a little worse": (
        replace(_LONG, subjects=(_PATIENT,)),
        (PUSH, at(24.0, "worse", lasts=300.0)),
    ),
    "measured, and nobody answers for ten minutes": (
        replace(CALM, calm=800.0, subjects=(_TIMED,)),
        (PUSH, at(34.0, "prometheus down", lasts=620.0)),
    ),
}
TEMPLATES: Mapping[str, tuple[Subject, Rows]] = {
    f"measured by a template, and {what}": (
        replace(_TIMED, judged="template"),
        (PUSH, at(30.0, "measures written", what, lasts=40.0)),
    )
    for what in ("it is gone", "it wants more", "it has an odd value", "nobody can read it")
}
SCENES = (PAST, KINDS, COUNTERS, COURSES, PEOPLE, TEMPLATES)
"""In a world of one Rollout; ``WORLDS`` say more of theirs."""
