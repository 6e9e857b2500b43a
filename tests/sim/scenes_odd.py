"""Scenes that nobody plans: scribbled statuses, objects of strangers, waits that never end."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, Subject, When
from tests.sim.steps import CALM, PUSH, Rows, asks, at

_PLAIN = Subject()
_MANAGED = Subject(workload="managed")
_CAREFUL = Subject(careful=True)
_SCALED = Subject(workload="scaled")
_TESTERS = Subject("testers", "managed")
_MADE = Subject(workload="template", author="host")


_AGAIN = at(130.0, "mesh applied again")


def _loses(moment: float, leaf: str) -> Mishap:
    return at(moment, "status scribbled", leaf)


SCRIBBLED: Mapping[str, tuple[Subject, Rows]] = {
    "the status loses its step": (_PLAIN, (PUSH, _loses(30.0, "attempt.step"))),
    "the status loses its step, and people ask": (
        _PLAIN,
        (PUSH, _loses(30.0, "attempt.step"), *asks(30.1, "skip", "approve", every=0.2)),
    ),
    "the status loses its step, and it is promoted": (
        _PLAIN,
        (PUSH, _loses(30.0, "attempt.step"), *asks(30.1, "promote")),
    ),
    "the status loses its step at a gate": (
        Subject("gated"),
        (PUSH, at(20.0, "gate holds", lasts=40.0), _loses(45.0, "attempt.step")),
    ),
    "the status loses its sticky step": (
        Subject("sticky"),
        (PUSH, _loses(50.0, "attempt.step")),
    ),
    "the status loses its canary at a step": (_PLAIN, (PUSH, _loses(30.0, "attempt.canary"))),
    "the status loses its canary at a sticky step": (
        Subject("sticky", "managed"),
        (PUSH, _loses(30.0, "attempt.canary")),
    ),
    "the status loses its canary, and it fails": (
        _MANAGED,
        (PUSH, at(29.0, "bad", lasts=40.0), _loses(30.0, "attempt.canary")),
    ),
    "the status loses its canary while preparing": (
        _MANAGED,
        (PUSH, at(20.0, "never ready", lasts=15.0), _loses(25.0, "attempt.canary")),
    ),
    "the status loses its canary while it bakes": (
        _TESTERS,
        (PUSH, _loses(75.0, "attempt.canary")),
    ),
    "the status loses its canary on the way back": (
        _MANAGED,
        (
            PUSH,
            at(29.0, "stable crashes", lasts=20.0),
            *asks(30.0, "abort"),
            _loses(35.0, "attempt.canary"),
        ),
    ),
    "the status loses stable at rest": (_MANAGED, (_loses(10.0, "stable"), PUSH)),
    "the status loses stable at a step": (_PLAIN, (PUSH, _loses(30.0, "stable"))),
    "the status loses what it is about": (_PLAIN, (_loses(10.0, "subject"), PUSH)),
    "the status loses its subset": (_PLAIN, (PUSH, _loses(30.0, "attempt.subset"))),
    "the status loses its stage": (_MANAGED, (PUSH, _loses(30.0, "stage"))),
    "the status loses its attempt": (_MANAGED, (PUSH, _loses(30.0, "attempt"))),
    "the status loses when it was asked": (_PLAIN, (PUSH, _loses(30.0, "stage.askedAt"))),
    "the status loses when it was confirmed": (_PLAIN, (PUSH, _loses(30.0, "stage.confirmedAt"))),
    "the status is gone": (_MANAGED, (PUSH, _loses(30.0, "epoch"), _loses(50.0, "history"))),
}
ODD: Mapping[str, tuple[Subject, Rows]] = {
    "git names other objects at rest": (_PLAIN, (at(10.0, "other names"), PUSH)),
    "git names other objects at a step": (_MANAGED, (PUSH, at(30.0, "other names"))),
    "git names other objects while stable is down": (
        _MANAGED,
        (PUSH, at(29.0, "stable crashes", lasts=20.0), at(30.0, "other names")),
    ),
    "the objects are ahead": (_PLAIN, (PUSH, at(30.0, "objects are ahead"))),
    "the objects are ahead on the way back": (
        _MANAGED,
        (
            PUSH,
            at(29.0, "stable crashes", lasts=20.0),
            *asks(30.0, "abort"),
            at(33.0, "objects are ahead"),
        ),
    ),
    "its pods are refused while preparing": (
        _MANAGED,
        (
            PUSH,
            at(20.0, "never ready", lasts=25.0),
            at(25.0, "pods refused", "v2", 10.0),
        ),
    ),
    "its pods are lost, and refused": (
        _PLAIN,
        (
            PUSH,
            at(29.9, "pods refused", "v2", 30.0),
            at(30.0, "canary crashes", lasts=20.0),
        ),
    ),
    "stable's pods are refused at rest": (
        _PLAIN,
        (at(5.0, "pods refused", "v1", 8.0), at(5.0, "stable crashes", lasts=9.0), PUSH),
    ),
    "its pods are replaced while preparing": (
        _MANAGED,
        (PUSH, at(20.0, "never ready", lasts=15.0), at(24.0, "pods replaced", "v2", 20.0)),
    ),
    "its pods are replaced before anything": (
        _PLAIN,
        (at(19.0, "pods replaced", "v2", 20.0), PUSH),
    ),
    "its Deployment is gone at a step": (
        _PLAIN,
        (PUSH, at(30.0, "deployment deleted", "v2", 30.0)),
    ),
    "its Deployment is gone, ours to scale": (
        _MANAGED,
        (PUSH, at(30.0, "deployment deleted", "v2", 30.0)),
    ),
    "its Deployment is gone while preparing": (
        _MANAGED,
        (PUSH, at(20.3, "deployment deleted", "v2", 30.0)),
    ),
    "stable's Deployment is gone, ours to scale": (
        _MANAGED,
        (PUSH, at(30.0, "deployment deleted", "v1", 30.0), *asks(35.0, "abort")),
    ),
    "its made Deployment is gone": (_MADE, (PUSH, at(30.0, "deployment deleted", "v2"))),
    "stable's made Deployment is gone": (_MADE, (PUSH, at(30.0, "deployment deleted", "v1"))),
    "stable's made Deployment is gone at rest": (
        _MADE,
        (at(10.0, "deployment deleted", "v1"), PUSH),
    ),
    "no pods in the template, and stable is down": (
        _MADE,
        (
            at(10.0, "stable crashes", lasts=8.0),
            at(11.0, "template edited", "replicas"),
            at(40.0, "template edited", "replicas", value=2.0),
        ),
    ),
    "a template without its configuration from the start": (
        _MADE,
        (at(0.0, "configuration deleted", lasts=15.0), PUSH),
    ),
    "two settings of the template at once": (
        _MADE,
        (
            at(10.0, "template edited", "minReadySeconds", value=3.0),
            at(10.0, "template edited", "replicas", value=4.0),
            PUSH,
        ),
    ),
    "made of a template, and an autoscaler": (
        Subject(workload="template scaled", author="host"),
        (PUSH, at(10.0, "load", value=4.0)),
    ),
    "made of a template, and an autoscaler with less": (
        Subject(workload="template scaled", author="host"),
        (
            at(8.0, "template edited", "replicas", value=1.0),
            PUSH,
            at(30.0, "template edited", "replicas", value=5.0),
        ),
    ),
    "oddly written at a step": (
        _MANAGED,
        (PUSH, at(30.0, "oddly written"), at(50.0, "evenly written")),
    ),
    "oddly written while preparing": (
        _PLAIN,
        (
            PUSH,
            at(20.0, "never ready", lasts=10.0),
            at(22.0, "oddly written"),
            at(37.0, "evenly written"),
        ),
    ),
    "oddly written while it bakes": (
        _TESTERS,
        (PUSH, at(75.0, "oddly written"), at(85.0, "evenly written")),
    ),
    "oddly written as everyone goes over": (
        _PLAIN,
        (
            PUSH,
            Mishap("oddly written", When(20.0, "VirtualService", 4, True)),
            at(95.0, "evenly written"),
        ),
    ),
    "a preview at a host of its own": (Subject("preview"), (PUSH,)),
    "a preview at a host of its own, managed": (Subject("preview", "managed"), (PUSH,)),
    "the canary named at rest": (_PLAIN, (at(10.0, "canary named", value=30.0), PUSH, _AGAIN)),
    "the canary named at rest, and deleted": (
        _PLAIN,
        (at(10.0, "canary named", value=30.0), at(10.0, "delete"), _AGAIN),
    ),
    "the canary named while preparing": (
        _PLAIN,
        (PUSH, at(20.0, "never ready", lasts=10.0), at(22.0, "canary named", value=30.0), _AGAIN),
    ),
    "the canary named as its subset goes": (
        _PLAIN,
        (PUSH, at(86.9, "canary named", value=30.0), _AGAIN),
    ),
    "edited as its pods are lost": (
        _PLAIN,
        (PUSH, at(30.0, "canary crashes", lasts=20.0), at(30.0, "weights edited", value=40.0)),
    ),
    "edited as it is promoted": (
        _PLAIN,
        (PUSH, at(30.0, "weights edited", value=40.0), *asks(30.0, "promote")),
    ),
    "edited on the way back, in the hands of people": (
        replace(_MANAGED, careful=True),
        (
            PUSH,
            at(28.0, "stable crashes", lasts=30.0),
            *asks(30.0, "abort"),
            at(35.0, "weights edited", value=100.0),
        ),
    ),
    "edited while it bakes": (_TESTERS, (PUSH, at(75.0, "weights edited", value=40.0))),
    "its autoscaler is pointed elsewhere again and again": (
        _SCALED,
        (PUSH, at(95.0, "autoscaler pointed")),
    ),
    "its autoscaler cannot be handed over": (
        _SCALED,
        (
            PUSH,
            at(80.0, "forbidden", "HorizontalPodAutoscaler", 40.0, times=1000),
            *asks(95.0, "pause", "resume", every=15.0),
        ),
    ),
    "its autoscaler cannot be handed over, and it is edited": (
        _SCALED,
        (
            PUSH,
            at(80.0, "forbidden", "HorizontalPodAutoscaler", 40.0, times=1000),
            at(95.0, "weights edited", value=40.0),
        ),
    ),
    "its autoscaler cannot be handed over, and it is deleted": (
        _SCALED,
        (
            PUSH,
            at(80.0, "forbidden", "HorizontalPodAutoscaler", 40.0, times=1000),
            at(95.0, "delete"),
        ),
    ),
    "its autoscaler is edited while old pods drain": (
        _SCALED,
        (
            PUSH,
            at(88.5, "autoscaler edited"),
            at(88.5, "forbidden", "HorizontalPodAutoscaler", 30.0, times=1000),
        ),
    ),
    "stable is narrower under its autoscaler": (
        _SCALED,
        (PUSH, at(30.0, "deployment scaled", "v1", value=1.0), *asks(33.0, "abort")),
    ),
    "the Service is gone, ours to scale": (
        _MANAGED,
        (PUSH, at(30.0, "service deleted", lasts=20.0), *asks(33.0, "skip", "abort", every=4.0)),
    ),
    "the Service is gone while old pods drain": (
        _MANAGED,
        (PUSH, at(89.0, "service deleted", lasts=20.0)),
    ),
    "the Service is gone while old pods drain, and deleted": (
        _MANAGED,
        (PUSH, at(89.0, "service deleted", lasts=40.0), at(90.0, "delete")),
    ),
    "the subset cannot be moved": (
        _PLAIN,
        (PUSH, at(80.0, "forbidden", "DestinationRule", 20.0, times=100)),
    ),
    "pushed over on the way back, and aborted": (
        _MANAGED,
        (
            PUSH,
            at(28.0, "stable crashes", lasts=30.0),
            at(30.0, "push", "v3"),
            *asks(36.0, "abort", "abort"),
        ),
    ),
    "everyone at the first step": (Subject("all at once"), (PUSH,)),
    "everyone at the first step, and stable is down": (
        Subject("all at once"),
        (PUSH, at(30.0, "stable crashes", lasts=20.0)),
    ),
    "everyone at the first step, counted": (Subject("all at once", counts=True), (PUSH,)),
    "sticky to all": (Subject("sticky to all"), (PUSH,)),
    "no proxy is known": (_PLAIN, (PUSH, at(20.0, "no proxies", lasts=60.0))),
    "counted, and too few come": (
        Subject(counts=True, careful=True),
        (PUSH, at(10.0, "lull", lasts=130.0, value=7.0), *asks(80.0, "resume", "promote", every=9)),
    ),
}
_LONG = replace(CALM, calm=420.0)
_BOXED = Subject("boxed", careful=True)
_LEAVING = Subject(workload="managed", author="host", careful=True)


def _long(subject: Subject, **more: object) -> Setup:
    return replace(_LONG, subjects=(subject,), **more)  # type: ignore[arg-type]


LONG: Mapping[str, tuple[Setup, Rows]] = {
    "stable is not whole as it begins, and nobody else is there": (
        _long(Subject(author="host", workload="managed"), pods=1, ready_after=8.0),
        (at(19.0, "deployment scaled", "v1", value=4.0), PUSH),
    ),
    "the gate opens at last": (
        _long(Subject("gated", careful=True, counts=True)),
        (PUSH, at(20.0, "gate holds", lasts=220.0)),
    ),
    "the gate opens at last, and numbers are gone": (
        _long(Subject("gated", careful=True, counts=True)),
        (PUSH, at(20.0, "gate holds", lasts=220.0), at(200.0, "prometheus down", lasts=60.0)),
    ),
    "approved too late": (
        _long(Subject("approved"), chat=True),
        (PUSH, *asks(190.0, "approve")),
    ),
    "approved too late, and numbers are gone": (
        _long(Subject("approved"), chat=True),
        (PUSH, at(170.0, "prometheus down", lasts=60.0), *asks(190.0, "approve")),
    ),
    "too few pods for too long": (
        _long(_BOXED),
        (
            PUSH,
            at(25.0, "deployment scaled", "v2", value=1.0),
            at(300.0, "deployment scaled", "v2", value=2.0),
        ),
    ),
    "too few pods for too long, and numbers are gone": (
        _long(_BOXED),
        (
            PUSH,
            at(25.0, "deployment scaled", "v2", value=1.0),
            at(230.0, "prometheus down", lasts=60.0),
            at(330.0, "deployment scaled", "v2", value=2.0),
        ),
    ),
    "too few pods for too long, and it fails": (
        _long(_BOXED),
        (
            PUSH,
            at(25.0, "deployment scaled", "v2", value=1.0),
            at(230.0, "bad", lasts=60.0),
            *asks(300.0, "abort"),
        ),
    ),
    "nobody knows for long, and more time is given": (
        _long(_CAREFUL),
        (
            PUSH,
            at(25.0, "prometheus down", lasts=200.0),
            at(170.0, "deadline edited", "10m"),
            *asks(250.0, "resume"),
        ),
    ),
    "proxies are behind for too long, and people go on": (
        _long(_CAREFUL),
        (PUSH, at(25.0, "proxies behind", lasts=200.0), *asks(180.0, "resume")),
    ),
    "no proxy takes it for too long, and people go on": (
        _long(Subject(careful=True)),
        (
            PUSH,
            at(41.0, "proxies behind", lasts=280.0),
            *asks(250.0, "resume"),
        ),
    ),
    "held as failed, and fails on": (
        _long(_CAREFUL),
        (PUSH, at(30.0, "bad", lasts=200.0), *asks(40.0, "pause"), *asks(60.0, "resume")),
    ),
    "paused by a person, and it fails": (
        _long(_CAREFUL),
        (PUSH, *asks(28.0, "pause"), at(30.0, "bad", lasts=60.0), *asks(120.0, "resume")),
    ),
    "its pods are lost while people decide": (
        _long(_CAREFUL),
        (PUSH, at(28.0, "bad", lasts=30.0), at(50.0, "canary crashes", lasts=20.0)),
    ),
    "deleted, and stable does not come back": (
        _long(_LEAVING),
        (PUSH, at(28.0, "stable crashes", lasts=300.0), at(30.0, "delete")),
    ),
    "deleted, and stable comes back late": (
        _long(_LEAVING),
        (PUSH, at(28.0, "stable crashes", lasts=126.0), at(30.0, "delete")),
    ),
    "deleted while preparing, and nothing can be written": (
        _long(_LEAVING),
        (
            PUSH,
            at(28.0, "denied", "VirtualService", 200.0, times=10000),
            at(30.0, "delete"),
        ),
    ),
    "deleted, and the rule cannot be written": (
        _long(_LEAVING),
        (
            PUSH,
            at(100.0, "forbidden", "DestinationRule", 200.0, times=10000),
            at(101.0, "delete"),
        ),
    ),
    "deleted, and one side of four is back": (
        _long(_LEAVING, pods=4),
        (
            PUSH,
            at(28.0, "stable crashes", lasts=20.0),
            at(29.0, "deployment scaled", "v1", value=1.0),
            at(30.0, "delete"),
            at(60.0, "canary crashes", lasts=100.0),
        ),
    ),
    "one of four is left, and the canary is dead": (
        _long(_PLAIN, pods=4),
        (
            PUSH,
            at(28.0, "deployment scaled", "v1", value=1.0),
            *asks(35.0, "abort"),
            at(50.0, "canary crashes", lasts=30.0),
            at(120.0, "deployment scaled", "v1", value=4.0),
        ),
    ),
    "one of four is left, and both die": (
        _long(Subject("one step"), pods=4),
        (
            PUSH,
            at(28.0, "deployment scaled", "v1", value=1.0),
            at(35.0, "canary crashes", lasts=30.0),
            at(120.0, "deployment scaled", "v1", value=4.0),
        ),
    ),
    "approved as it is aborted": (
        _long(Subject("approved"), chat=True),
        (PUSH, *asks(50.0, "abort"), at(50.0, "approve")),
    ),
    "approved twice, and once more at rest": (
        _long(Subject("approved"), chat=True),
        (PUSH, at(50.0, "pressed twice"), at(50.001, "pressed twice"), at(50.01, "approve")),
    ),
}
NARROW: Mapping[str, tuple[Subject, Rows]] = {
    "two steps of a dark launch, and it is held": (
        Subject("dark held twice"),
        (PUSH, *asks(100.0, "promote")),
    ),
}
SCENES = (NARROW, SCRIBBLED, ODD)
