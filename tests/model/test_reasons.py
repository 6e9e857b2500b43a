from rollout.model.reasons import Verb


def test_a_verb_is_read_from_its_word_and_nothing_else_is_one() -> None:
    assert [Verb.of(verb.value) for verb in Verb] == [*Verb]
    assert (Verb.of("dance"), Verb.of("Abort"), Verb.of("")) == (None, None, None)
