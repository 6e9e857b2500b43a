"""Scenes of what judges a canary: requests that are counted, and steps that few rollouts have."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Subject
from tests.sim.steps import PUSH, Rows, asks, at

_COUNTS = Subject(counts=True)
_CAREFUL = replace(_COUNTS, careful=True)
_BLIND = replace(_COUNTS, strict=True)

COUNTED: Mapping[str, tuple[Subject, Rows]] = {
    "counted": (_COUNTS, (PUSH,)),
    "counted, managed": (replace(_COUNTS, workload="managed"), (PUSH,)),
    "counted, blue-green": (replace(_COUNTS, strategy="blue-green"), (PUSH,)),
    "counted, testers": (replace(_COUNTS, strategy="testers"), (PUSH,)),
    "counted, sticky": (replace(_COUNTS, strategy="sticky"), (PUSH,)),
    "counted, dark": (replace(_COUNTS, strategy="dark"), (PUSH,)),
    "counted, dressed in the middle": (replace(_COUNTS, strategy="plain then dressed"), (PUSH,)),
    "counted, and it fails": (_COUNTS, (PUSH, at(30.0, "bad", lasts=30.0))),
    "counted, and it fails as its weight rises": (_COUNTS, (PUSH, at(60.0, "bad", lasts=30.0))),
    "counted, and it fails as it is dressed": (
        replace(_COUNTS, strategy="plain then dressed"),
        (PUSH, at(62.5, "bad", lasts=30.0)),
    ),
    "counted, and it fails while it bakes": (
        replace(_COUNTS, strategy="testers"),
        (PUSH, at(95.0, "bad", lasts=30.0)),
    ),
    "counted, and it fails, held": (_CAREFUL, (PUSH, at(30.0, "bad", lasts=30.0))),
    "counted, and it fails, held, mended and resumed": (
        _CAREFUL,
        (PUSH, at(30.0, "bad", lasts=70.0), *asks(104.0, "resume")),
    ),
    "counted, and it is worse": (_COUNTS, (PUSH, at(64.0, "worse", lasts=80.0))),
    "counted, and it is worse at once": (
        _COUNTS,
        (PUSH, at(19.0, "worse", lasts=120.0), *asks(110.0, "resume")),
    ),
    "counted, worse for a moment": (_COUNTS, (PUSH, at(25.0, "worse", lasts=20.0))),
    "counted, worse, and people go back": (
        _COUNTS,
        (PUSH, at(19.0, "worse", lasts=120.0), *asks(120.0, "abort")),
    ),
    "counted, and worse people are asked": (
        _CAREFUL,
        (PUSH, at(64.0, "worse", lasts=60.0), *asks(140.0, "promote")),
    ),
    "counted, and nothing is certain": (_CAREFUL, (PUSH, *asks(90.0, "resume"))),
    "counted, and hardly anybody comes": (
        _CAREFUL,
        (PUSH, at(19.0, "lull", lasts=130.0, value=1.0)),
    ),
    "counted, and nobody comes": (
        _CAREFUL,
        (PUSH, at(19.0, "lull", lasts=130.0), *asks(146.0, "promote")),
    ),
    "counted, and nobody comes to begin with": (
        _BLIND,
        (PUSH, at(10.0, "lull", lasts=25.0)),
    ),
    "counted, and nobody comes for a while": (_COUNTS, (PUSH, at(30.0, "lull", lasts=60.0))),
    "counted, and few come": (_COUNTS, (PUSH, at(19.0, "lull", lasts=100.0, value=20.0))),
    "counted, and nobody answers": (
        _COUNTS,
        (PUSH, at(30.0, "prometheus down", lasts=30.0), at(80.0, "prometheus nan", lasts=10.0)),
    ),
    "counted, and answers are odd": (
        _BLIND,
        (
            PUSH,
            at(24.0, "prometheus two series", lasts=12.0),
            at(45.0, "prometheus partial", lasts=12.0),
            at(70.0, "prometheus empty", lasts=30.0),
        ),
    ),
    "counted, and stable dies under it": (_COUNTS, (PUSH, at(70.0, "stable crashes", lasts=20.0))),
    "counted, and its pods are lost": (_COUNTS, (PUSH, at(70.0, "canary crashes", lasts=20.0))),
    "counted, and its time is over while baking": (
        replace(_CAREFUL, strategy="testers"),
        (PUSH, at(19.0, "lull", lasts=130.0, value=2.0), *asks(80.0, "promote")),
    ),
    "requests say who has the route": (
        _COUNTS,
        (PUSH, at(20.0, "istiod silent", lasts=130.0)),
    ),
    "requests say that it has not": (
        replace(_COUNTS, workload="managed"),
        (
            PUSH,
            at(20.0, "istiod silent", lasts=130.0),
            at(36.0, "proxies behind", lasts=40.0),
            *asks(90.0, "abort"),
        ),
    ),
    "few requests say nothing": (
        _COUNTS,
        (PUSH, at(19.0, "istiod silent", lasts=130.0), at(15.0, "lull", lasts=130.0, value=8.0)),
    ),
    "counted, and other steps": (_COUNTS, (PUSH, at(40.0, "spec edited"))),
    "counted, and its time goes by while proxies are behind": (
        _COUNTS,
        (PUSH, at(62.0, "proxies behind", lasts=50.0)),
    ),
}
_NOBODY = Subject("nobody first")
STEPS: Mapping[str, tuple[Subject, Rows]] = {
    "a step that nobody sees": (_NOBODY, (PUSH, *asks(50.0, "approve"))),
    "a step that nobody sees, and nobody approves": (_NOBODY, (PUSH,)),
    "a step that nobody sees, while it fails": (
        _NOBODY,
        (PUSH, at(22.0, "bad", lasts=20.0), *asks(60.0, "approve")),
    ),
    "a step that nobody sees, counted": (
        replace(_NOBODY, counts=True),
        (PUSH, *asks(50.0, "approve")),
    ),
    "a step that nobody sees, without numbers": (
        _NOBODY,
        (PUSH, at(20.0, "prometheus down", lasts=60.0), *asks(40.0, "approve")),
    ),
    "a step that nobody sees, managed": (
        replace(_NOBODY, workload="managed"),
        (PUSH, *asks(50.0, "approve")),
    ),
    "a preview for nobody": (Subject("unseen"), (PUSH,)),
    "a preview for nobody, managed": (Subject("unseen", "managed"), (PUSH, *asks(50.0, "abort"))),
    "pods by the step": (Subject("sized"), (PUSH,)),
    "pods by the step, managed": (Subject("sized", "managed"), (PUSH,)),
    "pods by the step, and one of two is gone": (
        Subject("sized"),
        (
            PUSH,
            at(30.0, "deployment scaled", "v2", value=1.0),
            at(100.0, "deployment scaled", "v2", value=2.0),
        ),
    ),
    "a mirror between plain steps": (Subject("plain then dressed"), (PUSH,)),
    "a mirror between plain steps, and it fails": (
        Subject("plain then dressed", "managed"),
        (PUSH, at(55.0, "bad", lasts=30.0)),
    ),
    "warm old pods, and it fails": (
        Subject("plain then dressed"),
        (PUSH, at(90.0, "bad", lasts=30.0)),
    ),
}
_KINDS = ("source", "success rate", "dry", "many")
KINDS: Mapping[str, tuple[Subject, Rows]] = {
    **{f"judged by {kind}": (replace(_COUNTS, judged=kind), (PUSH,)) for kind in _KINDS},
    **{
        f"judged by {kind}, and it fails": (
            replace(_COUNTS, judged=kind),
            (PUSH, at(64.0, "bad", lasts=40.0)),
        )
        for kind in ("source", "strict", "success rate", "in all", "dry")
    },
    "judged by strict, and it is worse for a moment": (
        replace(_COUNTS, judged="strict"),
        (PUSH, at(64.0, "worse", lasts=20.0)),
    ),
    "judged by limits that nobody acts upon": (
        Subject(judged="dry limits"),
        (PUSH, at(64.0, "prometheus empty", lasts=30.0)),
    ),
}
SCENES = (COUNTED, STEPS, KINDS)
