import random
import re
from datetime import timedelta

import pytest

from rollout.analysis import query
from rollout.model.observation import View

MS = timedelta(milliseconds=1)
ONE = [("shop", "cart-v1"), ("shop", "cart-v2")]

TOKEN = re.compile(
    r"""\s+|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|(?P<word>[\w:.]+)|(?P<sign>.)""",
    re.DOTALL,
)
GO_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}


def tokens(promql: str) -> list[str]:
    """The kinds of PromQL's tokens, and the text of those that are not strings."""
    found = (m for m in TOKEN.finditer(promql) if m.lastgroup)
    return ["<string>" if m["string"] else m[0] for m in found]


def unquoted(text: str) -> str:
    """What Go's strconv reads in a quoted string."""
    if text[0] == "`":
        return text[1:-1]
    pattern = re.compile(r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|(.))", re.DOTALL)

    def char(m: re.Match[str]) -> str:
        if code := m[1] or m[2]:
            return chr(int(code, 16))
        assert m[3] == text[0] or m[3] not in "\"'", "go refuses an escape of the other quote"
        return GO_ESCAPES[m[3]]

    return pattern.sub(char, text[1:-1])


ALPHABET = (
    "\"'`\\{}()[]=~!,;#|.*+?^$ \n\r\t\0\x1b/%aZ0éß\u2028\U0001f600\ud7ff" + "or unless by sum"
)


def hostile(count: int) -> list[str]:
    rng = random.Random(12)
    given = ['"} or up{x="', "'} or up #", "`", "\\", '\\"', "\\\\", "\n", "{{args.x}}", "", "1e9"]
    return given + [
        "".join(rng.choices(ALPHABET, k=rng.randint(0, 24))) for _ in range(count - len(given))
    ]


@pytest.mark.parametrize("quote", ['"', "'"])
def test_ten_thousand_hostile_arguments_stay_one_string(quote: str) -> None:
    """SEC-12."""
    template = f"sum(up{{a={quote}x{{{{args.x}}}}y{quote},b=~'c'}}) > 0 # {{{{args.x}}}}"
    shape = tokens(query.fill(template, {"args.x": "plain"}))
    for value in hostile(10_000):
        filled = query.fill(template, {"args.x": value})
        assert tokens(filled) == shape
        string = next(m["string"] for m in TOKEN.finditer(filled) if m["string"])
        assert unquoted(string) == f"x{value}y"


def test_hostile_arguments_in_back_quotes_are_refused_or_stay_inside() -> None:
    for value in hostile(2_000):
        try:
            filled = query.fill("up{a=`{{args.x}}`}", {"args.x": value})
        except query.TemplateError:
            continue
        assert filled == f"up{{a=`{value}`}}"
        assert "`" not in value


def test_outside_quotes_only_numbers_and_durations_fit() -> None:
    template = "rate(up[{{args.x}}])"
    for value in ("5m", "1h30m", "90s", "15", "0.5"):
        assert query.fill(template, {"args.x": value}) == f"rate(up[{value}])"
    for value in hostile(3_000):
        if value != "0" and not re.fullmatch(r"[0-9.]+|0[a-z]", value):
            with pytest.raises(query.TemplateError):
                query.fill(template, {"args.x": value})


def test_what_is_not_known_or_not_closed_is_said() -> None:
    with pytest.raises(query.TemplateError, match=r"\{\{args\.y\}\} is unknown; known are args\.x"):
        query.fill('up{a="{{args.y}}"}', {"args.x": "1"})
    with pytest.raises(query.TemplateError, match="known are none"):
        query.fill("up[{{a}}]", {})
    with pytest.raises(query.TemplateError, match="has no end"):
        query.fill('up{a="{{args.x}}', {"args.x": "1"})


def test_names_may_be_left_for_later() -> None:
    left = query.fill('up{v="{{version}}"}[{{window}}]', {}, left={"version", "window"})
    assert left == 'up{v="{{version}}"}[{{window}}]'
    assert query.fill(left, {"version": "v2", "window": "1m"}) == 'up{v="v2"}[1m]'


def test_errors_of_many_workloads_are_one_query() -> None:
    promql = query.errors(View.SOURCE, [*ONE, ("b.c", "x")])
    assert promql.count('reporter="source"') == 5
    assert 'destination_workload=~"x|cart-v1|cart-v2"' in promql
    assert 'destination_workload_namespace=~"b\\\\.c|shop"' in promql
    assert 'grpc_response_status=~"2|4|8|12|13|14|15"' in promql
    assert "rate(" not in promql
    assert "increase(" not in promql


def test_both_spellings_of_a_bound_are_matched() -> None:
    promql = query.slow(View.DESTINATION, ONE, [timedelta(microseconds=500), 250 * MS])
    pattern = re.search(r'le=~"([^"]+)"', promql)
    assert pattern is not None
    matcher = re.compile(unquoted(f'"{pattern[1]}"'))
    assert all(matcher.fullmatch(le) for le in ("0.5", "250", "250.0", "+Inf"))
    assert not any(matcher.fullmatch(le) for le in ("2500", "50", "25000", "0x5"))


def test_without_bounds_every_bucket_is_asked_for() -> None:
    assert "le=~" not in query.slow(View.SOURCE, ONE, [])


def test_own_counters_are_asked_for_once_a_revision() -> None:
    names = {"version": "v2"}
    promql = query.custom('sum by (pod) (bad{v="{{version}}"})', "sum by (pod) (all)", names)
    assert 'bad{v="v2"}' in promql
    assert promql.count("label_replace") == 2


def test_failures_without_an_endpoint_are_counted_by_service() -> None:
    promql = query.unreached(["reviews.bookinfo.svc.cluster.local"])
    assert 'destination_service=~"reviews\\\\.bookinfo\\\\.svc\\\\.cluster\\\\.local"' in promql
    assert 'destination_workload="unknown"' in promql
