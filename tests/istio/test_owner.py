from typing import Any

import pytest
import yaml

from rollout.istio import owner
from tests.istio.objects import Json, vs


def marked(kind: str = "VirtualService", **metadata: Any) -> Json:
    obj = vs() | {"kind": kind}
    obj["metadata"].update(metadata)
    return obj


ARGO = {"argocd.argoproj.io/tracking-id": "x"}
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps"}
HELM = {"meta.helm.sh/release-name": "x"}


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({}, ""),
        ({"managedFields": [{"manager": "kubectl"}]}, ""),
        ({"managedFields": [{"manager": "argocd-controller"}]}, "Argo CD"),
        ({"annotations": ARGO | HELM}, "Argo CD"),
        ({"labels": FLUX}, "Flux"),
        ({"annotations": HELM, "labels": FLUX}, "Flux"),
        ({"annotations": HELM}, "Helm"),
    ],
)
def test_the_tool_is_told_by_its_marks(metadata: dict[str, Any], name: str) -> None:
    assert owner.owner(marked(**metadata)) == name


@pytest.mark.parametrize("kind", ["VirtualService", "DestinationRule", "HorizontalPodAutoscaler"])
@pytest.mark.parametrize("marks", [ARGO, FLUX, HELM])
def test_the_ignore_rule_is_yaml_to_paste(kind: str, marks: dict[str, str]) -> None:
    text = owner.rule(marked(kind, annotations=marks))
    assert (yaml.safe_load(text) is None) == (marks is HELM)
    assert marks is HELM or kind in text


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("VirtualService", ["ApplyOutOfSyncOnly=true"]),
        ("DestinationRule", ["ApplyOutOfSyncOnly=true", "RespectIgnoreDifferences=true"]),
        ("HorizontalPodAutoscaler", ["ApplyOutOfSyncOnly=true", "RespectIgnoreDifferences=true"]),
    ],
)
def test_argo_is_told_what_to_leave_alone_and_how_to_sync(kind: str, options: list[str]) -> None:
    rule = yaml.safe_load(owner.rule(marked(kind, annotations=ARGO)))
    assert rule["syncPolicy"]["syncOptions"] == options
    assert rule["ignoreDifferences"][0]["kind"] == kind
    assert rule["ignoreDifferences"][0]["jqPathExpressions"]


def test_without_a_tool_there_is_no_rule() -> None:
    assert owner.rule(vs()) == ""


@pytest.mark.parametrize(
    ("mark", "left_alone"),
    [
        ({}, False),
        ({"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}, True),
        ({"kustomize.toolkit.fluxcd.io/ssa": "Merge"}, False),
        ({"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}, True),
    ],
)
def test_flux_is_told_by_the_object_itself(mark: dict[str, str], left_alone: bool) -> None:
    assert owner.is_left_alone(marked(annotations=FLUX | mark)) is left_alone
