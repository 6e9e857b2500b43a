from rollout.model import turn


def test_a_sentence_has_less_than_80_characters_and_one_line() -> None:
    assert turn.short("a\n b") == "a b"
    assert (turn.short("x" * 79), turn.short("x" * 80)) == ("x" * 79, "x" * 31 + "…" + "x" * 47)
