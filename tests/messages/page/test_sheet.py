"""The page names revisions and people as a terminal and a chat do."""

from dataclasses import replace
from datetime import UTC, datetime

from rollout.messages import terminal
from rollout.messages.page import rows, sheet
from rollout.model.status import Answer, Attempt, Rejected, Revision, RolloutStatus

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OBJ = {"metadata": {"namespace": "shop", "name": "checkout"}}
HASHED = Revision("6s929z52vt", template_hash="6s929z52vt", image="shop:v2")
CLAIMED = Answer(yes=True, at=NOON, step=0, attempt=1, claimed="ann", reason="looks well")
STATUS = RolloutStatus(
    stable=Revision("f46tmnjwhr", template_hash="f46tmnjwhr", image="shop:v1"),
    attempt=replace(Attempt(), canary=HASHED, approvals=(CLAIMED,)),
    rejected=Rejected(HASHED, "errors", NOON),
)


def test_a_revision_that_is_a_hash_is_shown_by_its_image() -> None:
    line = rows.rollout(OBJ, STATUS)
    whole = sheet.sheet(sheet.FoundRollout(OBJ, STATUS, None), NOON)
    assert (line["id"], line["stable"], line["canary"]) == (
        "rollout/shop/checkout", "shop:v1", "shop:v2",
    )  # fmt: skip
    assert [whole["sides"][side]["name"] for side in ("stable", "canary")] == ["shop:v1", "shop:v2"]


def test_notes_say_who_answered_and_which_release_was_rejected_in_the_terminals_words() -> None:
    notes = sheet.sheet(sheet.FoundRollout(OBJ, STATUS, None), NOON)["notes"]
    assert notes == [
        {"label": "Rejected", "text": "shop:v2 (6s929z52vt): errors"},
        {"label": "Answer", "text": "ann (unverified): yes (looks well)"},
    ]
    told = terminal.facts("shop/checkout", STATUS, NOON)
    assert [fact.text for fact in told if fact.label == "Answer"] == [notes[1]["text"]]
