"""Scenes of a switchover between two clusters: what goes wrong, what people do, and say."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, When
from tests.sim.steps import CALM, Rows, at

_PLAIN = replace(CALM, subjects=(), switching="plainly", calm=180.0)
"""Undisturbed, 10 % are asked for at once, half at 46 s, everyone at 92 s, and it ends at 148 s."""


def _of(shape: str, calm: float = 180.0, **more: object) -> Setup:
    return replace(_PLAIN, switching=shape, calm=calm, **more)  # type: ignore[arg-type]


def _asks(seconds: float, *verbs: str, every: float = 2.0) -> Rows:
    """A person asks the switchover for one thing after another."""
    return tuple(at(seconds + every * i, "switchover asked", verb) for i, verb in enumerate(verbs))


def _then(seconds: float, on: str, lasts: float = 0.0) -> Mishap:
    return at(seconds, "switch", on, lasts)


def _as(kind: str, nth: int, do: str, on: str = "", lasts: float = 0.0, **more: object) -> Mishap:
    """As the controller makes its ``nth`` write of a kind."""
    return Mishap(do, When(0.0, kind, nth), on, lasts=lasts, **more)  # type: ignore[arg-type]


def _in_turn(seconds: float, every: float, *edits: str, lasts: float = 0.0) -> Rows:
    return tuple(_then(seconds + every * i, on, lasts or every) for i, on in enumerate(edits))


Scenes = Mapping[str, tuple[Setup, Rows]]
BEGINS: Scenes = {
    "all of it": (_PLAIN, ()),
    "beside a rollout": (
        replace(CALM, switching="plainly", calm=180.0),
        (at(20.0, "push", "v2"),),
    ),
    "what the rules find": (
        _of("plainly", 400.0),
        _in_turn(
            0.0,
            30.0,
            "green has no shop",
            "green has another shop",
            "green lets nobody in",
            "green has no gateway",
            "a rival writes the name",
            "a third record",
            "green has no record",
            "green has no weight",
            "green's API refuses",
        ),
    ),
    "what is tried in the dark": (
        _of("an old TTL", 400.0),
        (
            *_in_turn(
                0.0,
                15.0,
                "green is shut",
                "a name server is silent",
                "strangers are answered",
                "green is not counted",
                "blue is not counted",
                "green answers probes late",
                "the weights are edited",
                "the TTL is raised",
            ),
        ),
    ),
    "it cannot begin for too long": (
        _of("plainly", 300.0),
        (_then(0.0, "green is shut", 160.0), *_asks(170.0, "skip", "resume", "pause", "resume")),
    ),
    "nothing is known of blue's last hour": (
        _of("plainly", 300.0),
        (at(0.0, "prometheus empty", lasts=20.0), at(20.0, "prometheus down", lasts=110.0)),
    ),
    "the weights are of both in the beginning": (
        _PLAIN,
        (_then(0.0, "the weights are edited", 40.0),),
    ),
    "aborted in the dark, and tried again": (
        _of("an old TTL", 300.0),
        (
            *_asks(10.0, "abort", "abort", "promote"),
            *_asks(40.0, "retry", "retry"),
            _then(60.0, "git asks for blue", 20.0),
        ),
    ),
    "paused in the dark": (
        _of("an old TTL", 250.0),
        _asks(5.0, "pause", "pause", "approve", "skip", "resume", every=8.0),
    ),
}
SHAPES: Scenes = {
    "an object in each cluster": (_of("apart"), ()),
    "an object in each cluster, and it fails": (_of("apart"), (_then(60.0, "green fails", 60.0),)),
    "blue is another cluster, too": (_of("abroad"), (_then(60.0, "green fails", 60.0),)),
    "two names": (_of("names"), (_then(60.0, "green fails", 60.0),)),
    "a rule is overruled": (_of("overruled"), ()),
    "answers that no record has": (_of("alias"), ()),
    "errors alone, of few users": (
        _of("errors alone", 300.0),
        (_then(10.0, "hardly anybody comes", 150.0),),
    ),
}
JUDGED: Scenes = {
    "green fails at the first step": (_PLAIN, (_then(33.0, "green fails", 60.0),)),
    "green fails before requests divide": (_PLAIN, (_then(2.0, "green fails", 100.0),)),
    "green fails with everyone there": (_PLAIN, (_then(120.0, "green fails", 50.0),)),
    "green is slow with everyone there": (_PLAIN, (_then(110.0, "green is slow", 60.0),)),
    "green is slow": (_PLAIN, (_then(50.0, "green is slow", 100.0),)),
    "green is a little worse": (
        _of("plainly", 300.0),
        (_then(0.0, "green is a little worse", 280.0),),
    ),
    "green is shut": (_PLAIN, (_then(60.0, "green is shut", 60.0),)),
    "green has no pods, for a moment": (
        _PLAIN,
        (_then(60.0, "green has no pods", 8.0), _then(80.0, "green has no pods", 60.0)),
    ),
    "green answers probes late": (_PLAIN, (_then(60.0, "green answers probes late", 50.0),)),
    "blue fails, too": (
        _of("plainly", 250.0),
        (
            _then(60.0, "blue fails", 60.0),
            _then(60.0, "green fails", 60.0),
            *_asks(140.0, "resume", "skip", every=20.0),
        ),
    ),
    "blue got worse than before": (
        _of("plainly", 300.0),
        (
            _then(40.0, "blue fails", 40.0),
            *_asks(100.0, "resume"),
            _then(125.0, "blue is slow", 40.0),
        ),
    ),
    "blue is shut": (
        _of("plainly", 250.0),
        (_then(35.0, "blue is shut", 60.0),),
    ),
    "blue has one pod": (_of("plainly", 250.0), (_then(35.0, "blue has one pod", 60.0),)),
    "blue has no pods, and green fails": (
        _of("plainly", 300.0),
        (_then(55.0, "blue has no pods", 80.0), _then(60.0, "green fails", 120.0)),
    ),
    "held, mended and resumed": (
        _of("hold", 400.0),
        (
            _then(60.0, "green fails", 40.0),
            *_asks(120.0, "approve", "resume"),
            _then(220.0, "green is shut", 40.0),
        ),
    ),
    "nothing is known": (_of("plainly", 300.0), (at(40.0, "prometheus down", lasts=150.0),)),
    "numbers that are none": (
        _of("plainly", 250.0),
        (
            at(35.0, "prometheus nan", lasts=20.0),
            at(80.0, "prometheus partial", lasts=20.0),
            at(120.0, "prometheus two series", lasts=20.0),
            at(145.0, "prometheus slow", lasts=20.0),
        ),
    ),
    "green is not counted any more": (
        _of("plainly", 400.0),
        (_then(50.0, "green is not counted", 200.0), *_asks(270.0, "resume")),
    ),
    "nobody comes any more": (
        _of("plainly", 400.0),
        (_then(40.0, "nobody comes", 200.0), *_asks(250.0, "resume")),
    ),
}
NAMES: Scenes = {
    "external-dns is stuck": (
        _of("plainly", 300.0),
        (
            _then(47.0, "external-dns is stuck", 160.0),
            *_asks(170.0, "skip", "pause"),
            *_asks(220.0, "resume"),
        ),
    ),
    "external-dns is stuck on the way back": (
        _of("plainly", 400.0),
        (_then(93.0, "external-dns is stuck", 200.0), *_asks(94.0, "abort", "promote", "retry")),
    ),
    "a name server is behind": (
        _of("plainly", 250.0),
        (_then(46.5, "a name server is behind", 60.0),),
    ),
    "a name server is silent, and strangers are answered": (
        _of("plainly", 250.0),
        (_then(47.0, "a name server is silent", 30.0), _then(95.0, "strangers are answered", 40.0)),
    ),
    "the weights are edited": (
        _of("plainly", 300.0),
        (_then(60.0, "the weights are edited"), *_asks(80.0, "skip", "pause", "resume", every=6.0)),
    ),
    "the weights are edited, and it is aborted": (
        _of("plainly", 250.0),
        (
            _then(60.0, "the weights are edited"),
            *_asks(80.0, "abort"),
            _then(81.0, "the weights are edited"),
            _then(95.0, "green's weight is raised a little"),
        ),
    ),
    "the weights are edited, and put back": (
        _of("plainly", 250.0),
        (
            _then(60.0, "the weights are all 0", 25.0),
            _then(110.0, "the weights are put home", 20.0),
        ),
    ),
    "the weights are edited, and green fails": (
        _of("plainly", 250.0),
        (_then(60.0, "the weights are edited"), _then(70.0, "green fails", 60.0)),
    ),
    "the weights are edited as they are to be written": (
        _of("plainly", 300.0),
        (
            _as("ClusterSwitchover", 9, "switch", "green's weight is raised a little"),
            *_asks(120.0, "resume"),
        ),
    ),
    "the weights are edited while blue drains": (
        _of("lingering", 300.0),
        (_then(165.0, "the weights are edited"), *_asks(180.0, "resume")),
    ),
    "others write the records all the time": (
        _of("plainly", 300.0),
        (_then(30.0, "the records are annotated", 100.0),),
    ),
    "the records cannot be read": (
        _of("plainly", 400.0),
        (
            *_in_turn(
                35.0,
                25.0,
                "green has no record",
                "green's weight is no number",
                "a third record",
                "blue's record twice",
                "blue has no record",
                "green has another TTL",
                "the records are gone",
                lasts=15.0,
            ),
        ),
    ),
    "the records are gone, and green fails": (
        _of("plainly", 300.0),
        (_then(60.0, "the records are gone", 60.0), _then(65.0, "green fails", 100.0)),
    ),
    "the TTL is raised under way": (
        _of("plainly", 350.0),
        (_then(35.0, "the TTL is raised"), *_asks(200.0, "resume")),
    ),
}
CLUSTERS: Scenes = {
    "green's API is gone": (
        _of("plainly", 300.0),
        (_then(40.0, "green's API is gone", 60.0), _then(130.0, "green's API refuses", 30.0)),
    ),
    "green's API is gone, and it fails": (
        _of("plainly", 250.0),
        (_then(50.0, "green's API is gone", 120.0), _then(60.0, "green fails", 60.0)),
    ),
    "green's API is slow": (_of("plainly", 250.0), (_then(40.0, "green's API is slow", 60.0),)),
    "green's records cannot be written": (
        _of("apart", 350.0),
        (
            _then(44.0, "green's API is gone", 40.0),
            _then(120.0, "green fails", 60.0),
            _then(122.0, "green's API is gone", 60.0),
        ),
    ),
    "blue's API is gone": (
        _of("abroad", 300.0),
        (
            _then(40.0, "blue's API is gone", 60.0),
            *_asks(130.0, "abort"),
            _then(129.0, "blue's API is gone", 60.0),
            _then(131.0, "blue is shut", 30.0),
        ),
    ),
    "green's kubeconfig": (
        _of("plainly", 350.0),
        _in_turn(
            35.0,
            25.0,
            "green's kubeconfig is gone",
            "green's kubeconfig is empty",
            "green's kubeconfig is no base64",
            "green's kubeconfig is refused",
            lasts=15.0,
        ),
    ),
    "home is gone": (
        _of("plainly", 350.0),
        (at(40.0, "lost before", "", 40.0, times=1000), at(110.0, "broken", "", 30.0, times=1000)),
    ),
    "home is gone, and green fails": (
        _of("plainly", 300.0),
        (
            _then(60.0, "green fails", 120.0),
            at(62.0, "lost before", "DNSEndpoint", 60.0, times=1000),
        ),
    ),
}
ENDS: Scenes = {
    "blue's gateway is restarted": (_of("restarts", 300.0), ()),
    "blue's gateway may not be restarted": (
        _of("may not restart", 400.0),
        (*_asks(300.0, "abort"),),
    ),
    "blue's gateway is restarted, in another cluster": (
        _of("restarts abroad", 350.0),
        (_then(172.0, "blue's API is gone", 30.0),),
    ),
    "users stay at blue": (
        _of("lingering", 400.0),
        (*_asks(200.0, "skip", "resume", "pause", "resume", "pause"), *_asks(300.0, "abort")),
    ),
    "paused while blue drains": (
        _of("lingering", 350.0),
        (
            *_asks(160.0, "pause"),
            _then(165.0, "the last users leave blue"),
            *_asks(210.0, "resume"),
        ),
    ),
    "nothing is counted while blue drains": (
        _of("lingering", 400.0),
        (at(150.0, "prometheus down", lasts=60.0),),
    ),
    "git asks for blue": (_PLAIN, (_then(60.0, "git asks for blue"),)),
    "git asks for blue with everyone on green": (
        _of("plainly", 300.0),
        (_then(110.0, "git asks for blue", 80.0),),
    ),
    "git asks for green at last": (
        _of("at blue", 300.0),
        (
            *_asks(5.0, "promote", "abort", "retry", "pause"),
            _then(20.0, "git asks for green", 50.0),
            _then(90.0, "git asks for green"),
        ),
    ),
    "git asks for blue after the end": (
        _of("plainly", 250.0),
        (_then(170.0, "git asks for blue", 40.0), *_asks(180.0, "abort", "retry", "pause")),
    ),
    "deleted": (_PLAIN, (_then(60.0, "deleted"),)),
    "deleted with everyone on green": (_PLAIN, (_then(110.0, "deleted"),)),
    "deleted, and blue has no pods": (
        _of("plainly", 500.0),
        (_then(55.0, "blue has no pods", 300.0), _then(60.0, "deleted")),
    ),
    "deleted as it goes back": (
        _PLAIN,
        (*_asks(60.0, "abort"), _then(62.0, "deleted")),
    ),
    "other steps": (_of("a ramp", 250.0), (_then(60.0, "other steps"),)),
    "a spec that nobody can read, and an abort": (
        _of("plainly", 300.0),
        (
            _then(60.0, "steps fall", 60.0),
            at(62.0, "kill", value=1.0),
            *_asks(70.0, "pause", "skip", "abort", every=4.0),
        ),
    ),
    "a spec that nobody can read goes on": (
        _of("plainly", 250.0),
        (_then(30.0, "no steps", 60.0),),
    ),
    "other records": (
        _of("plainly", 300.0),
        (_then(60.0, "other records", 60.0),),
    ),
}
PEOPLE: Scenes = {
    "everything is asked, wherever it stands": (
        _of("plainly", 400.0),
        (
            *_asks(1.0, "approve", "retry", "resume", "skip", every=1.0),
            *_asks(40.0, "approve", "reject", "pause", "pause", "resume", every=1.0),
            *_asks(60.0, "promote"),
            *_asks(100.0, "skip", "pause", "resume", "abort", "abort", "pause", "resume"),
            *_asks(160.0, "retry", "skip", "promote", every=10.0),
        ),
    ),
    "skipped and promoted": (_PLAIN, (*_asks(35.0, "skip"), *_asks(70.0, "promote"))),
    "a yes": (_of("people", 250.0), _asks(30.0, "approve", "approve", every=30.0)),
    "a no": (_of("people", 250.0), _asks(60.0, "reject")),
    "nobody answers": (_of("people", 400.0), ()),
    "a yes in Slack": (
        _of("people", 250.0, chat=True),
        (
            at(75.0, "switchover pressed", "approve by U0EVE"),
            at(85.0, "switchover pressed", "approve by U0ANN"),
        ),
    ),
    "a no in Slack": (
        _of("people", 250.0, chat=True),
        (at(80.0, "switchover pressed", "reject by U0ANN"),),
    ),
    "paused and aborted in Slack": (
        _of("people", 250.0, chat=True),
        (
            at(75.0, "switchover pressed", "pause by U0ANN"),
            at(90.0, "switchover pressed", "abort by U0ANN"),
        ),
    ),
}
PROCESSES: Scenes = {
    "killed as it writes": (
        _of("plainly", 350.0),
        (
            _as("DNSEndpoint", 1, "kill", value=1.0),
            _as("ClusterSwitchover", 8, "kill", value=1.0),
            Mishap("kill", When(0.0, "DNSEndpoint", 2, True), value=1.0),
            _as("Event", 4, "kill", value=20.0),
        ),
    ),
    "killed between two objects": (
        _of("apart", 350.0),
        (Mishap("kill", When(40.0, "DNSEndpoint", 1, True), value=15.0),),
    ),
    "killed on the way back": (
        _of("apart", 300.0),
        (
            _then(60.0, "green fails", 60.0),
            Mishap("kill", When(58.0, "DNSEndpoint", 1, True), value=5.0),
        ),
    ),
    "answers are lost": (
        _of("plainly", 300.0),
        (
            at(30.0, "lost after", "DNSEndpoint", 100.0, times=2),
            at(30.0, "lost after", "ClusterSwitchover", 100.0, times=3),
            at(60.0, "conflict", "DNSEndpoint", 100.0, times=2),
            at(100.0, "garbled after", "DNSEndpoint", 60.0, times=1),
        ),
    ),
    "two replicas, and the first stops": (
        _of("plainly", 350.0, replicas=2),
        (at(45.0, "pause", value=40.0), at(120.0, "terminate", value=5.0)),
    ),
    "the clock is set": (
        _of("plainly", 350.0),
        (
            at(40.0, "clock jumps", lasts=20.0, value=3600.0),
            at(110.0, "clock jumps", lasts=20.0, value=-3600.0),
        ),
    ),
    "it is read late": (
        _of("plainly", 300.0, lag=3.0, latency=0.2),
        (_then(60.0, "the weights are edited"), *_asks(75.0, "resume")),
    ),
    "watches are cut": (
        _of("plainly", 300.0),
        (
            at(40.0, "watch silent", "ClusterSwitchover", 40.0),
            *_asks(45.0, "pause"),
            at(110.0, "watch gone"),
            *_asks(120.0, "resume"),
        ),
    ),
    "its status is written over": (
        _of("plainly", 400.0),
        (
            _then(40.0, "the status has no step"),
            _then(60.0, "the status has no times"),
            _then(80.0, "the status says nobody serves"),
            _then(100.0, "the status has odd weights"),
            _then(120.0, "a later version wrote"),
        ),
    ),
    "its status is gone": (
        _of("plainly", 300.0),
        (_then(60.0, "the status is gone"), _then(100.0, "the weights are put home")),
    ),
    "its status cannot be read": (
        _of("plainly", 300.0),
        (
            _then(60.0, "the status cannot be read"),
            _then(100.0, "the status is gone"),
            _then(120.0, "the weights are put home"),
        ),
    ),
}
MORE: Scenes = {
    "fewer steps at the last": (
        _of("a ramp for people", 350.0),
        (_then(150.0, "other steps", 60.0),),
    ),
    "the status has odd weights": (
        _of("plainly", 350.0),
        (_then(60.0, "the status has odd weights"), _then(135.0, "the status has odd weights")),
    ),
    "the weights are all 0": (
        _of("plainly", 350.0),
        (
            _then(60.0, "the weights are all 0"),
            *_asks(80.0, "resume"),
            _then(130.0, "green's weight is too much", 20.0),
        ),
    ),
    "an answer that does not count": (
        _of("people in Slack", 300.0, chat=True),
        (*_asks(75.0, "approve", "reject"), at(90.0, "switchover pressed", "approve by U0ANN")),
    ),
    "the weights are edited at rest": (
        _of("plainly", 250.0),
        (
            _then(60.0, "green fails", 60.0),
            _then(150.0, "the weights are edited", 60.0),
            *_asks(160.0, "pause"),
        ),
    ),
    "a gateway is gone": (
        _of("plainly", 350.0),
        (_then(35.0, "green has no gateway", 40.0), _then(120.0, "green has no gateway", 20.0)),
    ),
    "blue loses its pods one after the other": (
        _of("plainly", 350.0),
        (
            _then(35.0, "blue has two pods", 35.0),
            _then(70.0, "blue has one pod", 80.0),
        ),
    ),
    "nothing is known before it begins": (
        _of("plainly", 350.0),
        (at(0.0, "prometheus down", lasts=110.0),),
    ),
    "nobody comes while blue drains": (
        _of("lingering", 350.0),
        (_then(160.0, "nobody comes", 60.0),),
    ),
    "nobody comes on the way back": (
        _of("plainly", 350.0),
        (*_asks(60.0, "abort"), _then(62.0, "nobody comes", 100.0)),
    ),
    "a name server alone": (_of("errors alone"), ()),
    "retried after a failure": (
        _of("plainly", 350.0),
        (_then(33.0, "green fails", 40.0), *_asks(120.0, "retry")),
    ),
}


def _named() -> Iterator[tuple[str, tuple[Setup, Rows]]]:
    for scenes in (BEGINS, SHAPES, JUDGED, NAMES, CLUSTERS, ENDS, PEOPLE, PROCESSES, MORE):
        yield from scenes.items()


SCENES: Scenes = {f"switchover, {name}": scene for name, scene in _named()}
