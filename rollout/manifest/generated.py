"""The files of this repository that are made from the nouns: CRDs, and schemas for editors."""

import json
from collections.abc import Mapping

from rollout import yamltext
from rollout.manifest.definition import crd
from rollout.manifest.schema import KINDS, Schema, document

PRINTED = "rollout/cli/manifests/made"
"""What ``rollout crds`` and ``rollout schema`` print; it is installed with them."""


def files() -> Mapping[str, str]:
    """Every generated file by its path in the repository."""
    kinds = KINDS.values()
    return {
        **{f"deploy/crds/{kind.plural}.yaml": _yaml(crd(kind)) for kind in kinds},
        f"{PRINTED}/crds.yaml": yamltext.documents(map(crd, kinds)),
        **{f"{PRINTED}/{kind.name}.schema.json": _json(document(kind.name)) for kind in kinds},
    }


def _yaml(value: Schema) -> str:
    head = "# Generated from rollout/model by `make generate`; edit the nouns, not this file.\n"
    return head + yamltext.document(value)


def _json(value: Schema) -> str:
    return json.dumps(value, indent=2) + "\n"
