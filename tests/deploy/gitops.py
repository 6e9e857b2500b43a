"""Argo CD and Flux as they meet an object: compared and written at every round, as they write.

Sources: Argo CD, controller/sync.go and util/argo/normalizers; Flux, pkg/ssa/manager_apply.go and
the Kustomization API, "Controlling the apply behavior of resources".
"""

import copy
import json
import subprocess
from dataclasses import dataclass, field
from typing import Any

import yaml

from rollout.lab.apiserver.patch.merge import merge
from tests.cluster.conftest import Control, kind_of
from tests.deploy import programs

Json = dict[str, Any]
OURS_TO_READ = ("apiVersion", "kind", "metadata", "spec")
SERVERS = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")


@dataclass
class Argo:
    """An Application of one object with self-heal; ``rule``: what ``plan`` printed, or nothing.

    ``server_side``: the sync option ServerSideApply. ``writes``: what it has written so far.
    """

    control: Control
    git: Json
    rule: str = ""
    server_side: bool = False
    writes: int = 0
    _applied: Json = field(default_factory=dict)

    async def round(self) -> bool:
        """Compared, and put back where it is out of sync; whether it was."""
        live = await self._live()
        ignored, options = self._rules()
        ours, theirs = without(self.git, ignored), without(live, ignored)
        if merge(theirs, three_way(without(self._applied, ignored), theirs, ours)) == theirs:
            return False
        target = self.git
        if "RespectIgnoreDifferences=true" in options:
            target = merge(ours, changes(theirs, live))
        await self._sync(live, target)
        self.writes += 1
        return True

    async def _live(self) -> Json:
        meta = self.git["metadata"]
        return plain(
            await self.control.kube.read(kind_of(self.git), meta["namespace"], meta["name"])
        )

    def _rules(self) -> tuple[list[str], list[str]]:
        said = yaml.safe_load(self.rule) or {}
        mine = [r for r in said.get("ignoreDifferences", ()) if r["kind"] == self.git["kind"]]
        paths = [path for rule in mine for path in rule["jqPathExpressions"]]
        return paths, said.get("syncPolicy", {}).get("syncOptions", [])

    async def _sync(self, live: Json, target: Json) -> None:
        """As ``kubectl apply``: a three-way merge patch of a custom resource; or server-side."""
        if self.server_side:
            assert await self.control.server_side(target, "argocd-controller", force=True) == ""
        else:
            patch = three_way(self._applied, live, target)
            meta = target["metadata"]
            await self.control.kube.patch(kind_of(target), meta["namespace"], meta["name"], patch)
        self._applied = copy.deepcopy(target)


@dataclass
class Flux:
    """A Kustomization of one object: applied by force, where a dry run would change it."""

    control: Control
    git: Json
    writes: int = 0

    async def round(self) -> bool:
        """Whether the object had drifted and was put back."""
        meta = self.git["metadata"]
        live = await self.control.kube.read(kind_of(self.git), meta["namespace"], meta["name"])
        marks = {**meta.get("annotations", {}), **live["metadata"].get("annotations", {})}
        if marks.get("kustomize.toolkit.fluxcd.io/ssa") in ("IfNotPresent", "Ignore"):
            return False
        if merge(plain(live), self.git) == plain(live):
            return False
        assert await self.control.server_side(self.git, "kustomize-controller", force=True) == ""
        self.writes += 1
        return True


def plain(obj: Json) -> Json:
    """What a GitOps tool compares: no status, nothing that the API server keeps for itself."""
    kept = {key: copy.deepcopy(value) for key, value in obj.items() if key in OURS_TO_READ}
    kept["metadata"] = {k: v for k, v in kept["metadata"].items() if k not in SERVERS}
    return kept


def without(obj: Json, paths: list[str]) -> Json:
    """Without what these jq expressions name, by Argo CD's own jq."""
    if not paths or not obj:
        return copy.deepcopy(obj)
    command = [str(programs.built(programs.JQ)), *paths]
    done = subprocess.run(
        command, input=json.dumps(obj), capture_output=True, text=True, check=True
    )
    found: Json = json.loads(done.stdout)
    return found


def three_way(applied: Json, live: Json, target: Json) -> Json:
    """As ``kubectl apply``: what was applied and is asked for no more goes; the rest is asked."""
    gone = dropped(applied, target)
    return merged_patches(gone, changes(live, merge(live, target)))


def dropped(before: Json, after: Json) -> Json:
    """A merge patch that takes away what only ``before`` has."""
    patch: Json = {key: None for key in before if key not in after}
    for key, value in before.items():
        other = after.get(key)
        if isinstance(value, dict) and isinstance(other, dict) and (inner := dropped(value, other)):
            patch[key] = inner
    return patch


def merged_patches(first: Json, second: Json) -> Json:
    """Both merge patches in one; they change different keys."""
    found = dict(first)
    for key, value in second.items():
        inner = found.get(key)
        both = isinstance(value, dict) and isinstance(inner, dict)
        found[key] = merged_patches(inner, value) if both else value  # type: ignore[arg-type]
    return found


def changes(before: Json, after: Json) -> Json:
    """The JSON merge patch (RFC 7386) from one to the other."""
    patch: Json = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := changes(old, value):
                patch[key] = inner
        elif key not in before or old != value:
            patch[key] = copy.deepcopy(value)
    return patch
