"""Every generated file anew: ``make generate``; tests fail when one of them is stale."""

from pathlib import Path

from rollout.cli.manifests import install, rbac
from rollout.manifest import generated
from tests import clipage, reference, rooms, states

ROOT = Path(__file__).parents[1]


def main() -> None:
    for path, text in {**generated.files(), **rbac.files(), **install.files()}.items():
        (ROOT / path).write_text(text)
    for made in (states, rooms, reference, clipage):
        made.PAGE.write_text(made.page())


if __name__ == "__main__":
    main()
