"""Scenes of what is made or found: pods of a template, a split, two routes, a scribbled status."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, Subject, When
from tests.sim.steps import CALM, PUSH, Rows, asks, at

_MADE = Subject(workload="template", author="host")
_BY_ROLE = Subject(workload="template")
MADE: Mapping[str, tuple[Subject, Rows]] = {
    "made of a template": (_MADE, (PUSH,)),
    "made of a template, by role": (_BY_ROLE, (PUSH,)),
    "made of a template, thrice": (
        _MADE,
        (PUSH, *asks(26.0, "promote"), at(60.0, "push", "v3"), *asks(66.0, "promote")),
    ),
    "made of a template, and it fails": (_BY_ROLE, (PUSH, at(30.0, "bad", lasts=30.0))),
    "made of a template, and deleted": (_MADE, (PUSH, at(30.0, "delete"))),
    "made of a template, and called off": (_MADE, (PUSH, at(20.5, "push", "v1"))),
    "made of a template, warm old pods": (replace(_MADE, strategy="testers"), (PUSH,)),
    "more pods in the template at rest": (
        _MADE,
        (at(10.0, "template edited", "replicas", value=3.0), PUSH),
    ),
    "fewer pods in the template at rest": (
        _MADE,
        (
            at(5.0, "template edited", "replicas", value=4.0),
            at(12.0, "template edited", "replicas", value=1.0),
        ),
    ),
    "more pods in the template under way": (
        _MADE,
        (PUSH, at(30.0, "template edited", "replicas", value=3.0)),
    ),
    "as many pods in the template as there are": (
        _MADE,
        (PUSH, at(30.0, "template edited", "replicas", value=2.0)),
    ),
    "no pods in the template": (
        _MADE,
        (at(10.0, "template edited", "replicas"), at(15.0, "rollout touched"), PUSH),
    ),
    "no pods in the template under way": (
        _MADE,
        (PUSH, at(30.0, "template edited", "replicas")),
    ),
    "its author scales it, and the template says otherwise": (
        _MADE,
        (at(8.0, "deployment scaled", "v1", value=4.0), at(14.0, "rollout touched"), PUSH),
    ),
    "a setting in the template at rest": (
        _MADE,
        (at(10.0, "template edited", "minReadySeconds", value=3.0), PUSH),
    ),
    "a setting in the template under way": (
        _MADE,
        (PUSH, at(30.0, "template edited", "minReadySeconds", value=3.0)),
    ),
    "a setting in the template as pods are asked for": (
        _MADE,
        (PUSH, at(20.05, "template edited", "minReadySeconds", value=3.0)),
    ),
    "a setting in the template, and deleted": (
        _MADE,
        (
            PUSH,
            at(28.0, "stable crashes", lasts=20.0),
            at(29.0, "delete"),
            at(30.0, "template edited", "minReadySeconds", value=3.0),
        ),
    ),
    "its canary is edited": (_MADE, (PUSH, at(30.0, "rebuilt", "v2"))),
    "its canary is edited while preparing": (
        _MADE,
        (PUSH, at(20.0, "never ready", lasts=18.0), at(25.0, "rebuilt", "v2")),
    ),
    "its stable is edited": (_MADE, (PUSH, at(30.0, "rebuilt", "v1"))),
    "its stable is edited at rest": (_MADE, (at(10.0, "rebuilt", "v1"), PUSH)),
    "its configuration is gone": (
        _MADE,
        (PUSH, at(30.0, "configuration deleted", lasts=30.0)),
    ),
    "its configuration is gone at rest": (
        _MADE,
        (at(10.0, "configuration deleted", lasts=30.0), PUSH),
    ),
    "its configuration is gone on the way back": (
        _MADE,
        (
            PUSH,
            at(29.0, "stable crashes", lasts=20.0),
            *asks(30.0, "abort"),
            at(31.0, "configuration deleted", lasts=40.0),
        ),
    ),
    "its configuration is gone while it bakes": (
        replace(_MADE, strategy="testers"),
        (PUSH, at(75.0, "configuration deleted", lasts=40.0)),
    ),
    "its configuration is gone while it bakes, and deleted": (
        replace(_MADE, strategy="testers"),
        (PUSH, at(75.0, "configuration deleted", lasts=40.0), at(85.0, "delete")),
    ),
    "its configuration is gone while paused": (
        _MADE,
        (
            PUSH,
            *asks(28.0, "pause"),
            at(30.0, "configuration deleted", lasts=20.0),
            *asks(70.0, "resume"),
        ),
    ),
}
_SPLIT = Subject(author="split")
_READY = replace(CALM, ready_after=0.0, subjects=(_SPLIT,))
_EDGED = replace(CALM, subjects=(Subject(author="edged"),))
_RULED = replace(CALM, subjects=(Subject(workload="managed", author="edged"),))


def _split(**changes: object) -> Setup:
    return replace(_READY, subjects=(replace(_SPLIT, **changes),))  # type: ignore[arg-type]


FOUND: Mapping[str, tuple[Setup, Rows]] = {
    "a split was there": (_READY, ()),
    "a split was there, below the first step": (_split(strategy="one step"), ()),
    "a split was there, and one side has no pods": (replace(CALM, subjects=(_SPLIT,)), ()),
    "a split was there, and its pods go": (_READY, (at(0.2, "canary crashes", lasts=30.0),)),
    "a split was there, and stable's pods go": (_READY, (at(0.2, "stable crashes", lasts=30.0),)),
    "a split was there, and the rules say no": (
        _READY,
        (at(0.0, "service deleted", lasts=20.0), at(30.0, "push", "v3")),
    ),
    "a split was there, and it is called off": (_READY, (at(0.01, "push", "v1"),)),
    "a split was there, and its pods are few": (
        _split(),
        (
            at(0.0, "deployment scaled", "v2", value=0.0),
            at(30.0, "deployment scaled", "v2", value=2.0),
        ),
    ),
    "a split was there, and it is deleted": (_READY, (at(0.05, "delete"),)),
    "a split was there, and it is edited": (_READY, (at(10.0, "weights edited", value=50.0),)),
    "a split was there, and it fails": (_READY, (at(10.0, "bad", lasts=30.0),)),
    "a split was there, in the hands of people": (
        _split(careful=True, strategy="approved"),
        asks(40.0, "approve", "abort", every=60.0),
    ),
    "two routes": (_EDGED, (PUSH,)),
    "one of two routes is gone at a step": (
        _EDGED,
        (PUSH, at(30.0, "second route gone", lasts=30.0)),
    ),
    "one of two routes is gone at rest": (
        _EDGED,
        (at(10.0, "second route gone", lasts=30.0), PUSH),
    ),
    "one of two routes is gone, and it fails": (
        _RULED,
        (PUSH, at(30.0, "second route gone", lasts=40.0), at(35.0, "bad", lasts=30.0)),
    ),
    "one of two routes is gone, and it is deleted": (
        _RULED,
        (PUSH, at(30.0, "second route gone", lasts=60.0), at(35.0, "delete")),
    ),
    "one of two routes is gone, and people ask": (
        _EDGED,
        (
            PUSH,
            at(30.0, "second route gone", lasts=40.0),
            *asks(33.0, "pause", "resume", "promote"),
        ),
    ),
    "one of two routes is gone before anything": (
        _EDGED,
        (at(0.0, "second route gone", lasts=20.0),),
    ),
    "one of two routes is gone as it begins": (
        _EDGED,
        (PUSH, Mishap("second route gone", When(20.0, "DestinationRule", 1), lasts=30.0)),
    ),
}
_FIELDS = replace(CALM, fields=True)
FIELDS: Mapping[str, tuple[Setup, Rows]] = {
    "whose fields they are": (_FIELDS, (PUSH,)),
    "whose fields they are, on the way back": (_FIELDS, (PUSH, *asks(30.0, "abort"))),
    "whose fields they are, and it is deleted": (_FIELDS, (PUSH, at(30.0, "delete"))),
    "whose fields they are, and it is deleted at rest": (_FIELDS, (PUSH, at(100.0, "delete"))),
    "whose fields they are, while somebody edits": (
        _FIELDS,
        (PUSH, at(86.5, "weights edited", value=40.0), at(87.2, "mesh applied again")),
    ),
    "whose fields they are, and proxies are behind": (
        _FIELDS,
        (PUSH, at(86.0, "proxies behind", lasts=30.0)),
    ),
    "whose fields they are, and the rule cannot be written": (
        _FIELDS,
        (PUSH, at(86.0, "forbidden", "DestinationRule", 30.0, times=100)),
    ),
    "whose fields they are, and others' pods": (
        replace(_FIELDS, subjects=(Subject(author="host", workload="managed"),)),
        (PUSH,),
    ),
}
WORLDS = (FOUND, FIELDS)
