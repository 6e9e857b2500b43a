"""Scenes of an upgrade of the mesh: what goes wrong with it, what people do to it, and say."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, When
from tests.sim.steps import CALM, Rows, at

_MESH = replace(CALM, mesh=True, calm=420.0)
_SHORT = replace(_MESH, calm=200.0, upgrade="waves")


def shaped(shape: str, calm: float = 420.0) -> Setup:
    return replace(_MESH, upgrade=shape, calm=calm)


def asks(seconds: float, *verbs: str, every: float = 2.0) -> Rows:
    """A person asks the upgrade for one thing after another."""
    return tuple(at(seconds + every * i, "upgrade asked", verb) for i, verb in enumerate(verbs))


def mesh(seconds: float, on: str, lasts: float = 0.0) -> Mishap:
    return at(seconds, "mesh", on, lasts)


def writing(
    kind: str, nth: int, do: str, on: str = "", lasts: float = 0.0, **more: float
) -> Mishap:
    """As the controller makes its ``nth`` write of a kind."""
    return Mishap(do, When(0.0, kind, nth), on, lasts=lasts, **more)  # type: ignore[arg-type]


WAVES: Mapping[str, tuple[Setup, Rows]] = {
    "all of it": (
        _MESH,
        (
            mesh(0.0, "what bears the old one's label"),
            *asks(390.0, "skip", "promote", "approve"),
        ),
    ),
    "the canary fails": (_SHORT, (mesh(10.0, "shop1 fails", 120.0),)),
    "the second wave fails, and what is beside does, too": (
        _MESH,
        (
            mesh(80.0, "it fails everywhere", 60.0),
            *asks(170.0, "resume"),
            mesh(250.0, "shop2 fails", 60.0),
        ),
    ),
    "pods do not get ready, and then they do": (_SHORT, (mesh(62.0, "shop2 is unready", 40.0),)),
    "proxies refuse their configuration": (_SHORT, (mesh(62.0, "shop2 refuses", 60.0),)),
    "pods start without a proxy": (_SHORT, (mesh(62.0, "pods without a proxy", 100.0),)),
    "the new istiod does not inject": (
        shaped("waves", 300.0),
        (at(61.0, "new istiod deaf", lasts=230.0),),
    ),
    "nobody can tell who is where": (_SHORT, (mesh(0.0, "istiods are silent", 200.0),)),
    "nothing is counted": (_SHORT, (at(10.0, "prometheus down", lasts=100.0),)),
    "the new istiod says that all is not well": (
        shaped("waves", 300.0),
        (
            mesh(10.0, "configuration comes late", 40.0),
            mesh(80.0, "configuration is refused", 60.0),
            *asks(200.0, "retry"),
        ),
    ),
    "a namespace opts out, and a tag is moved by hand": (
        shaped("waves", 300.0),
        (mesh(62.0, "shop2 opts out"), mesh(100.0, "prod is moved")),
    ),
    "a namespace goes elsewhere": (
        _SHORT,
        (writing("Namespace", 2, "mesh", "shop2 goes elsewhere"),),
    ),
    "a namespace is deleted": (_SHORT, (mesh(64.0, "shop2 is gone"),)),
    "a namespace is being deleted, and it is aborted": (
        _SHORT,
        (mesh(65.0, "shop2 is being deleted", 60.0), *asks(90.0, "abort")),
    ),
    "a label is put back, and written again": (
        _SHORT,
        (mesh(30.0, "shop1 goes back"), *asks(50.0, "promote", "resume")),
    ),
    "a tag is gone before its wave, and its pods do not get ready": (
        shaped("waves", 250.0),
        (
            mesh(110.0, "prod is gone", 40.0),
            mesh(150.0, "tagged is unready", 30.0),
            mesh(200.0, "the new validator is gone", 20.0),
        ),
    ),
    "a release is under way": (
        _SHORT,
        (mesh(50.0, "a release in shop2", 30.0), *asks(100.0, "pause", "pause", "resume")),
    ),
    "nothing begins in a freeze": (_SHORT, (mesh(55.0, "a freeze", 70.0),)),
    "git has no waves any more": (
        shaped("", 300.0),
        (mesh(64.0, "no waves"), mesh(150.0, "no gateways")),
    ),
}
LAST: Mapping[str, tuple[Setup, Rows]] = {
    "the gateway fails": (_MESH, (mesh(235.0, "the gateway fails", 100.0),)),
    "the gateway's pods do not get ready, and it is aborted": (
        shaped("", 350.0),
        (mesh(225.0, "the gateway is unready", 60.0), *asks(250.0, "abort")),
    ),
    "the gateway refuses its configuration": (
        shaped("", 300.0),
        (mesh(180.0, "the gateway refuses", 60.0),),
    ),
    "the gateway is gone, and it is aborted": (
        shaped("", 350.0),
        (mesh(235.0, "the gateway is gone", 60.0), *asks(250.0, "abort", "resume", every=70.0)),
    ),
    "the gateway is scaled by hand": (
        shaped("", 350.0),
        (mesh(200.0, "the gateway is scaled"), *asks(230.0, "resume")),
    ),
    "the twin is gone": (
        shaped("", 350.0),
        (mesh(200.0, "the twin is gone", 60.0), *asks(290.0, "resume")),
    ),
    "nobody validates": (
        shaped("waves", 300.0),
        (mesh(100.0, "nobody validates", 30.0), mesh(160.0, "nobody validates", 250.0)),
    ),
    "the new istiod is down": (
        shaped("waves", 350.0),
        (
            mesh(80.0, "the new istiod is down", 30.0),
            mesh(130.0, "the new istiod is down", 220.0),
        ),
    ),
    "the old istiod is down on the way back": (
        _SHORT,
        (mesh(90.0, "the old istiod is down", 60.0), *asks(95.0, "abort", "pause", "resume")),
    ),
    "the default's webhooks are gone as it is to move": (
        shaped("", 420.0),
        (mesh(300.0, "the new webhook is gone", 40.0), mesh(350.0, "prod is moved back", 40.0)),
    ),
    "a proxy of the old one comes back before it is removed": (
        shaped("", 450.0),
        (mesh(384.0, "shop2 goes back", 0.0), *asks(400.0, "approve", "resume", every=20.0)),
    ),
    "worse since it is back": (
        shaped("", 500.0),
        (
            *asks(300.0, "abort"),
            mesh(300.0, "shop2 is unready", 120.0),
            mesh(306.0, "tagged fails", 150.0),
            *asks(410.0, "pause", "resume", "skip", every=10.0),
        ),
    ),
    "as bad after the way back as before": (
        shaped("brief", 300.0),
        (*asks(40.0, "abort"), mesh(45.0, "shop1 fails", 200.0)),
    ),
    "back, and the watch is skipped": (
        shaped("brief", 200.0),
        (*asks(40.0, "abort"), *asks(60.0, "skip"), *asks(80.0, "retry")),
    ),
    "deleted": (_SHORT, (at(80.0, "upgrade deleted"),)),
    "deleted on the way back, where somebody has edited": (
        _SHORT,
        (
            *asks(80.0, "abort"),
            writing("Namespace", 3, "mesh", "shop1 goes back"),
            at(84.0, "upgrade deleted"),
        ),
    ),
    "another target": (_SHORT, (mesh(80.0, "another target", 60.0),)),
    "a spec that nobody can read, and an abort": (
        _SHORT,
        (
            mesh(80.0, "an odd spec", 80.0),
            at(85.0, "kill", value=1.0),
            *asks(90.0, "pause", "abort"),
        ),
    ),
    "killed as it writes": (
        _MESH,
        (
            writing("Namespace", 1, "kill", value=1.0),
            writing("Deployment", 3, "kill", value=1.0),
            writing("MutatingWebhookConfiguration", 1, "kill", value=1.0),
            writing("ControlPlaneUpgrade", 20, "lost after", "ControlPlaneUpgrade", 5.0),
        ),
    ),
}
OTHERWISE: Mapping[str, tuple[Setup, Rows]] = {
    "people are asked": (
        shaped("people", 400.0),
        (
            *asks(20.0, "skip", "approve", every=20.0),
            *asks(110.0, "reject"),
            *asks(150.0, "resume", "approve"),
        ),
    ),
    "people are asked, and it fails": (
        shaped("people", 300.0),
        (
            *asks(30.0, "approve"),
            mesh(90.0, "shop2 fails", 60.0),
            *asks(170.0, "resume", "abort", every=40.0),
        ),
    ),
    "people are asked, and time is short": (
        shaped("people", 300.0),
        (
            *asks(30.0, "approve"),
            mesh(60.0, "shop2 is unready", 100.0),
            *asks(190.0, "resume"),
        ),
    ),
    "people are asked, and a label is put back": (
        shaped("people", 200.0),
        (mesh(20.0, "shop1 goes back"),),
    ),
    "nobody approves its wave": (shaped("people", 250.0), ()),
    "a gateway alone": (
        shaped("gateway", 250.0),
        (mesh(70.0, "no gateways"), *asks(100.0, "abort", "skip", "retry", every=30.0)),
    ),
    "one by one": (shaped("one by one", 500.0), ()),
    "one by one, and it is aborted": (
        shaped("one by one", 300.0),
        (*asks(80.0, "abort"), *asks(85.0, "abort", "approve", "skip")),
    ),
    "sets": (shaped("sets", 250.0), ()),
    "sets, and one of their pods never gets ready": (
        shaped("sets", 350.0),
        (mesh(66.0, "shop2 is unready", 40.0), *asks(100.0, "abort")),
    ),
    "a budget lets no pod go": (
        shaped("held up", 300.0),
        (mesh(120.0, "the budget lets go"), *asks(200.0, "abort")),
    ),
}

BEGINS: Mapping[str, tuple[Setup, Rows]] = {
    "all that may be in its way before it begins": (
        shaped("brief", 250.0),
        (
            mesh(0.0, "the old istiod is down", 20.0),
            mesh(15.0, "nobody validates", 20.0),
            mesh(30.0, "the new istiod is not there", 30.0),
            mesh(33.0, "prod is moved", 0.0),
            mesh(61.0, "another root", 30.0),
            at(80.0, "new istiod deaf", lasts=30.0),
            mesh(100.0, "prod is moved back", 0.0),
        ),
    ),
    "Sail installs it": (
        shaped("sail", 200.0),
        (mesh(0.0, "the new istiod is not there", 20.0), *asks(60.0, "abort")),
    ),
    "a source installs it": (
        shaped("source", 200.0),
        (
            mesh(0.0, "the new istiod is not there", 40.0),
            mesh(10.0, "a source"),
            mesh(20.0, "a source that cannot"),
            mesh(30.0, "a source that can"),
            mesh(45.0, "the new istiod is down", 30.0),
        ),
    ),
}
STRANGE: Mapping[str, tuple[Setup, Rows]] = {
    "gateways of other kinds": (
        shaped("doors", 300.0),
        (
            mesh(170.0, "the api gateway has moved"),
            *asks(200.0, "abort"),
        ),
    ),
    "in place": (shaped("in place", 250.0), asks(170.0, "abort")),
    "in place, to the end": (shaped("in place", 250.0), ()),
    "a label is put back, and that takes all back": (
        shaped("rollback", 200.0),
        (mesh(20.0, "shop1 goes back"), *asks(100.0, "retry"), at(150.0, "upgrade deleted")),
    ),
    "everything is asked, wherever it stands": (
        shaped("brief", 300.0),
        (
            *asks(1.0, "approve", "reject", "skip", "retry", "promote", every=0.3),
            *asks(40.0, "pause", "approve", "resume", "abort"),
            *asks(60.0, "approve", "reject", "retry", "promote", "abort", "pause", every=3.0),
            *asks(90.0, "abort"),
            *asks(200.0, "approve", "skip", "abort", "pause", "resume", "promote"),
        ),
    ),
    "kinds cannot be read, and writes are refused": (
        shaped("waves", 300.0),
        (
            at(64.0, "denied", "Namespace", 10.0, times=1000),
            at(64.2, "denied", "Deployment", 20.0, times=1000),
            at(100.0, "forbidden", "Namespace", 30.0, times=1000),
            at(101.0, "watch gone", "Namespace"),
            at(140.0, "conflict", "MutatingWebhookConfiguration", 10.0, times=2),
            at(150.0, "forbidden", "MutatingWebhookConfiguration", 40.0, times=1000),
            at(151.0, "watch gone", "MutatingWebhookConfiguration"),
            *asks(155.0, "abort"),
        ),
    ),
    "a freeze before each of the last": (
        _MESH,
        (
            mesh(180.0, "a freeze", 45.0),
            mesh(355.0, "a freeze", 45.0),
            *asks(405.0, "approve"),
        ),
    ),
    "two replicas, and the leader goes": (
        replace(shaped("waves", 250.0), replicas=2),
        (at(64.5, "kill", value=20.0), at(126.0, "pause", value=12.0)),
    ),
    "a wall clock is wrong": (
        shaped("waves", 250.0),
        (
            at(64.0, "clock jumps", lasts=20.0, value=3600.0),
            at(130.0, "clock jumps", lasts=20.0, value=-3600.0),
        ),
    ),
    "a namespace is new by somebody else, and is gone on the way back": (
        shaped("waves", 250.0),
        (
            mesh(0.3, "shop1 is new by itself"),
            *asks(100.0, "abort"),
            mesh(101.0, "shop2 is gone"),
        ),
    ),
    "deleted while its gateway is gone": (
        shaped("gateway", 250.0),
        (
            mesh(45.0, "the gateway is gone", 60.0),
            at(60.0, "upgrade deleted"),
        ),
    ),
    "deleted, and paused on the way back": (
        shaped("waves", 250.0),
        (
            *asks(100.0, "abort", "pause"),
            at(110.0, "upgrade deleted"),
        ),
    ),
}

WRONG: Mapping[str, tuple[Setup, Rows]] = {
    "pods that are tried get what they must not": (
        shaped("waves", 350.0),
        (
            at(0.0, "broken", "Pod", 10.0, times=1000),
            at(63.0, "broken", "Pod", 10.0, times=1000),
            mesh(75.0, "pods get two proxies", 20.0),
            mesh(122.0, "pods get two proxies", 15.0),
            *asks(160.0, "abort"),
            at(160.0, "broken", "Pod", 10.0, times=1000),
        ),
    ),
    "pods get two proxies for too long": (
        shaped("waves", 350.0),
        (mesh(60.0, "pods get two proxies", 280.0),),
    ),
    "everything is asked before it begins": (
        shaped("brief", 200.0),
        (
            mesh(0.0, "the old istiod is down", 40.0),
            *asks(5.0, "approve", "skip", "pause", "resume", "abort"),
            *asks(20.0, "retry", "abort", "retry", every=5.0),
            at(36.0, "upgrade deleted"),
        ),
    ),
    "frozen, and kept by its owner, before it is removed": (
        shaped("", 520.0),
        (
            mesh(380.0, "the old istiod is kept by its owner", 60.0),
            mesh(382.0, "a freeze", 45.0),
            *asks(385.0, "approve"),
        ),
    ),
    "nobody lets the old one go": (shaped("", 500.0), asks(385.0, "reject")),
    "a gateway that cannot be moved in its turn": (
        shaped("", 420.0),
        (
            mesh(175.0, "the gateway is gone", 15.0),
            mesh(176.0, "an earlier twin is left", 24.0),
            mesh(196.0, "the gateway is bundled", 12.0),
            mesh(205.0, "its namespace names a revision", 12.0),
            mesh(212.0, "a freeze", 45.0),
        ),
    ),
    "tags that cannot be moved in their turn": (
        shaped("one by one", 520.0),
        (
            mesh(225.0, "prod is gone", 80.0),
            mesh(300.0, "prod is at a revision that is not there", 0.0),
            mesh(320.0, "prod is moved back", 0.0),
            mesh(310.0, "a freeze", 45.0),
        ),
    ),
    "a namespace is in ambient mode": (
        shaped("waves", 200.0),
        (mesh(64.0, "shop2 is in ambient mode", 60.0),),
    ),
}


def plans() -> Iterator[tuple[str, tuple[Setup, Rows]]]:
    """Each by its name."""
    for scenes in (WAVES, LAST, OTHERWISE, BEGINS, STRANGE, WRONG):
        yield from ((f"upgrade, {name}", scene) for name, scene in scenes.items())


SCENES: Mapping[str, tuple[Setup, Rows]] = dict(plans())
