from rollout.model.finding import Finding, Severity


def test_a_finding_reads_as_its_rule_and_its_sentence() -> None:
    found = Finding("ROL-010", Severity.BLOCK, "deployment shop-v2: has no pods")
    assert str(found) == "ROL-010: deployment shop-v2: has no pods"


def test_one_that_a_person_lets_pass_says_why() -> None:
    found = Finding("ROL-010", Severity.WARN, "deployment shop-v2: has no pods", "as planned")
    assert found.whole == "deployment shop-v2: has no pods (overruled: as planned)"
    assert str(found) == f"ROL-010: {found.whole}"
