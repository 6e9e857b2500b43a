from rollout.model.finding import MOST, Finding, Severity, warned


def test_a_finding_reads_as_its_rule_and_its_sentence() -> None:
    found = Finding("ROL-010", Severity.BLOCK, "deployment shop-v2: has no pods")
    assert str(found) == "ROL-010: deployment shop-v2: has no pods"


def test_one_that_a_person_lets_pass_says_why() -> None:
    found = Finding("ROL-010", Severity.WARN, "deployment shop-v2: has no pods", "as planned")
    assert found.whole == "deployment shop-v2: has no pods (overruled: as planned)"
    assert str(found) == f"ROL-010: {found.whole}"


def found(rule: str, number: int) -> Finding:
    return Finding(rule, Severity.WARN, f"sidecar space-{number}/default: hides the service")


def test_a_rule_that_finds_a_hundred_leaves_room_for_the_others_and_is_counted() -> None:
    many = [found("ROL-043", n) for n in range(100)]
    others = [found("ROL-044", 0), found("ROL-052", 0), found("ROL-052", 1)]
    lines = warned([*many, *others])
    assert len(lines) == MOST
    assert lines[:16] == tuple(map(str, many[:16]))
    assert lines[16:] == (*map(str, others), "and 84 of ROL-043")


def test_few_findings_are_all_told() -> None:
    few = [found("ROL-043", n) for n in range(MOST)]
    assert warned(few) == tuple(map(str, few))


def test_what_is_not_told_is_counted_by_rule_in_one_line_that_a_status_takes() -> None:
    lines = warned([found(f"ROL-{n // 3:03}", n) for n in range(200)])
    assert len({line.partition(":")[0] for line in lines[:-1]}) == MOST - 1
    assert lines[-1].startswith("and 2 of ROL-000, 2 of ROL-001, ")
    assert len(lines[-1]) < 250
