"""What the nouns of a mesh say by themselves."""

from dataclasses import replace

import pytest

from rollout.model.mesh import (
    NOBODY,
    Istiod,
    MeshNamespace,
    MeshPod,
    MeshRevision,
    Resolution,
    Tag,
    Way,
    image_version,
    named,
)

WHOLE = MeshRevision(
    "1-30-3",
    istiod=Istiod("istiod-1-30-3", desired=2, ready=2),
    injectors=("istio-sidecar-injector-1-30-3",),
    ca_bundle="LS0t",
    service="istiod-1-30-3",
    endpoints=2,
)


@pytest.mark.parametrize(
    "lacking",
    [
        {"istiod": None},
        {"istiod": Istiod("istiod-1-30-3", desired=2, ready=1)},
        {"istiod": Istiod("istiod-1-30-3", desired=2, ready=2, updated=False)},
        {"istiod": Istiod("istiod-1-30-3", desired=0, ready=0)},
        {"injectors": ()},
        {"ca_bundle": ""},
        {"endpoints": 0},
        {"endpoints": None},
    ],
    ids=repr,
)
def test_a_control_plane_that_lacks_anything_is_not_whole(lacking: dict[str, object]) -> None:
    assert WHOLE.whole
    assert not replace(WHOLE, **lacking).whole  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/istio/proxyv2:1.30.3", "1.30.3"),
        ("registry:5000/istio/proxyv2:1.30.3-distroless", "1.30.3"),
        ("istio/proxyv2:v1.30.3-debug@sha256:0a", "1.30.3"),
        ("istio/proxyv2:1.31.0-rc.1", "1.31.0-rc.1"),
        ("registry:5000/istio/proxyv2@sha256:0a", ""),
        ("registry:5000/istio/proxyv2", ""),
        ("", ""),
    ],
)
def test_the_version_is_the_images_tag(image: str, version: str) -> None:
    assert image_version(image) == version
    assert MeshPod("shop", "web", image=image).version == version


def test_a_tag_that_is_half_moved_belongs_to_two() -> None:
    assert Tag("prod", "1-29-6", "1-29-6").revisions == {"1-29-6"}
    assert Tag("prod", "1-30-3", "1-29-6").revisions == {"1-29-6", "1-30-3"}
    assert Tag("prod", "1-30-3").revisions == {"1-30-3"}


def test_nobody_injects_where_no_webhook_is_called() -> None:
    assert not NOBODY.injected
    assert Resolution(Way.DIRECT, "1-30-3", hooks=("a/b",)).injected
    assert MeshNamespace("x", {"istio.io/dataplane-mode": "ambient"}).ambient
    assert (named({"istio.io/rev": "prod"}), named({})) == ("prod", "")
