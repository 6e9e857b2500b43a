"""``crds`` and ``schema``: what the API server and editors need to know of our kinds.

Both print what ``make generate`` has made of the nouns (``rollout/manifest/generated.py``): to make
it anew takes most of a second, and it is the same each time.
"""

from enum import StrEnum
from importlib import resources
from typing import Annotated, Any

import typer

MADE = resources.files("rollout.cli.manifests") / "made"


def crds() -> None:
    """Print our CustomResourceDefinitions: rollout crds | kubectl apply -f -"""
    print(text(), end="")


def text() -> str:
    """Our CustomResourceDefinitions as YAML, with ``---`` between them."""
    return (MADE / "crds.yaml").read_text("utf-8")


def definitions() -> list[dict[str, Any]]:
    """Our CustomResourceDefinitions as objects."""
    from rollout import yamltext  # noqa: PLC0415 - who prints them needs no reader

    found = yamltext.read(text())
    assert found is not None  # noqa: S101 - it is our own file
    return found


class SchemaKind(StrEnum):
    """The kinds that have a schema."""

    ROLLOUT = "Rollout"
    ANALYSIS_TEMPLATE = "AnalysisTemplate"
    ROLLOUT_SOURCE = "RolloutSource"
    CONTROL_PLANE_UPGRADE = "ControlPlaneUpgrade"
    CLUSTER_SWITCHOVER = "ClusterSwitchover"


def schema(
    kind: Annotated[
        SchemaKind, typer.Argument(help="Which kind.", case_sensitive=False)
    ] = SchemaKind.ROLLOUT,
) -> None:
    """Print a kind's JSON Schema, for editors.

    In VS Code: {"yaml.schemas": {"rollout.schema.json": "*.rollout.yaml"}}
    """
    print((MADE / f"{kind.value}.schema.json").read_text("utf-8"), end="")
