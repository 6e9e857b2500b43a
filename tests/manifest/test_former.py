from rollout.manifest import former


def test_the_former_shape_is_told_by_its_stage_which_was_a_word() -> None:
    assert former.is_former({"stage": "Idle"})
    assert not former.is_former({"stage": {"name": "Idle"}})
    assert not former.is_former({})


def test_a_moment_without_its_revision_and_a_gate_without_its_step_are_dropped() -> None:
    stored = {"stage": "Idle", "previousSince": "then", "opened": {"nonce": "n"}, "colour": "blue"}
    assert former.brought_up(stored) == {
        "stage": {"name": "Idle"},
        "attempt": {},
        "colour": "blue",
    }


def test_what_is_stored_is_not_changed() -> None:
    step = {"index": 0}
    stored = {"stage": "Stepping", "step": step, "opened": {"nonce": "n"}}
    assert former.brought_up(stored)["attempt"] == {"step": {"index": 0, "opened": {"nonce": "n"}}}
    assert step == {"index": 0}
