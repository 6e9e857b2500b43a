"""Which GitOps tool owns an object, and the rule that makes it leave our leaves alone.

Told from what the tools write on objects; nothing is asked of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollout import lenient

Obj = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Tool:
    """How one tool is recognised: field managers, and beginnings of annotation or label keys."""

    name: str
    managers: tuple[str, ...]
    marks: tuple[str, ...]


_TOOLS = (
    _Tool(
        "Argo CD",
        ("argocd-controller", "argocd-application-controller", "argocd-server"),
        ("argocd.argoproj.io/",),
    ),
    _Tool(
        "Flux",
        ("kustomize-controller", "helm-controller"),
        ("kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/"),
    ),
    _Tool("Helm", ("helm",), ("meta.helm.sh/",)),
)
"""In this order: both Argo CD and Flux also leave Helm's marks on what a chart made."""


def owner(obj: Obj) -> str:
    """The tool's name, or "" when no tool has left its marks.

    Sources: Argo CD, "Resource tracking"; Flux, Kustomization and HelmRelease API; Helm, the
    annotations that it adopts objects by.
    """
    managers, keys = _managers(obj), _marks(obj)
    for tool in _TOOLS:
        if managers & {*tool.managers} or any(k.startswith(tool.marks) for k in keys):
            return tool.name
    return ""


def is_put_back(obj: Obj) -> bool:
    """Whether a Kustomization of Flux owns it, which writes git's version at each of its rounds."""
    mark = "kustomize.toolkit.fluxcd.io/"
    put_back = "kustomize-controller" in _managers(obj)
    return put_back or any(key.startswith(mark) for key in _marks(obj))


def is_left_alone(obj: Obj) -> bool:
    """Whether the object itself tells its tool not to put our leaves back; Flux alone has that.

    Source: Flux, Kustomization, "Controlling the apply behavior of resources".
    """
    marks = _marks(obj)
    ssa = marks.get("kustomize.toolkit.fluxcd.io/ssa")
    reconcile = marks.get("kustomize.toolkit.fluxcd.io/reconcile")
    return ssa in ("IfNotPresent", "Ignore") or reconcile == "disabled"


def _managers(obj: Obj) -> set[str]:
    fields = lenient.mappings(lenient.meta(obj).get("managedFields"))
    return {lenient.text(each.get("manager")) for each in fields}


def _marks(obj: Obj) -> dict[str, str]:
    return {**lenient.labels(obj), **lenient.annotations(obj)}


def rule(obj: Obj) -> str:
    """The ignore rule for this object's tool, as YAML to paste; "" without a tool.

    Argo CD ignores single leaves when it compares, and then writes an object whole when git has
    changed it; told to respect the rule there, too, it takes every list that holds an ignored leaf
    from the cluster. For routes that would keep git's edits out for ever; for subsets it keeps
    each where its pods are. Flux ignores no leaf: git's later edits of the object wait until its
    mark is taken away. Plain Helm writes on ``helm upgrade`` only.
    Source: Argo CD, controller/sync.go, normalizeTargetResources.
    """
    kind = str(obj.get("kind", "VirtualService"))
    match owner(obj):
        case "Argo CD":
            group = _GROUPS.get(kind, "networking.istio.io")
            options = ", ".join(_OPTIONS.get(kind, _KEPT))
            return _ARGO.format(group=group, kind=kind, paths=_PATHS.get(kind, ""), options=options)
        case "Flux":
            return _FLUX.format(kind=kind, field=_FIELDS.get(kind, "/spec"))
        case "Helm":
            return _HELM
        case _:
            return ""


_PATHS = {
    "VirtualService": """\
    - .spec.http[]?.route
    - .spec.http[]? | select((.name // "") | startswith("rollout-"))
    - .spec.tls[]?.route
    - .spec.tcp[]?.route""",
    "DestinationRule": """\
    - .spec.subsets[]? | select(.name == "stable" or .name == "canary")""",
    "HorizontalPodAutoscaler": """\
    - .spec.scaleTargetRef.name""",
}
_FIELDS = {
    "VirtualService": "/spec/http",
    "DestinationRule": "/spec/subsets",
    "HorizontalPodAutoscaler": "/spec/scaleTargetRef/name",
}
_KEPT = ("ApplyOutOfSyncOnly=true", "RespectIgnoreDifferences=true")
_OPTIONS = {"VirtualService": _KEPT[:1]}
_GROUPS = {"HorizontalPodAutoscaler": "autoscaling"}
_ARGO = """\
# in the Application's spec
ignoreDifferences:
- group: {group}
  kind: {kind}
  jqPathExpressions:
{paths}
syncPolicy:
  syncOptions: [{options}]
"""
_FLUX = """\
# a Kustomization: on the {kind} in git
metadata:
  annotations:
    kustomize.toolkit.fluxcd.io/ssa: IfNotPresent
# a HelmRelease: in its spec
driftDetection:
  mode: enabled
  ignore:
  - paths: [{field}]
    target: {{kind: {kind}}}
"""
_HELM = "# nothing to add: do not run helm upgrade in mid-journey\n"
