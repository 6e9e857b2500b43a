"""``rbac``: the rights that the controller needs, as manifests; made from the one table of them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from rollout import yamltext
from rollout.cli import options
from rollout.controller import rights
from rollout.controller.rights import Call, Need
from rollout.edges.kube import paths

OWN = "rollout-system"
NAME = "rollout"
RBAC = "rbac.authorization.k8s.io"
Json = dict[str, Any]


def rbac(
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="`run -n` of this one; default: of all.")
    ] = "",
    own: options.Own = OWN,
    team: Annotated[
        bool, typer.Option("--manifests", help="Also for sources with `manifests: true`.")
    ] = False,
    upgrades: Annotated[
        bool, typer.Option("--upgrades", help="Only what ControlPlaneUpgrades need besides.")
    ] = False,
) -> None:
    """Print the controller's account and rights: rollout rbac | kubectl apply -f -"""
    needs = rights.USUAL | {Need.MANIFESTS} if team else rights.USUAL
    made = upgrading(own) if upgrades else manifests(namespace, own, needs)
    print(yamltext.documents(made), end="")


def upgrading(own: str) -> list[Json]:
    """The role of upgrades; it reaches the whole cluster, as an upgrade does."""
    rules = _rules(rights.calls(frozenset({Need.UPGRADES})), cluster=None)
    return _granted("ClusterRole", f"{NAME}-upgrades", "", rules, own)


def manifests(namespace: str, own: str, needs: frozenset[Need] = rights.USUAL) -> list[Json]:
    """Account, rights of the replicas among themselves, and rights over Rollouts.

    ``namespace``: the only one to be reached, or empty.
    ``needs``: what rights are granted for, besides those without which nothing works.

    Who reaches one namespace sees of the cluster's own objects that Namespace alone.
    """
    calls = rights.calls(needs | rights.REQUIRED)
    account = {**_head("v1", "ServiceAccount", NAME, own)}
    lead = _granted("Role", NAME, own, _lease_rules(), own)
    if not namespace:
        inside = _granted("ClusterRole", NAME, "", _rules(calls, cluster=None), own)
        return [account, *lead, *inside]
    name = f"{NAME}-{namespace}"
    inside = _granted("Role", name, namespace, _rules(calls, cluster=False), own)
    only = [{**rule, "resourceNames": [namespace]} for rule in _rules(calls, cluster=True)]
    return [account, *lead, *inside, *_granted("ClusterRole", name, "", only, own)]


HEAD = "# Generated from rollout/controller/rights.py by `make generate`"


def files() -> Mapping[str, str]:
    """The manifests kept in this repository, by path."""
    made = {
        "cluster-wide": ("rollout rbac", manifests("", OWN)),
        "one-namespace": ("rollout rbac -n shop", manifests("shop", OWN)),
        "upgrades": ("rollout rbac --upgrades", upgrading(OWN)),
    }
    return {
        f"deploy/rbac/{name}/rbac.yaml": f"{HEAD}: {command}\n{yamltext.documents(objs)}"
        for name, (command, objs) in made.items()
    } | {"docs/rights.md": page()}


def parts(need: Need) -> Mapping[str, list[Json]]:
    """The rules of one need: ``all`` for a ClusterRole, or ``inside`` a namespace and ``outside``.

    What stands outside is the reached namespace's own Namespace, and nothing else of the cluster's.
    """
    if need is Need.LEADER:
        return {"all": _lease_rules()}
    calls = rights.calls(frozenset({need}))
    return {
        "all": _rules(calls, cluster=None),
        "inside": _rules(calls, cluster=False),
        "outside": _rules(calls, cluster=True),
    }


def page() -> str:
    """The page of every right, for ``docs/``."""
    usual = [right for right in rights.RIGHTS if right.need is not Need.UPGRADES]
    others = [right for right in rights.RIGHTS if right.need is Need.UPGRADES]
    return _PAGE + _table(usual) + _UPGRADES + _table(others)


def _table(table: Iterable[rights.Right]) -> str:
    rows = []
    for right in table:
        names = ", ".join(f"`{resource(kind, right.subresource)}`" for kind in right.kinds)
        must = "" if right.need in rights.REQUIRED else "no"
        rows.append(f"| {', '.join(right.verbs)} | {names} | {right.need} | {must or 'yes'} |")
    return "\n".join(rows) + "\n"


_PAGE = """# Rights

Generated from `rollout/controller/rights.py`; a test fails when it is stale.
`rollout rbac` prints the manifests that grant all of it but for sources with `manifests: true`,
`rollout rbac --manifests` those, too, `rollout rbac -n shop` those for `rollout run -n shop`; take
from their roles what you do not use.
Kinds that the policy's `manifests` allows besides must be granted by you, with the same verbs.
A right that is missing is named in the log, when we start and each time that it changes, and in
`/readyz`.
Unless every Rollout needs it, `/readyz` stays 200 and what does not need it goes on.

The Lease `rollout-controller` is in the controller's own namespace; with `--shards` there are
`rollout-controller-1` and on beside it, of which seven may be asked for by name.
The first Secret that is needed starts a watch of all Secrets in reach: RBAC cannot grant a list of
some names.
Where no webhook, `secretRef` or template names a Secret, none is read and none need be granted.
What we make is owned by its Rollout without `blockOwnerDeletion`, so that no right to
`rollouts/finalizers` is needed where OwnerReferencesPermissionEnforcement is on (OpenShift).

| verbs | of | for | needed always |
| --- | --- | --- | --- |
"""


_UPGRADES = """
## Upgrades of the mesh

A role of its own, which only who upgrades Istio with `ControlPlaneUpgrade` needs:
`rollout rbac --upgrades | kubectl apply -f -`, beside the others.
Pods and VirtualServices are only tried, in dry runs; what is deleted is what preflight recorded.

| verbs | of | for | needed always |
| --- | --- | --- | --- |
"""


def _rules(calls: Iterable[Call], cluster: bool | None) -> list[Json]:
    """A rule for each set of verbs; ``cluster``: kinds that stand in no namespace, or no others."""
    verbs: dict[str, list[str]] = {}
    for call in calls:
        wanted = cluster is None or (call.kind in paths.CLUSTERS) is cluster
        if wanted and call.kind != "Lease":
            verbs.setdefault(resource(call.kind, call.subresource), []).append(call.verb)
    rules: dict[tuple[str, str], list[str]] = {}
    for called, found in verbs.items():
        name, _, group = called.partition(".")
        rules.setdefault((group, ",".join(sorted(found))), []).append(name)
    return [
        {"apiGroups": [group], "resources": names, "verbs": found.split(",")}
        for (group, found), names in sorted(rules.items())
    ]


def resource(kind: str, subresource: str) -> str:
    """``rollouts/status.rollout.dev``; ``pods``."""
    base, plural = paths.PATHS[kind]
    name = f"{plural}/{subresource}" if subresource else plural
    return f"{name}.{group}" if (group := paths.group(base)) else name


def _lease_rules() -> list[Json]:
    """A name can be asked for of all but what is yet to be made (RBAC, ``resourceNames``)."""
    group = paths.group(paths.PATHS["Lease"][0])
    verbs = [call.verb for call in rights.calls() if call.kind == "Lease"]
    named = [verb for verb in verbs if verb != "create"]
    return [
        {"apiGroups": [group], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": [group],
            "resources": ["leases"],
            "resourceNames": [*rights.leases(rights.MOST_SHARDS)],
            "verbs": named,
        },
    ]


def _granted(kind: str, name: str, namespace: str, rules: list[Json], own: str) -> list[Json]:
    role = {**_head(f"{RBAC}/v1", kind, name, namespace), "rules": rules}
    binding = {
        **_head(f"{RBAC}/v1", f"{kind}Binding", name, namespace),
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": own}],
    }
    return [role, binding]


def _head(version: str, kind: str, name: str, namespace: str) -> Json:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **where}}
