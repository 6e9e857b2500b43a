"""What the server has, told to clients: /api, /apis, /version.

Source: Kubernetes docs, "Kubernetes API Concepts", section "API Discovery".
"""

from __future__ import annotations

from typing import Any

from rollout.lab.apiserver.kinds.kind import ALL_VERBS, Kind, Kinds

JsonObject = dict[str, Any]

# The version whose behaviour the lab keeps to where versions differ.
VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.0-rollout-lab",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "python",
}

# Answered, never stored; kubectl and clients ask them whether they may.
REVIEWS = {
    "authorization.k8s.io": (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("subjectaccessreviews", "SubjectAccessReview"),
    ),
    "authentication.k8s.io": (
        ("tokenreviews", "TokenReview"),
        ("selfsubjectreviews", "SelfSubjectReview"),
    ),
}


def core_versions(host: str) -> JsonObject:
    """/api"""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}],
    }


def groups(kinds: Kinds) -> JsonObject:
    """/apis"""
    found = {group: versions for group, versions in _all_groups(kinds).items() if group}
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name, versions) for name, versions in found.items()],
    }


def _all_groups(kinds: Kinds) -> dict[str, list[str]]:
    return {**kinds.groups(), **{group: ["v1"] for group in REVIEWS}}


def group(kinds: Kinds, name: str) -> JsonObject | None:
    """/apis/<group>; None if there is none."""
    versions = _all_groups(kinds).get(name)
    if not versions or not name:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def _group(name: str, versions: list[str]) -> JsonObject:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def resources(kinds: Kinds, name: str, version: str) -> JsonObject | None:
    """/api/v1 and /apis/<group>/<version>; None if there is none."""
    found = kinds.in_version(name, version)
    if not found and (name not in REVIEWS or version != "v1"):
        return None
    listed = [entry for kind in found for entry in _resources(kind)]
    listed += [_review(*names) for names in REVIEWS.get(name, ())]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{name}/{version}" if name else version,
        "resources": listed,
    }


def _resources(kind: Kind) -> list[JsonObject]:
    entry: JsonObject = {
        "name": kind.plural,
        "singularName": kind.singular or kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(ALL_VERBS),
    }
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    below = [_below(kind, "status", kind.kind)] if kind.status else []
    if kind.scale:
        below.append({**_below(kind, "scale", "Scale"), "group": "autoscaling", "version": "v1"})
    return [entry, *below]


def _below(kind: Kind, name: str, shown: str) -> JsonObject:
    return {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": shown,
        "verbs": ["get", "patch", "update"],
    }


def _review(plural: str, kind: str) -> JsonObject:
    return {
        "name": plural,
        "singularName": kind.lower(),
        "namespaced": False,
        "kind": kind,
        "verbs": ["create"],
    }
