"""What of a Deployment makes it the release that it is: its pod template, without restarts.

How many pods there are, how they are replaced and who scales them is no part of a release;
``docs/decisions/0033-content-is-identity.md`` argues where the line is drawn.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from rollout import lenient
from rollout.memo import remembered

Obj = Mapping[str, Any]

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels, nor 0, 1, 3, so that no hash spells a word or is misread (as Kubernetes does)."""
_LENGTH = 10

LONGEST = 256  # letters of an image's name and tag; a tag has 128 at most

RESTARTS = ("restartedAt", "cattle.io/timestamp")
"""Ends of annotations that start the same pods again: kubectl's and OpenShift's, Rancher's.

Source: kubectl, ``kubectl rollout restart``: ``kubectl.kubernetes.io/restartedAt``; Rancher,
"Redeploy": ``cattle.io/timestamp``.
"""


def digest(content: object) -> str:
    """Ten safe characters that stand for ``content``, which is JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    letters = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[digit])
    return "".join(letters)


@remembered
def of(deployment: Obj) -> str:
    """The digest of the Deployment's pod template: the same build, the same digest.

    Marks of a restart do not count, nor do nulls: whether they are written (as in
    ``creationTimestamp: null``) depends on the API server's version.
    """
    template = (deployment.get("spec") or {}).get("template") or {}
    metadata = template.get("metadata") or {}
    notes = metadata.get("annotations") or {}
    counting = {key: value for key, value in notes.items() if not key.endswith(RESTARTS)}
    return digest(_plain({**template, "metadata": {**metadata, "annotations": counting or None}}))


def image(deployment: Obj) -> str:
    """What the first container runs, as people know it: ``shop:v2``; empty where none is written.

    Without the registry, and with twelve letters of a digest. Kubernetes takes any text for an
    image: no more of it is kept than a name and a tag may have, and nothing that no terminal shows.
    """
    pods = lenient.under(deployment, "spec", "template", "spec", "containers")
    first = next(lenient.mappings(pods), lenient.NONE)
    name = lenient.text(first.get("image")).rpartition("/")[2]
    head, at, digest = name.partition("@")
    short = head if ":" in head or not at else f"{head}@{digest.rpartition(':')[2][:12]}"
    short = short[:LONGEST]
    return short if short.isprintable() else "".join(c if c.isprintable() else "?" for c in short)


def replacing(deployment: Obj) -> bool:
    """Whether pods of the template before the newest edit may still run.

    Source: Kubernetes API, ``DeploymentStatus``: ``updatedReplicas`` counts pods of the present
    template once ``observedGeneration`` is the object's own.
    """
    status, generation = deployment.get("status") or {}, deployment["metadata"].get("generation", 0)
    if "observedGeneration" not in status:
        return False
    pods, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    return bool(status["observedGeneration"] < generation or updated < pods)


def _plain(value: Any) -> Any:
    """``value`` without its nulls."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
