"""One object of a cluster, as people name it."""

from rollout.model.ref import Ref


def test_an_object_is_named_as_people_name_it() -> None:
    assert str(Ref("Deployment", "shop", "web")) == "deployment shop/web"
    assert str(Ref("Namespace", "", "shop")) == "namespace shop"
