"""What real istiods 1.29.6 and 1.30.3, and istioctl 1.30.3, wrote and answered in one cluster.

The files are not ours to keep: where they are not, the tests that compare with them are skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

Json = dict[str, Any]
FOLDER = Path(
    os.environ.get(
        "ROLLOUT_ISTIO_REVISIONS", Path(__file__).parents[4] / "shared/data/istio-revisions"
    )
)
WORDS = "(base64 of the PEM root, written by istiod)"
"""In place of every CA bundle."""


def documents(name: str) -> list[Json]:
    return [each for each in yaml.safe_load_all(text(name)) if each]


def text(name: str) -> str:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no objects of real istiods at {FOLDER}; ROLLOUT_ISTIO_REVISIONS names them")
    return path.read_text()


def parsed(name: str) -> Any:
    return json.loads(text(name))


def named(found: list[Json], kind: str, name: str) -> Json:
    return next(each for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name))
