"""Compare-and-swap: a patch that is refused when somebody wrote the object meanwhile."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def unchanged(obj: Json) -> Json:
    """The ``test`` that makes a JSON Patch a compare-and-swap on ``obj``."""
    return {"op": "test", "path": "/metadata/resourceVersion", "value": version(obj)}


def version(obj: Json) -> str:
    """The resourceVersion of ``obj``; empty when it says none."""
    return str(obj["metadata"].get("resourceVersion", ""))
