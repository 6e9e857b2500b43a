"""The files of this repository that are made from the nouns: the CRDs."""

from collections.abc import Mapping

from rollout import yamltext
from rollout.manifest.definition import crd
from rollout.manifest.schema import KINDS, Schema


def files() -> Mapping[str, str]:
    """Every generated file by its path in the repository."""
    return {f"deploy/crds/{kind.plural}.yaml": _yaml(crd(kind)) for kind in KINDS.values()}


def _yaml(value: Schema) -> str:
    head = "# Generated from rollout/model by `make generate`; edit the nouns, not this file.\n"
    return head + yamltext.document(value)
