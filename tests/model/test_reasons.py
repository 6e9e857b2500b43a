from rollout.model.reasons import PauseKind, Verb


def test_a_verb_is_read_from_its_word_and_nothing_else_is_one() -> None:
    assert [Verb.of(verb.value) for verb in Verb] == [*Verb]
    assert (Verb.of("dance"), Verb.of("Abort"), Verb.of("")) == (None, None, None)


def test_what_a_person_has_to_decide_does_not_pass_by_itself() -> None:
    stays = {kind for kind in PauseKind if not kind.may_pass}
    assert stays == {
        PauseKind.PERSON,
        PauseKind.DRIFT,
        PauseKind.FAILED,
        PauseKind.UNAPPROVED,
        PauseKind.LAST_STEP,
        PauseKind.PODS_LOST,
        PauseKind.REBUILT,
        PauseKind.STABLE_WORSE,
    }
