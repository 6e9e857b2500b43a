"""Inventory, rules and plan of a large mesh: 500 namespaces, 5,000 workloads, 20,000 pods.

The promise: at most 5 s and 512 MiB. Pods come one by one, as a list comes page by page; all else
is in memory as JSON. CPU time, and the process's own peak; no network.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator

from rollout import lenient
from rollout.controller.loop import clock
from rollout.istio.revisions import proxies
from rollout.model.upgrade import ControlPlaneUpgradeSpec, DefaultMove, Wave
from rollout.upgrade import rules
from rollout.upgrade.inventory import Beside, inventory
from rollout.upgrade.rules.case import Case
from tests.istio.revisions.objects import Json, client
from tests.upgrade import mesh

SECONDS, MEBIBYTES = 5.0, 512
SPEC = ControlPlaneUpgradeSpec(
    mesh.OLD,
    mesh.NEW,
    waves=(
        Wave("first", percentage=0.05),
        Wave("team-7", selector={"team": "7"}),
        Wave("half", percentage=0.5),
        Wave("rest", one_at_a_time=True),
    ),
    default=DefaultMove(),
)


def world(spaces: int, workloads: int) -> mesh.World:
    """All but the pods."""
    whole = mesh.joined(mesh.healthy())
    for number in range(spaces):
        name = f"team-{number}"
        labels = {"istio.io/rev": ("prod", mesh.OLD)[number % 2], "team": str(number % 10)}
        whole["Namespace"].append(mesh.spaced(name, labels))
        whole["ConfigMap"].append(mesh.root(name))
        whole["PodDisruptionBudget"].append(mesh.budget("all", name, {"app": "app-0"}))
    for number in range(workloads):
        space = f"team-{number % spaces}"
        whole["Deployment"].append(mesh.deployment(f"app-{number // spaces}", space, 4))
    return whole


def pods(spaces: int, workloads: int, each: int) -> Iterator[Json]:
    """The pods, one by one, as a reader keeps them."""
    for number in range(workloads):
        space, name = f"team-{number % spaces}", f"app-{number // spaces}"
        for pod in mesh.pods(name, space, mesh.OLD, each):
            yield dict(proxies.slim(pod))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--namespaces", type=int, default=500)
    asked.add_argument("--workloads", type=int, default=5000)
    asked.add_argument("--pods", type=int, default=4, help="of each workload")
    given = asked.parse_args()
    objects = world(given.namespaces, given.workloads)
    listed = [*pods(given.namespaces, given.workloads, given.pods)]
    names = (lenient.meta(pod) for pod in listed)
    page = [client(f"{meta['name']}.{meta['namespace']}", "1.29.6") for meta in names]
    began = time.process_time()
    known = inventory({**objects, "Pod": listed}, mesh.SYSTEM, Beside("1.33", [(mesh.OLD, page)]))
    taken = time.process_time() - began
    case = Case.of("mesh", SPEC, known, clock())
    found = rules.findings(case)
    whole = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counted = f"{len(known.namespaces)} namespaces, {len(known.workloads)} workloads"
    print(f"{counted}, {len(known.pods)} pods, {len(found)} findings, {case.plan.pods} restarts")
    print(f"inventory {taken:.2f} s, with plan and rules {whole:.2f} s, peak {peak:.0f} MiB")
    print(f"promised: {SECONDS:.0f} s and {MEBIBYTES} MiB")
    if whole > SECONDS or peak > MEBIBYTES:
        sys.exit(1)


if __name__ == "__main__":
    main()
