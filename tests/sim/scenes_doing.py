"""Scenes of what is done by people elsewhere than in Kubernetes, and by others just before us."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, Subject, When
from tests.sim.scenes_crowded import while_written
from tests.sim.steps import CALM, PUSH, Rows, asks, at

_MANAGED = replace(CALM, subjects=(Subject(workload="managed"),))
_SCALED = replace(CALM, subjects=(Subject(workload="scaled"),))
_MADE = replace(CALM, subjects=(Subject(workload="template", author="host"),))
_GATED = replace(CALM, subjects=(Subject("gated"),))
_ASKED = replace(CALM, chat=True, subjects=(Subject("approved"),))


SLACK: Mapping[str, tuple[Setup, Rows]] = {
    "paused in Slack": (_ASKED, (PUSH, at(40.0, "pressed", "pause"), *asks(60.0, "resume"))),
    "paused in Slack twice": (
        _ASKED,
        (PUSH, at(40.0, "pressed", "pause", times=2), *asks(60.0, "resume")),
    ),
    "aborted in Slack": (_ASKED, (PUSH, at(40.0, "pressed", "abort"))),
    "aborted in Slack, and the process is killed": (
        _ASKED,
        (
            PUSH,
            at(40.0, "pressed", "abort"),
            Mishap("kill", When(40.0, "Rollout", 2, True), value=2.0),
        ),
    ),
    "aborted in Slack as it is told already": (
        _ASKED,
        (PUSH, at(40.0, "pressed", "abort"), at(40.6, "pressed", "abort")),
    ),
    "paused in Slack, and it cannot be written": (
        _ASKED,
        (
            PUSH,
            at(40.0, "conflict", "Rollout", 1.0, times=30),
            at(40.0, "pressed", "pause"),
            *asks(60.0, "resume"),
        ),
    ),
    "paused in Slack, and its mark cannot be written": (
        _ASKED,
        (
            PUSH,
            at(40.0, "pressed", "pause"),
            Mishap("denied", When(40.0, "Rollout", 1, True), "Rollout", lasts=0.5, times=5),
            *asks(60.0, "resume"),
        ),
    ),
    "somebody of a group approves": (
        replace(_ASKED, subjects=(Subject("grouped"),)),
        (PUSH, at(40.0, "approve"), at(45.0, "press by a stranger")),
    ),
    "Slack does not let us into the channel": (
        _ASKED,
        (at(10.0, "slack refuses", lasts=50.0), PUSH, at(90.0, "approve")),
    ),
    "Slack does not let us into the channel, and it is deleted": (
        _ASKED,
        (at(10.0, "slack refuses", lasts=50.0), PUSH, at(45.0, "delete")),
    ),
}
FIRST: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"its autoscaler is {what} by the time it is handed over, {nth}": (
            _SCALED,
            (PUSH, *while_written(do, on, 66.0, nth, **more)),
        )
        for what, do, on, more in (
            ("gone", "autoscaler deleted", "", {"lasts": 10.0}),
            ("there", "autoscaler moved", "v2", {}),
        )
        for nth in (2, 3, 4, 5)
    },
    "its autoscaler is gone at a step": (
        _SCALED,
        (PUSH, at(30.0, "autoscaler deleted", lasts=20.0)),
    ),
    **{
        f"its Deployment is {what} by the time it is scaled, {nth}": (
            _MANAGED,
            (PUSH, *while_written(do, "v2", 20.0, nth, **more)),
        )
        for what, do, more in (
            ("gone", "deployment deleted", {"lasts": 10.0}),
            ("scaled", "deployment scaled", {"value": 2.0}),
        )
        for nth in (1, 2)
    },
    "its old Deployment is drained by the time it is drained": (
        _MANAGED,
        (PUSH, *while_written("deployment scaled", "v1", 88.0, 1)),
    ),
    **{
        f"its configuration is gone by the time it is made, {nth}": (
            _MADE,
            (PUSH, *while_written("configuration deleted", "", 20.0, nth, lasts=20.0)),
        )
        for nth in (1, 2)
    },
    "a bare pod behind the Service as it is adopted": (
        CALM,
        (at(0.0, "a bare pod", lasts=30.0), at(60.0, "push", "v2")),
    ),
    "a bare pod behind the Service, and it is adopted anew": (
        _MANAGED,
        (at(10.0, "replaced by force", value=1.0), at(10.0, "a bare pod", lasts=30.0), PUSH),
    ),
    **{
        f"no pods of stable as it is adopted, {author}": (
            replace(CALM, subjects=(Subject(workload="managed", author=author),)),
            (at(0.0, "stable crashes", lasts=12.0), PUSH),
        )
        for author in ("role", "version", "host")
    },
    "made of a template, and adopted anew": (
        _MADE,
        (at(30.0, "replaced by force", value=1.0), at(60.0, "push", "v2")),
    ),
    "made of a template by role, and adopted anew at a step": (
        replace(CALM, subjects=(Subject(workload="template"),)),
        (PUSH, at(100.0, "replaced by force", value=1.0)),
    ),
    **{
        f"its Service chooses Argo's pods, {what}": (
            CALM,
            (at(19.0, "service of Argo's", lasts=30.0), *more, PUSH),
        )
        for what, more in (
            ("and there are some", ()),
            ("and there are none", (at(19.0, "never ready", lasts=25.0),)),
            ("and there is no Deployment", (at(19.0, "deployment deleted", "v2", 25.0),)),
        )
    },
    **{
        f"no pods of stable as it is adopted, and its Service chooses {what}": (
            _MANAGED,
            (
                at(0.0, "service of Argo's", on, lasts=10.0),
                at(0.0, "stable crashes", lasts=15.0),
                at(25.0, "push", "v2"),
            ),
        )
        for what, on in (("Argo's pods", ""), ("none", "none"))
    },
    "its autoscaler is oddly written": (
        _SCALED,
        (PUSH, at(30.0, "autoscaler oddly written", lasts=20.0)),
    ),
    "applied again by others as everyone is taken back": (
        CALM,
        (PUSH, *asks(40.0, "abort"), Mishap("mesh applied again", When(40.0, "VirtualService", 1))),
    ),
    **{
        f"fields are the author's again, which a tool manages, too, {when:g} s": (
            replace(CALM, fields=True),
            (at(when, "applied by a tool"), PUSH),
        )
        for when in (10.0, 40.0)
    },
    "Argo CD manages its fields, and it is edited": (
        replace(CALM, fields=True, subjects=(Subject(careful=True),)),
        (
            at(10.0, "applied by a tool", "argocd-controller"),
            PUSH,
            at(30.0, "weights edited", value=40.0),
            *asks(50.0, "resume"),
        ),
    ),
    "a second Rollout of its service": (
        CALM,
        (at(10.0, "a second Rollout", lasts=60.0), PUSH),
    ),
    **{
        f"a newer decision by the time its subset means another, {nth}": (
            _MANAGED,
            (
                PUSH,
                at(30.0, "push", "v3"),
                *while_written("mark scribbled", "newer", 30.0, nth),
            ),
        )
        for nth in (1, 2, 3, 4)
    },
    "a second revision comes to the gate": (
        replace(_GATED, calm=240.0),
        (PUSH, at(110.0, "push", "v3")),
    ),
    "retried before the gate": (
        replace(_GATED, calm=240.0),
        (
            PUSH,
            at(20.0, "gate holds", lasts=70.0),
            *asks(60.0, "abort"),
            *asks(80.0, "retry"),
        ),
    ),
    "its gate's Secret is gone": (
        _GATED,
        (at(15.0, "secret gone", "qa", 60.0), PUSH),
    ),
    "nobody is at the gate for long": (_GATED, (PUSH, at(20.0, "gate down", lasts=110.0))),
    "objects of others beside": (
        CALM,
        (at(5.0, "others' objects"), PUSH, at(35.0, "others' objects")),
    ),
    "objects of others beside from the start": (CALM, (at(0.0, "others' objects"), PUSH)),
}
ALL = (SLACK, FIRST)
