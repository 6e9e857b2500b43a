"""What is asked of an inventory by name."""

from rollout.model.inventory import Inventory
from rollout.model.mesh import Injector, MeshNamespace, MeshPod, MeshRevision, Tag, Validator

WHOLE = MeshRevision("1-30-3")


def test_the_default_is_its_tags_else_the_installation_without_a_revision() -> None:
    plain = MeshRevision("default")
    assert Inventory(tags=(Tag("default", "1-29-6"),), revisions=(plain,)).default == "1-29-6"
    assert Inventory(revisions=(plain,)).default == "default"
    assert Inventory(revisions=(WHOLE,)).default == ""


def test_what_is_asked_for_by_name_is_found_or_none() -> None:
    mesh = Inventory(
        revisions=(WHOLE,),
        tags=(Tag("prod"),),
        namespaces=(MeshNamespace("shop"),),
        injectors=(Injector("x", "1-30-3"),),
        validators=(Validator("a", "1-30-3"), Validator("b", "1-30-3", default=True)),
    )
    assert (mesh.revision("1-30-3"), mesh.revision("x")) == (WHOLE, None)
    assert (mesh.tag("prod"), mesh.tag("x")) == (Tag("prod"), None)
    assert (mesh.space("shop"), mesh.space("x")) == (MeshNamespace("shop"), None)
    assert mesh.default_validators == (Validator("b", "1-30-3", default=True),)


def test_a_control_plane_serves_the_pods_it_injected_and_that_still_run() -> None:
    pod = MeshPod("shop", "a", "1-30-3", proxies=1)
    pods = (
        pod,
        pod._replace(name="b", revision="1-29-6"),
        pod._replace(name="c", over=True),
        pod._replace(name="d", proxies=0),
    )
    assert [each.ref for each in Inventory(pods=pods).served("1-30-3")] == [pod.ref]
