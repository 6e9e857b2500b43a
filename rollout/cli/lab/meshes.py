"""The mesh of the upgrade's demo: its three revisions, and what is asked for; plain objects."""

from rollout.lab.kube.client import MUTATING, NAMESPACE, SERVICE, VALIDATING, Kind, Kube, Object
from rollout.lab.revisions.names import Revision
from rollout.lab.revisions.town import EDGE, GATEWAY
from rollout.model.spec import GROUP, VERSION

REVISIONS = (
    Revision("1-29-6", "1.29.6"),
    Revision("1-30-3", "1.30.3"),
    Revision("1-31-0", "1.31.0"),
)
UPGRADE = Kind(GROUP, VERSION, "controlplaneupgrades", "ControlPlaneUpgrade", namespaced=False)
SECOND = "early"
"""The wave that the bad revision breaks."""
CANARY = ("team-01",)
EARLY = ("team-02", "team-03")
EXPOSED = (*CANARY, *EARLY)
"""Whose pods have the bad revision's proxy when it breaks."""


METRICS = [{"name": "errors"}, {"name": "latency", "slowerThan": ["250ms", "1s"]}]
"""What a user feels; that a busy machine takes some milliseconds more is not the mesh's doing."""


def upgrade(name: str, before: str, after: str) -> Object:
    """One upgrade; times are seconds here that would be minutes elsewhere."""
    quick = {"maxConcurrent": 5, "bake": "3s", "timeBox": "6s"}
    return {
        "metadata": {"name": name},
        "spec": {
            "from": before,
            "to": after,
            "canary": {"name": "canary", "namespaces": list(CANARY), **quick},
            "waves": [
                {"name": SECOND, "namespaces": list(EARLY), **quick},
                {"name": "rest", "percentage": 100, **quick},
            ],
            "gateways": [
                {
                    "deployment": f"{EDGE}/{GATEWAY}",
                    "shares": [50, 100],
                    "bake": "3s",
                    "timeBox": "6s",
                }
            ],
            "default": {"bake": "2s"},
            "bake": "3s",
            "remove": "keep",
            "analysis": {"interval": "1s", "warmup": "1s", "metrics": METRICS},
        },
    }


async def snapshot(kube: Kube) -> dict[str, Object]:
    """Labels of namespaces, tags and webhooks, by kind and name, without the server's own notes."""
    found: dict[str, Object] = {}
    for kind in (NAMESPACE, MUTATING, VALIDATING, SERVICE):
        for obj in (await kube.list(kind))[0]:
            meta = obj["metadata"]
            name = f"{kind.name} {meta.get('namespace', '')}/{meta['name']}"
            kept: Object = {key: meta.get(key) for key in ("labels", "annotations")}
            kept.update((key, obj[key]) for key in ("webhooks", "spec") if key in obj)
            found[name] = kept
    return found
