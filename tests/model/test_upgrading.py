"""Which state may follow which, and what a change is when it is taken back."""

from hypothesis import given
from hypothesis import strategies as st

from rollout.model.ref import Ref
from rollout.model.upgrading import FORWARD, STATE_MAY_FOLLOW, Change, State

AT_REST = (State.IDLE, State.DONE, State.RETURNED)


def test_every_state_has_an_end() -> None:
    assert set(STATE_MAY_FOLLOW) == set(State)
    for state in State:
        reached, border = {state}, [state]
        while border:
            new = STATE_MAY_FOLLOW[border.pop()] - reached
            reached |= new
            border += new
        assert reached & set(AT_REST)


def test_nothing_skips_preflight_and_nothing_passes_the_bake_by() -> None:
    for state in AT_REST:
        assert STATE_MAY_FOLLOW[state] == {State.PREFLIGHT}
    before_removal = {state for state in State if State.REMOVE in STATE_MAY_FOLLOW[state]}
    assert before_removal == {State.NODES}
    assert {state for state in State if State.NODES in STATE_MAY_FOLLOW[state]} == {State.BAKE}
    assert FORWARD[-1] is State.DONE


@given(st.dictionaries(st.text(), st.integers()), st.dictionaries(st.text(), st.integers()))
def test_taking_back_twice_is_doing_it(before: dict[str, int], after: dict[str, int]) -> None:
    change = Change("wave", Ref("Namespace", name="shop"), before, after)
    assert change.undone.undone == change
    assert (change.undone.before, change.undone.after) == (after, before)


def test_an_object_is_named_as_people_name_it() -> None:
    assert str(Ref("Namespace", name="shop")) == "namespace shop"
    assert str(Ref("Deployment", "ingress", "gw")) == "deployment ingress/gw"
