"""Whole files as people had them, and what a plan says of each."""

from pathlib import Path

import pytest

from rollout.cli.exits import Exit
from tests.cli.conftest import Run

CASES = Path(__file__).parents[2] / "cases"

STOPS = {
    "02-tls-passthrough": "ROL-055: service vault: its routes are tls, of which no requests are "
    "counted, so errors, latency can never open a gate; "
    "metrics of its own are wanted (query, or bad with total)",
    "20-first-adoption": "route to a subset of one: hw-v1 and hw-v2 share these requests",
    "26-no-effect": "ROL-037: service db: all its routes are tcp, which have no cohorts; "
    "steps by weight alone are wanted",
    "27-shadowed": "ROL-023: virtualservice default/web http[1]: is never reached; "
    "http[0] before it takes all its requests",
}


@pytest.mark.parametrize(("case", "because"), STOPS.items())
def test_a_journey_without_effect_stops_before_it_begins(run: Run, case: str, because: str) -> None:
    planned = run("plan", "--brief", str(CASES / f"{case}.yaml"), cluster=False)
    assert planned.exit_code == Exit.FAILED
    assert f"stops here: {because}\n" in planned.stdout


@pytest.mark.parametrize("case", ["22-named-routes", "23-gateway-port", "24-claims"])
def test_a_journey_that_can_go_well_is_not_stopped(run: Run, case: str) -> None:
    planned = run("plan", "--brief", str(CASES / f"{case}.yaml"), cluster=False)
    assert (planned.exit_code, "next has everyone" in planned.stdout) == (0, True)


def test_a_cohort_that_the_root_never_delegates_is_told_before_it_is_written(run: Run) -> None:
    planned = run("plan", str(CASES / "10-connected-virtualservices.yaml"), cluster=False)
    told = [line for line in planned.stdout.splitlines() if line.startswith("! ROL-038")]
    assert planned.exit_code == 0
    assert told[0] == (
        "! ROL-038: cohort 1: nobody can be of it at virtualservice bank/pay-routes http[0] "
        "slow-lane: virtualservice front/edge http[0] pay delegates no such request"
    )


def test_a_claim_is_written_as_its_author_spells_it(run: Run) -> None:
    planned = run("plan", str(CASES / "24-claims.yaml"), cluster=False)
    assert "@request.auth.claims.userId" in planned.stdout


def test_an_overruled_rule_lets_the_journey_go_on_and_says_why(run: Run, tmp_path: Path) -> None:
    text = (CASES / "27-shadowed.yaml").read_text()
    reason = "preflight: {overrule: [{rule: ROL-023, reason: legacy ends on Monday}]}"
    file = tmp_path / "web.yaml"
    file.write_text(text.replace("service: web, ", f"service: web, {reason}, "))
    planned = run("plan", "--brief", str(file), cluster=False)
    assert planned.exit_code == 0
    assert (
        "http[0] before it takes all its requests (overruled: legacy ends on Monday)"
        in planned.stdout
    )
