"""examples/upgrade, as it stands there, played to its end."""

from pathlib import Path

from rollout.manifest import load
from rollout.model.upgrading import State
from tests.upgrade.cluster import NEW, Mesh, gateway, istiod, namespace, tag, validator, workload
from tests.upgrade.cluster import OLD as BEFORE
from tests.upgrade.play import Play

FILE = Path(__file__).parents[2] / "examples" / "upgrade" / "upgrade.yaml"


def town() -> Mesh:
    mesh = Mesh()
    mesh.put(namespace("istio-system"), *istiod(BEFORE), *istiod(NEW))
    mesh.put(*tag("prod", BEFORE), *tag("default", BEFORE))
    mesh.put(validator("istiod-default-validator", BEFORE, default=True))
    enabled = {"istio-injection": "enabled"}
    for name, labels in {
        "mesh-canary": enabled,
        "prices": {**enabled, "tier": "inner"},
        "shop": {"istio.io/rev": "prod"},
        "blog": {"istio.io/rev": BEFORE},
        "wiki": enabled,
    }.items():
        mesh.put(namespace(name, **labels), workload(name, "web"))
    mesh.put(namespace("ingress"), gateway("ingress", "istio-ingress"))
    mesh.settle(4)
    return mesh


def test_the_example_goes_to_its_end_wave_by_wave() -> None:
    (manifest,) = load.text(str(FILE), FILE.read_bytes()).manifests
    mesh = town()
    mesh.put(
        {
            "apiVersion": "rollout.dev/v1alpha1",
            "kind": manifest.kind,
            "metadata": {"name": "mesh"},
            "spec": {**manifest.plain, "bake": "10m"},  # a day takes thousands of looks
        }
    )
    play = Play(mesh)
    for number in range(3):  # blog, wiki, and the removal
        play.until(lambda p: p.status.awaits == "Approval", most=900).ask("approve", str(number))
        play.look()
    play.to(State.DONE)
    assert [(w.name, [n.name for n in w.namespaces]) for w in play.status.attempt.waves] == [
        ("canary", ["mesh-canary"]),
        ("inner", ["prices"]),
        ("by-tag", ["shop"]),
        ("rest/1", ["blog"]),
        ("rest/2", ["wiki"]),
    ]
    assert {found[0] for found in mesh.proxies().values()} == {NEW}
    assert mesh.labels("shop")["istio.io/rev"] == "prod"
