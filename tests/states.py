"""The page of states, drawn from the tables; ``make generate`` writes it anew."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from rollout.model.status import PHASE_MAY_FOLLOW, STAGE_MAY_FOLLOW, Phase, Stage

T = TypeVar("T", bound=StrEnum)
PAGE = Path(__file__).parent.parent / "docs" / "states.md"

STAGES: Mapping[Stage, str] = {
    Stage.IDLE: "Stable has everyone; nothing of ours is on the routes.",
    Stage.PREPARING: "Subsets, canary pods and preflight; no request reaches the canary.",
    Stage.STEPPING: "At a step, until its gate opens.",
    Stage.SWITCHING: "Everyone is sent to the canary, and the proxies take it.",
    Stage.BAKING: "Everyone is on the canary, the old pods are warm, gates still judge.",
    Stage.REPOINTING: "Subset `stable` changes its meaning, at weight 0.",
    Stage.RETURNING: "Everyone is sent to subset `stable`, which is the new revision now.",
    Stage.RETIRING: "The routes are git's again; the old pods drain and go.",
    Stage.WITHDRAWING: "Everyone is sent back to stable, as far as stable can carry them.",
    Stage.CLEANING: "The routes are git's again; the withdrawn pods drain and go.",
}
PHASES: Mapping[Phase, str] = {
    Phase.HEALTHY: "Stable is what git asks for, and has everyone.",
    Phase.PROGRESSING: "A journey is under way.",
    Phase.PAUSED: "We stand still: a person asked for it, or is asked; `because` says which.",
    Phase.ROLLING_BACK: "Traffic goes, or has gone, back to stable.",
    Phase.DEGRADED: "What git asks for was rejected; stable has everyone.",
}


def page() -> str:
    """The whole page: what each phase and stage means, and which may follow which."""
    return "\n".join(
        (
            "# States",
            "",
            "Drawn by `make generate` from the two tables in `rollout/model/status.py`.",
            "A property checks every decision against them, so this is all that can happen.",
            "",
            "## Phases",
            "",
            "The word that every screen shows.",
            "",
            *_meanings(PHASES),
            "",
            *_diagram(PHASE_MAY_FOLLOW, Phase.HEALTHY),
            "",
            "## Stages",
            "",
            "Where inside a journey we are; traffic changes only where a stage is entered.",
            "",
            *_meanings(STAGES),
            "",
            *_diagram(STAGE_MAY_FOLLOW, Stage.IDLE),
            "",
        )
    )


def _meanings(meanings: Mapping[Stage, str] | Mapping[Phase, str]) -> Iterable[str]:
    yield "| | |"
    yield "| --- | --- |"
    yield from (f"| **{name}** | {words} |" for name, words in meanings.items())


def _diagram(follows: Mapping[T, frozenset[T]], first: T) -> Iterable[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"  [*] --> {first}"
    for one, others in follows.items():
        yield from (f"  {one} --> {other}" for other in sorted(others))
    yield "```"
