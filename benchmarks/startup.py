"""How much CPU every command takes to start, beside Python itself: ``make bench-startup``.

Of bytecode that is there, as in an installation: the first run of each command writes it.
What works on files is run on the examples; of what asks a cluster, runs the lab or the controller
``--help``, and ``status`` until nobody answers; a completion as a shell asks for it.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from rollout.cli.main import Commands

RUNS = 7
EXAMPLE = "examples/canary"
FILES = (
    ("--version",),
    ("--help",),
    ("crds",),
    ("schema", "Rollout"),
    ("install",),
    ("rbac",),
    ("validate", f"{EXAMPLE}/rollout.yaml"),
    ("validate", EXAMPLE),
    ("plan", EXAMPLE),
    ("convert", EXAMPLE),
    ("audit", "verify", "examples/README.md"),
)
COMPLETED = ("st", "status --", "plan --", "preflight --")
NOBODY = """
{apiVersion: v1, kind: Config, current-context: c, users: [],
 clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}],
 contexts: [{name: c, context: {cluster: c, user: ""}}]}
"""


def seconds(command: list[str], more: Mapping[str, str] | None = None) -> tuple[float, float]:
    """The least and the median CPU of some runs: what is over the least is the machine's noise."""
    _once(command, more or {})
    taken = [_once(command, more or {}) for _ in range(RUNS)]
    return min(taken), median(taken)


def _once(command: list[str], more: Mapping[str, str]) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    quiet = subprocess.DEVNULL
    env = {**environment, "TERM": "dumb", **more}
    subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, check=False, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    bare, middle = seconds([sys.executable, "-c", "pass"])
    print(f"{'command':<46}{'least CPU s':>12}{'median':>9}{'x bare Python':>15}")

    def line(name: str, least: float, middle: float) -> None:
        print(f"{name:<46}{least:>12.3f}{middle:>9.3f}{least / bare:>15.1f}", flush=True)

    line("python -c pass", bare, middle)
    line(
        "python -c 'import typer, pydantic.types'",
        *seconds([sys.executable, "-c", "import typer, pydantic.types"]),
    )
    for words in (*FILES, *((name, "--help") for name in Commands.entries)):
        line(f"rollout {' '.join(words)}", *seconds([sys.executable, "-m", "rollout", *words]))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        config.write_text(NOBODY, encoding="utf-8")
        asked = ["status", "--kubeconfig", str(config)]
        line("rollout status", *seconds([sys.executable, "-m", "rollout", *asked]))
    door = "import sys; sys.argv[0] = 'rollout'; from rollout.cli.main import main; main()"
    for text in COMPLETED:
        shell = {"COMP_WORDS": f"rollout {text}", "COMP_CWORD": str(len(text.split()))}
        asking = {"_ROLLOUT_COMPLETE": "complete_bash", **shell}
        line(f"completion of rollout {text}", *seconds([sys.executable, "-c", door], asking))


if __name__ == "__main__":
    main()
