"""The chart as Helm renders it."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deploy import programs

CHART = Path(__file__).parents[2] / "deploy" / "chart"
OWN = "rollout-system"
Json = dict[str, Any]


class ChartRefusedError(Exception):
    """Helm refused the values; the text is what it says."""


@dataclass(frozen=True)
class Helm:
    """One version of Helm."""

    program: Path

    @classmethod
    def at(cls, major: int) -> "Helm":
        """Helm 4, or Helm 3 as Argo CD and Flux have it."""
        return cls(programs.helm4() if major == 4 else programs.built(programs.HELM))

    def says(self, *words: str, stdin: str = "") -> str:
        """What it prints; it writes nothing outside of the folder that the test gives.

        Errors: ``ChartRefusedError``.
        """
        command = [str(self.program), *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ChartRefusedError(done.stderr)
        return done.stdout

    def rendered(self, values: Json | None = None, own: str = OWN) -> list[Json]:
        """``helm template`` for a server of today. Errors: ``ChartRefusedError``."""
        words = ("template", "rollout", str(CHART), "--namespace", own, "--kube-version", "1.34.0")
        text = self.says(*words, "--values", "-", stdin=json.dumps(values or {}))
        return [obj for obj in yaml.load_all(text, yaml.CSafeLoader) if obj]


def one(objs: list[Json], kind: str, name: str = "rollout") -> Json:
    (found,) = (o for o in objs if (o["kind"], o["metadata"]["name"]) == (kind, name))
    return found
