"""What the demo of an upgrade says, in lines of 80 columns."""

from rollout.cli.lab.meshdemo import told
from rollout.model.upgrading import State, UpgradeStatus

LONG = "deployment istio-ingress/istio-ingressgateway: 1 of 2 pods are ready (2 there)"


def test_a_sentence_is_told_whole_behind_the_stop_that_it_is_about() -> None:
    status = UpgradeStatus(state=State.GATEWAYS, because=LONG)
    text = told("istio-ingress/istio-ingressgateway", status)
    assert " ".join(text.split()) == f"istio-ingress/istio-ingressgateway: {LONG}"
    assert all(len(line) <= 80 and line.startswith(" " * 8) for line in text.splitlines())


def test_a_stop_is_not_named_twice() -> None:
    status = UpgradeStatus(state=State.WAVES, because="early: all of its proxies are at 1-30-3")
    assert told("early", status).strip() == status.because
    status = UpgradeStatus(state=State.BAKE, because="nobody uses 1-29-6; baking")
    assert told("bake", status).strip() == status.because
