"""``crds`` and ``schema``: what the API server and editors need to know of our kinds."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from rollout import yamltext
from rollout.manifest import definition
from rollout.manifest import schema as made


def crds() -> None:
    """Print our CustomResourceDefinitions: rollout crds | kubectl apply -f -"""
    documents = [definition.crd(kind) for kind in made.KINDS.values()]
    print(yamltext.documents(documents), end="")


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
    print(json.dumps(made.document(kind.value), indent=2))
