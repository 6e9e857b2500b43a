"""More scenes of an upgrade: waves of several namespaces, odd moments, odd control planes.

And meshes that only stand there, of which it is said before anything begins what is wrong.
"""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.edits import LOOK
from tests.sim.listings import LISTED
from tests.sim.meshes import STILL
from tests.sim.plan import Mishap, Setup, Subject
from tests.sim.scenes_mesh import asks, mesh, shaped, writing
from tests.sim.steps import Rows, at

MANAGED = Subject(workload="managed")

WIDE: Mapping[str, tuple[Setup, Rows]] = {
    "several namespaces go in one wave, and come back": (
        shaped("wide", 250.0),
        (
            mesh(8.0, "shop3 is unready", 12.0),
            mesh(40.0, "shop3 fails", 60.0),
        ),
    ),
    "several namespaces, and each has a person who meddles": (
        shaped("wide", 200.0),
        (
            mesh(1.5, "Argo CD has shop2"),
            mesh(4.0, "shop2 goes back"),
            *asks(9.0, "resume"),
            mesh(14.0, "shop3 goes back"),
            *asks(20.0, "abort", "pause", "resume"),
            mesh(22.5, "a pod of shop2 breaks", 20.0),
        ),
    ),
    "a push while its namespace moves": (
        replace(shaped("with shop", 200.0), subjects=(MANAGED,)),
        (at(20.0, "push", "v2"),),
    ),
    "a push just before its namespace moves": (
        replace(shaped("with shop", 250.0), subjects=(MANAGED,)),
        (
            at(0.2, "push", "v2"),
            at(0.3, "never ready", "v2", 55.0),
        ),
    ),
}
ODDLY: Mapping[str, tuple[Setup, Rows]] = {
    "everything is asked while the old one is removed": (
        shaped("quick", 420.0),
        (
            at(247.0, "denied", "Deployment", 60.0, times=1000),
            *asks(249.0, "approve"),
            mesh(253.0, "the old validator is made anew", 120.0),
            *asks(255.0, "abort", "pause", "skip", "retry", "resume", "approve", "reject"),
            mesh(270.0, "another target", 10.0),
            mesh(282.0, "prod is moved back"),
            mesh(283.0, "the new istiod is down", 10.0),
            at(298.0, "upgrade deleted"),
        ),
    ),
    "who uses the old one comes and goes in the bake": (
        shaped("quick", 400.0),
        (
            mesh(205.0, "pods name the old one", 8.0),
            mesh(212.5, "a Sidecar is for the old one alone", 10.0),
            *asks(226.0, "pause"),
            *asks(237.0, "resume"),
            mesh(228.0, "a machine is at the old one", 6.0),
            mesh(238.0, "a validator asks the old one", 6.0),
            mesh(248.0, "the default is given back"),
            mesh(254.0, "the default is taken"),
            *asks(256.0, "resume"),
            mesh(300.0, "pods name the old one", 8.0),
            mesh(310.0, "the old Service is held", 60.0),
            *asks(312.0, "pause", "skip", "resume", "approve", every=4.0),
        ),
    ),
    "nobody can say whether routes can be written": (
        shaped("waves", 350.0),
        (at(64.0, "broken", "VirtualService", 200.0, times=1000),),
    ),
    "the new istiod lacks one thing after another": (
        shaped("quick", 400.0),
        (
            mesh(10.0, "the new istiod has one pod", 5.0),
            mesh(20.0, "the new istiod is being replaced", 5.0),
            mesh(30.0, "the new Service is gone", 5.0),
            mesh(40.0, "nobody is behind the new Service", 5.0),
            mesh(50.0, "the new one has two webhooks", 5.0),
            mesh(60.0, "the new webhook has no CA yet", 5.0),
            mesh(70.0, "the new Deployment is gone", 5.0),
            mesh(120.0, "the new validator is gone", 5.0),
            mesh(215.0, "the new istiod has one pod", 200.0),
            mesh(225.0, "the new validator is gone", 5.0),
        ),
    ),
    "what installs it does more than it should": (
        shaped("source and waves", 200.0),
        (
            mesh(0.0, "the new istiod is not there", 12.0),
            mesh(0.5, "a source that can"),
            writing("ControlPlaneUpgrade", 4, "mesh", "the base is reset", 6.0),
            mesh(12.2, "another root", 8.0),
            mesh(19.0, "prod is moved"),
            mesh(26.0, "prod is moved back"),
            mesh(25.8, "a tag of the new one's own"),
            at(25.9, "new istiod deaf", lasts=6.0),
            mesh(31.0, "the default is taken"),
            mesh(40.0, "the default is given back"),
        ),
    ),
    "what stands in its way at the very beginning": (
        shaped("brief", 200.0),
        (
            at(0.0, "forbidden", "Canary", 15.0, times=1000),
            mesh(0.0, "the old istiod is being replaced", 25.0),
            mesh(20.0, "nobody validates", 12.0),
            *asks(60.0, "abort", "retry", "pause", every=8.0),
            *asks(90.0, "resume"),
        ),
    ),
    "tools put back what was moved": (
        shaped("waves", 300.0),
        (
            mesh(1.0, "Argo CD has prod"),
            mesh(120.0, "prod is moved back"),
            *asks(126.0, "resume"),
            mesh(130.0, "prod has no Service", 10.0),
            *asks(145.0, "resume", "abort", every=8.0),
        ),
    ),
    "its stop is edited out of the status": (
        shaped("quick", 350.0),
        (mesh(20.0, "the stop is edited out"), mesh(100.0, "the stop is edited out")),
    ),
    "late on the way back, and then deleted": (
        shaped("people", 300.0),
        (
            *asks(20.0, "approve"),
            *asks(60.0, "abort"),
            mesh(60.5, "shop1 is unready", 100.0),
            at(150.0, "upgrade deleted"),
        ),
    ),
    "in place, and the old one was to be removed": (shaped("in place, and asked", 250.0), ()),
    "a tag without a Service": (
        shaped("a bare tag", 150.0),
        (mesh(10.0, "tagged fails", 40.0),),
    ),
    "a gateway that says no number of pods": (
        shaped("unsaid", 300.0),
        (mesh(60.0, "a pod of the gateway breaks", 20.0), *asks(150.0, "abort")),
    ),
    "a gateway that names the new one already": (
        shaped("gateway", 200.0),
        (
            mesh(0.0, "the gateway names the new one", 60.0),
            *asks(90.0, "abort"),
        ),
    ),
    "going back does harm, and the rest is well": (
        shaped("wide", 300.0),
        (
            *asks(50.0, "abort"),
            mesh(52.0, "shop4 is unready", 130.0),
            mesh(62.0, "shop3 fails", 120.0),
            *asks(140.0, "resume"),
        ),
    ),
    "the old istiod is deaf": (
        shaped("waves", 250.0),
        (
            at(70.0, "old istiod deaf", lasts=40.0),
            mesh(130.0, "prod is gone with its Service", 20.0),
        ),
    ),
    "its tag is gone": (
        shaped("a bare tag", 150.0),
        (
            mesh(0.0, "the old istiod is down", 3.0),
            writing("ControlPlaneUpgrade", 6, "mesh", "prod is gone", 12.0),
            *asks(90.0, "abort"),
            mesh(92.0, "the stop is edited out"),
        ),
    ),
    "every namespace says what it wants": (shaped("said", 120.0), ()),
    "a gateway whose namespace speaks": (shaped("unlabelled", 60.0), asks(30.0, "abort")),
    "the old one is kept, and much is written late": (
        shaped("quick, and kept", 320.0),
        (
            at(62.0, "denied", "Deployment", 5.0, times=1000),
            at(152.0, "denied", "MutatingWebhookConfiguration", 8.0, times=1000),
            mesh(140.0, "prod's Service is moved"),
            mesh(150.0, "the nodes' agents are old", 160.0),
        ),
    ),
    "the old istiod is gone before it is removed": (
        shaped("quick", 330.0),
        (
            mesh(216.0, "a gateway of the API is at the old one", 6.0),
            mesh(258.0, "the old Deployment is gone", 40.0),
            *asks(264.0, "approve"),
        ),
    ),
    "its gateway is dropped before it is there": (
        shaped("gateway", 150.0),
        (mesh(1.5, "no gateways", 60.0), *asks(50.0, "abort")),
    ),
    "a freeze while its gateway moves": (
        shaped("gateway", 150.0),
        (mesh(1.2, "a freeze", 50.0), mesh(60.0, "the old istiod is down", 20.0)),
    ),
    "Sail has nothing to be asked, and then it is frozen": (
        shaped("sail", 150.0),
        (
            mesh(0.0, "the Sail object is gone", 10.0),
            mesh(8.0, "a freeze", 12.0),
        ),
    ),
    "all is back, and nothing can be written": (
        shaped("brief", 150.0),
        (*asks(40.0, "abort"), at(50.0, "old istiod deaf", lasts=30.0)),
    ),
    "another target for a moment": (
        shaped("brief", 200.0),
        (mesh(20.0, "another target", 2.0),),
    ),
    "late, and then its label is put back": (
        shaped("people", 250.0),
        (
            mesh(0.0, "shop1 is unready", 100.0),
            mesh(75.0, "shop1 goes back"),
            *asks(110.0, "resume", "abort", every=20.0),
        ),
    ),
    "nothing of it can be read for a while": (
        shaped("waves", 350.0),
        (
            at(64.0, "forbidden", "Namespace", 100.0, times=1000),
            at(64.1, "watch gone", "Namespace"),
            *asks(130.0, "abort"),
        ),
    ),
    "a namespace names nobody": (
        shaped("waves", 200.0),
        (writing("Namespace", 2, "mesh", "shop2 names nobody"),),
    ),
}


_LOOKS = 8
"""Meshes that are looked at in one scene."""


def _looked_at() -> Mapping[str, tuple[Setup, Rows]]:
    """Meshes that only stand there, one after another: what is said of each before it begins."""
    names = [*LISTED]
    made = {}
    for first in range(0, len(names), _LOOKS):
        rows: list[Mishap] = []
        for place, name in enumerate(names[first : first + _LOOKS]):
            rows += [
                mesh(10.0 * place + 1, f"{LOOK}{name}"),
                at(10.0 * place + 8, "upgrade deleted"),
            ]
        setup = shaped(STILL, calm=10.0 * len(rows) / 2 + 5)
        made[f"it is looked at before it begins, {first // _LOOKS + 1}"] = setup, tuple(rows)
    return made


SCENES: Mapping[str, tuple[Setup, Rows]] = {
    f"upgrade, {name}": scene
    for scenes in (WIDE, ODDLY, _looked_at())
    for name, scene in scenes.items()
}
