"""Rules about the pods that are to move, and about who else would mind."""

from collections.abc import Iterator

from rollout.model.mesh import MeshPod, MeshWorkload, Restart
from rollout.model.ref import Ref
from rollout.upgrade.rules.case import Case, several


def refused(case: Case) -> Iterator[str]:
    """UPG-050, B: who is refused before the start cannot be told from who is refused by it."""
    for state in case.mesh.proxies or ():
        if state.errors:
            yield f"pod {state.namespace}/{state.pod}: refuses its configuration: {state.errors[0]}"


def waiting(case: Case) -> Iterator[str]:
    """UPG-050, B: proxies that have not acknowledged what they were sent."""
    behind = [
        Ref("Pod", state.namespace, state.pod)
        for state in case.mesh.proxies or ()
        if state.waiting and not state.errors
    ]
    if behind:
        yield f"{several(behind)}: has not taken what istiod sent"


def without_proxy(case: Case) -> Iterator[str]:
    """UPG-050, W: pods that a webhook should have injected, and that run without a proxy."""
    bare = [pod.ref for pod in case.pods if not pod.proxies and not pod.leaving]
    if bare:
        yield f"{several(bare)}: runs without a proxy where one is asked for"


def two_proxies(case: Case) -> Iterator[str]:
    """UPG-050, B: injected twice already."""
    double = [pod.ref for pod in case.mesh.pods if pod.proxies > 1 and not pod.over]
    if double:
        yield f"{several(double)}: has two proxies"


def leftovers(case: Case) -> Iterator[str]:
    """UPG-051, W: a mixed start, perhaps of an upgrade that was not ended. IST0158."""
    wanted = {r.name: r.injection.image for r in case.mesh.revisions if r.injection}
    other = [
        pod.ref
        for pod in case.pods
        if pod.proxies and not pod.own_image and _differs(pod, wanted.get(pod.revision, ""))
    ]
    if other:
        yield f"{several(other)}: its proxy is not the one that its revision injects"


def _differs(pod: MeshPod, image: str) -> bool:
    return bool(image) and pod.image != image


def immovable(case: Case) -> Iterator[str]:
    """UPG-052, W: nobody makes these pods anew; the old revision stays until they are gone.

    Sources: Kubernetes, "Jobs"; istio#49210.
    """
    left = [ref for wave in case.plan.waves for space in wave.spaces for ref in space.left]
    if left:
        yield f"{several(left)}: cannot be restarted; the old revision stays until it is gone"


def one_by_one(case: Case) -> Iterator[str]:
    """UPG-052, W: deleted one at a time, since their controller leaves them as they are."""
    slow = [each.ref for each in case.workloads if each.restart is Restart.POD_BY_POD]
    if slow:
        yield f"{several(slow)}: does not move by itself; its pods are deleted one at a time"


def downtime(case: Case) -> Iterator[str]:
    """UPG-053, W: what a restart takes off the net. Source: istio#7665."""
    single = [each.ref for each in case.workloads if each.replicas == 1 and not each.surge]
    if single:
        yield f"{several(single)}: has one pod, and is down while it restarts"
    gone = [each.ref for each in case.workloads if _all_at_once(each)]
    if gone:
        yield f"{several(gone)}: all its pods restart at once"
    blind = [each.ref for each in case.workloads if not each.probed]
    if blind:
        yield f"{several(blind)}: has no readiness probe; new pods get requests too early"


def _all_at_once(each: MeshWorkload) -> bool:
    restarted = each.restart is not Restart.MANUAL
    return restarted and each.replicas > 1 and each.unavailable >= each.replicas


def never_free(case: Case) -> Iterator[str]:
    """UPG-053, W: a PodDisruptionBudget that no pod can ever leave."""
    for budget in case.mesh.budgets:
        if budget.never and budget.ref.namespace in case.moving:
            yield f"{budget.ref}: lets no pod go, ever; restarts of pods one by one wait for ever"


def machines(case: Case) -> Iterator[str]:
    """UPG-054, B: nobody here restarts a virtual machine's proxy; it stays at the old istiod."""
    registered = [each.ref for each in case.mesh.machines if each.registered]
    if registered:
        yield f"{several(registered)}: its proxy must be moved by hand"


def perhaps_machines(case: Case) -> Iterator[str]:
    """UPG-054, W: an entry that was written by hand may be a machine with a proxy, too."""
    written = [each.ref for each in case.mesh.machines if not each.registered]
    if written:
        yield f"{several(written)}: if a proxy runs there, it must be moved by hand"


def clusters(case: Case) -> Iterator[str]:
    """UPG-055, B: other clusters have webhooks and proxies of their own.

    Sources: istio#34867, istio#47552.
    """
    for ref in case.mesh.remotes:
        yield f"{ref}: another cluster belongs to this mesh; an upgrade is planned for one"
    outside = [
        each.name for each in case.mesh.injectors if any(hook.calls.url for hook in each.hooks)
    ]
    for name in outside:
        yield f"mutatingwebhookconfiguration {name}: injects by an istiod outside of this cluster"


def own_proxies(case: Case) -> Iterator[str]:
    """UPG-056, W: what would not follow the revision."""
    own = [pod.workload or pod.ref for pod in case.pods if pod.own_image]
    if own:
        yield f"{several(dict.fromkeys(own))}: asks for a proxy image of its own and keeps it"
    odd = [pod.workload or pod.ref for pod in case.pods if pod.templates]
    if odd:
        yield f"{several(dict.fromkeys(odd))}: uses injection templates of its own"
    if case.old and case.old.injection and case.old.injection.templates:
        named = ", ".join(case.old.injection.templates)
        yield f"revision {case.old.name}: injects by templates of your own ({named})"


def under_way(case: Case) -> Iterator[str]:
    """UPG-060, B: requests are being moved in a namespace that is to be restarted."""
    for space in case.mesh.namespaces:
        if space.active and space.name in case.moving:
            yield f"namespace {space.name}: {several(space.active)} is under way in it"


def woken(case: Case) -> Iterator[str]:
    """UPG-060, W: a restart is a change of the template, which another tool takes for a release.

    Sources: Flagger, "How it works"; Argo Rollouts, "Migrating", ``workloadRef``.
    """
    for each in case.workloads:
        if each.runner is not None:
            yield f"{each.ref}: its restart starts a canary of {each.runner}"


def reverted(case: Case) -> Iterator[str]:
    """UPG-061, B: a Kustomization puts git's labels back at each of its rounds.

    Source: Flux, Kustomization, "Controlling the apply behavior of resources".
    """
    for space in case.mesh.namespaces:
        if space.put_back and space.name in case.relabelled:
            yield f"namespace {space.name}: Flux puts its labels back; use a tag, or mark it"
    moved = {*(move.name for move in case.spec.tags), *(w.tag for w in case.plan.waves if w.tag)}
    for tag in case.mesh.tags:
        if tag.put_back and (tag.name in moved or (tag.name == "default" and case.spec.default)):
            yield f"tag {tag.name}: Flux puts git's version back"
    for each in case.mesh.gateways:
        if each.put_back and case.move(each) is not None:
            yield f"{each.ref}: Flux puts git's version back"


def perhaps_reverted(case: Case) -> Iterator[str]:
    """UPG-061, W: what keeps Argo CD's hands off is not seen on the object. argo-cd#1487."""
    by_tool: dict[str, list[str]] = {}
    for space in case.mesh.namespaces:
        if space.owner and not space.put_back and space.name in case.relabelled:
            by_tool.setdefault(space.owner, []).append(space.name)
    for tool, names in by_tool.items():
        what = "may put its labels back" if tool != "Helm" else "upgrades may put its labels back"
        yield f"namespace {several(names)}: {tool} {what}; an ignore rule, or a tag, is wanted"
    owners = {each.name: each.owner for each in case.mesh.injectors}
    owners |= {each.name: each.owner for each in case.mesh.validators}
    for name, tool in owners.items():
        if tool == "Argo CD":
            yield f"webhooks {name}: Argo CD owns them; it must ignore their selectors"


def uncovered(case: Case) -> Iterator[str]:
    """UPG-057, W: namespaces that stay behind; the old revision cannot be removed then."""
    if case.plan.uncovered:
        left = several(case.plan.uncovered)
        yield f"namespace {left}: is at {case.spec.from_} and in no wave"


def missing(case: Case) -> Iterator[str]:
    """UPG-057, W: namespaces that a wave names and that are not at the old revision."""
    for wave in case.plan.waves:
        if wave.missing:
            yield f"wave {wave.name}: {several(wave.missing)} is not at {case.spec.from_}"
        if not wave.spaces:
            yield f"wave {wave.name}: has no namespace now"
