"""Every generated file anew: ``make generate``; tests fail when one of them is stale."""

from pathlib import Path

from rollout.cli.installing import chart, kept
from rollout.cli.manifests import rbac
from rollout.manifest import generated
from tests import clipage, reference, rooms, states
from tests.convert import published
from tests.sim import journal

ROOT = Path(__file__).parents[1]


MONITORING = ("alerts.yaml", "board.json")
"""Written by hand for kustomize; the chart, which cannot reach beyond its folder, has copies."""


def files() -> dict[str, str]:
    """What is made from the nouns, by path in the repository."""
    copies = {
        f"{chart.PATH}/files/{name}": (ROOT / "deploy/monitoring" / name).read_text()
        for name in MONITORING
    }
    return {**generated.files(), **rbac.files(), **kept.files(), **chart.files(), **copies}


def main() -> None:
    for path, text in (files() | journal.files()).items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
    for made in (states, rooms, reference, clipage, published):
        made.PAGE.write_text(made.page())


if __name__ == "__main__":
    main()
