"""The command step of our ``action.yml``, run as GitHub's runner runs a composite action's.

Source: docs.github.com, "Metadata syntax reference" (``runs.steps`` of composite actions) and
"Store information in variables" (the files and variables of a step).
"""

import asyncio
import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import rollout
from rollout.cli import settings
from rollout.errors import OutsideError

ROOT = Path(rollout.__file__).parent.parent
_EXPRESSION = re.compile(r"\$\{\{\s*inputs\.([a-z-]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Done:
    """How a step ended: its exit code, its log, and the summary that it wrote."""

    code: int
    log: str
    summary: str


@dataclass(frozen=True, slots=True)
class Runner:
    """A runner with a checkout. ``pull``: the pull request's number; ``api``: GitHub's.

    ``kubeconfig``: of the cluster that a job before has let it in to.
    """

    checkout: Path
    folder: Path
    repository: str
    commit: str
    pull: int
    api: str
    kubeconfig: Path

    async def run(self, **inputs: str) -> Done:
        """The action's step ``command``; what it installs elsewhere is this installation here.

        Errors: ``OutsideError`` where the action does not lie beside the program.
        """
        action = _action()
        (step,) = (one for one in action["runs"]["steps"] if one["id"] == "command")
        asked = {name.replace("_", "-"): value for name, value in inputs.items()}
        defaults = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
        known = {name: "" if "${{" in text else text for name, text in defaults.items()} | asked
        given = {
            name: _EXPRESSION.sub(lambda found: known[found[1]], text)
            for name, text in step["env"].items()
        }
        environment = self._environment()
        process = await asyncio.create_subprocess_exec(
            *("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]),
            cwd=self.checkout,
            env=settings.inherited(**environment, **given),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        log, _ = await process.communicate()
        summary = Path(environment["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
        return Done(process.returncode or 0, log.decode(errors="replace"), summary)

    def _environment(self) -> Mapping[str, str]:
        """The files and variables of one step, new for each."""
        room = self.folder / "rollout-action" / "bin"
        room.mkdir(parents=True, exist_ok=True)
        ours = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m rollout "$@"\n'
        (room / "rollout").write_text(ours, encoding="utf-8")
        (room / "rollout").chmod(0o755)
        event = {"pull_request": {"number": self.pull}}
        (self.folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
        for name in ("output", "summary"):
            (self.folder / name).write_text("", encoding="utf-8")
        return {
            "PYTHONPATH": str(ROOT),
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.checkout),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_SHA": self.commit,
            "GITHUB_API_URL": self.api,
            "KUBECONFIG": str(self.kubeconfig),
        }


def _action() -> dict[str, Any]:
    path = ROOT / "action.yml"
    if not path.is_file():
        raise OutsideError(f"{path}: no such file; the demo needs a clone of the repository")
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found
