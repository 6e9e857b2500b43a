"""What the demo of an upgrade says, in lines of 80 columns."""

from datetime import UTC, datetime

from rollout.cli.lab.meshdemo import told, where
from rollout.model.upgrading import Attempt, State, StopStatus, UpgradeStatus

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
LONG = "deployment istio-ingress/istio-ingressgateway: 1 of 2 pods are ready (2 there)"


def test_a_sentence_is_told_whole() -> None:
    text = told(UpgradeStatus(state=State.GATEWAYS, because=LONG))
    assert " ".join(text.split()) == LONG
    assert all(len(line) <= 80 and line.startswith(" " * 8) for line in text.splitlines())


def at(state: State, stop: str) -> str:
    return where(UpgradeStatus(state=state, attempt=Attempt(stop=StopStatus(stop, NOON))))


def test_the_stop_is_named_beside_its_state_unless_it_is_all_of_that() -> None:
    assert at(State.GATEWAYS, "istio-ingress/istio-ingressgateway") == (
        "Gateways istio-ingressgateway"
    )
    assert at(State.WAVES, "early") == "Waves early"
    assert at(State.BAKE, "bake") == "Bake"
