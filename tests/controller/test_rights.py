from rollout.controller import rights
from rollout.controller.rights import Call, Need
from rollout.edges.kube import PATHS


def test_a_call_that_serves_several_needs_names_them_all() -> None:
    found = rights.calls()
    assert found[Call("patch", "Deployment")] == (Need.MANAGED, Need.POD_TEMPLATE)
    assert found[Call("list", "Secret")] == (Need.CONFIGURATION, Need.SECRETS)
    assert found[Call("patch", "Rollout", "status")] == (Need.ROLLOUTS,)


def test_every_kind_of_the_table_is_one_that_an_api_server_knows() -> None:
    assert {call.kind for call in rights.calls(frozenset(Need))} <= set(PATHS)


def test_every_need_has_a_right() -> None:
    assert {need for needs in rights.calls(frozenset(Need)).values() for need in needs} == set(Need)
