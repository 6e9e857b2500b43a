import pytest

from rollout.manifest import promql
from rollout.model.spec import PLACES


@pytest.mark.parametrize(
    "text",
    [
        "up",
        "vector(1)",
        'sum by (pod) (rate(bad_total{pod=~"a.*", b!="}"}[5m])) / 2 # a ( in a comment',
        "sum(rate(x{a='it\\'s'}[5m:30s] offset 1h))",
        'x{host="{{host}}"} > {{args.max}} or vector(0)',
        "max_over_time(x[{{args.window}}])",
        '`raw " and ( in back quotes` == bool 1',
        "-1",
        "x and on (pod) y",
    ],
)
def test_what_prometheus_reads_is_well(text: str) -> None:
    assert promql.wrong(text) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sum(rate(x[5m])", "has '(' that is never closed: '(rate(x[5m])'"),
        ("sum(x))", "has ')' that closes nothing: 'sum(x))'"),
        ("sum(x]", "has ']' that closes nothing: 'sum(x]'"),
        ('x{a="b}', "has a string without an end: '\"b}'"),
        ("x{a='b\n'}", "has a string without an end: \"'b '}\""),
        ("", "is empty"),
        (" # only words", "is empty"),
        ("x /", "ends with '/', after which something is missing"),
        ("x and", "ends with 'and', after which something is missing"),
        ("x >=", "ends with '>=', after which something is missing"),
    ],
)
def test_what_nobody_can_read_is_told_with_its_place(text: str, why: str) -> None:
    assert promql.wrong(text) == why


def test_placeholders_that_nobody_fills_are_named_once_and_not_in_comments() -> None:
    text = 'x{a="{{svc}}", b="{{ host }}"} / {{svc}} + {{a b}} # {{no}}'
    assert list(promql.unknown(text, PLACES)) == ["svc", "'a b'"]
