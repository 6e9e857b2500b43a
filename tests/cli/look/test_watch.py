from dataclasses import replace
from io import StringIO

from rich.console import Console

from rollout.cli.cluster import SeenRollout
from rollout.cli.look import pictures
from rollout.manifest import record
from rollout.model.status import Stage
from tests import make
from tests.cli.test_commands import STATUS


def test_the_picture_shows_phase_split_steps_and_the_past_within_80_columns() -> None:
    status = record.status({"metadata": {"name": "shop"}, "status": STATUS})
    found = SeenRollout({}, make.rollout(make.canary_spec(5, 40), "v2"), status)
    console = Console(width=80, record=True, file=StringIO())
    console.print(pictures.rollout(found))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines[:2] == ["shop/shop  Progressing  v1 -> v2", "baking for 1m"]
    assert lines[3:5] == ["● step 1           5%", "○ step 2          40%"]
    assert lines[5].startswith("  in step 1 for ")
    assert lines[-1].endswith("95/5    v2 is ready")


def test_after_the_last_step_all_are_past_and_everyone_is_on_the_canary() -> None:
    attempt = {"canary": {"name": "v2"}}
    going = STATUS | {"stage": {"name": "Returning"}, "stable": attempt["canary"]}
    going |= {"attempt": attempt}
    status = record.status({"metadata": {"name": "shop"}, "status": going})
    moved = SeenRollout({}, make.rollout(make.canary_spec(5, 40), "v2"), status)
    rest = make.changed(status, canary=None, stage=Stage.RETIRING)
    shown = []
    for found in (moved, replace(moved, status=rest)):
        console = Console(width=80, record=True, file=StringIO())
        console.print(pictures.rollout(found))
        shown.append([line.rstrip() for line in console.export_text().splitlines()][2:5])
    steps = ["✓ step 1           5%", "✓ step 2          40%"]
    assert shown == [[f"{'█' * 40} 100% canary", *steps], [f"{'░' * 40} no canary", *steps]]
