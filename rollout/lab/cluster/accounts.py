"""Every namespace has a ServiceAccount ``default``, without which a real server makes no pod.

Source: Kubernetes, pkg/controller/serviceaccount/serviceaccounts_controller.go. No account's token
is mounted, since nobody in the lab makes tokens, and an older server insists on those it mounts.
"""

from collections.abc import Iterator
from datetime import datetime

from rollout.lab.cluster import pods
from rollout.lab.kube.client import ACCOUNT, NAMESPACE
from rollout.lab.kube.watched import Create, Patch, Plan, Watched, Write

KINDS = (NAMESPACE, ACCOUNT)
_UNMOUNTED = {"automountServiceAccountToken": False}


def plan(watched: Watched, now: datetime) -> Plan:
    """The accounts that are missing, and those that would be mounted."""
    del now
    return Plan([*_missing(watched), *_mounted(watched)])


def _missing(watched: Watched) -> Iterator[Write]:
    for space in watched.all(NAMESPACE):
        name = space["metadata"]["name"]
        if not pods.leaving(space) and watched.find(ACCOUNT, name, "default") is None:
            meta = {"name": "default", "namespace": name}
            yield Create(ACCOUNT, {"metadata": meta, **_UNMOUNTED})


def _mounted(watched: Watched) -> Iterator[Write]:
    for account in watched.all(ACCOUNT):
        if "automountServiceAccountToken" not in account:
            meta = account["metadata"]
            yield Patch(ACCOUNT, meta["namespace"], meta["name"], _UNMOUNTED)
