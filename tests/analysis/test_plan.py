from dataclasses import replace
from datetime import timedelta

from rollout.analysis import plan
from rollout.analysis.evidence import Line
from rollout.analysis.plan import Judged, Kind
from rollout.model.observation import Counting
from rollout.model.spec import (
    Analysis,
    AnalysisTemplateSpec,
    LatencyLimit,
    Metric,
    SuccessRate,
    TemplateUse,
    Tolerance,
)
from tests.analysis.world import rollout, window

MS = timedelta(milliseconds=1)


def one(metric: Metric) -> Judged:
    return plan.judged(rollout(Analysis(metrics=(metric,))), (), window())[0]


def test_the_default_judges_errors_and_latency_and_what_nobody_served() -> None:
    found = plan.judged(rollout(), (), window())
    assert [(j.name, j.source, j.kind) for j in found] == [
        ("errors", "errors", Kind.COUNTS),
        ("latency", "slow", Kind.COUNTS),
        ("unreached", "unreached", Kind.SERVICE),
    ]


def test_nobody_is_unreached_where_no_user_is_sent() -> None:
    names = [j.name for j in plan.judged(rollout(), (), replace(window(), mirrored=True))]
    assert names == ["errors", "latency"]


def test_every_form_of_metric_has_its_line() -> None:
    assert one(Metric("errors")).line == plan.DEFAULT_ERRORS
    assert one(Metric("latency")).line == plan.DEFAULT_SLOW
    assert one(Metric("errors", tolerate=Tolerance(1.5, 0.01))).line == Line(1.5, 0.01)
    assert one(Metric("slo", success_rate=SuccessRate(0.99))).line.absolute == 1 - 0.99
    limit = one(Metric("p99", latency=LatencyLimit(0.99, 500 * MS)))
    assert (limit.line, limit.wanted()) == (Line(0, 1 - 0.99), (500 * MS,))
    body = one(Metric("latency", slower_than=(250 * MS,)))
    assert (body.counting, body.wanted()) == (Counting.SLOW, (250 * MS,))
    assert one(Metric("own", bad="b", total="t")).source == "custom/own"
    assert one(Metric("queue", query="q", max=1)).kind is Kind.VALUE


def test_a_latency_has_an_outcome_for_each_bound_and_the_others_one() -> None:
    latency = one(Metric("latency"))
    names = [o.name for o in latency.outcomes((250 * MS, 1000 * MS))]
    assert names == ["latency>250ms", "latency>1s"]
    assert [o.name for o in one(Metric("errors")).outcomes(())] == ["errors"]


def test_of_two_metrics_with_one_name_the_later_counts() -> None:
    strict = Metric("errors", tolerate=Tolerance(1.0, 0.0001))
    found = plan.judged(rollout(), (strict,), window())
    assert [j.name for j in found] == ["errors", "latency", "unreached"]
    assert found[0].line == Line(1.0, 0.0001)


def test_a_template_is_filled_with_its_arguments() -> None:
    metric = Metric("queue", query='q{team="{{args.team}}",d="{{canary}}"}[{{args.over}}]', max=1)
    template = AnalysisTemplateSpec((metric,), {"team": None, "over": "5m"})
    use = TemplateUse("shop", {"team": 'check"out'})
    subject = replace(rollout(Analysis(templates=(use,))), templates={"shop": template})
    found = {j.name: j for j in plan.judged(subject, (), window())}
    assert found["queue"].metric.query == r'q{team="check\"out",d="reviews-v2"}[5m]'


def test_a_template_that_is_not_there_or_lacks_an_argument_lets_nothing_pass() -> None:
    template = AnalysisTemplateSpec((Metric("q", query="q[{{args.x}}]", max=1),), {"x": None})
    uses = (TemplateUse("gone"), TemplateUse("there"))
    subject = replace(rollout(Analysis(templates=uses)), templates={"there": template})
    broken = [j for j in plan.judged(subject, (), window()) if j.kind is Kind.BROKEN]
    assert [j.problem for j in broken] == [
        "AnalysisTemplate 'gone' is not there",
        "{{args.x}} is not given; template there wants it",
    ]


def test_own_counters_leave_the_revision_open() -> None:
    own = one(Metric("own", bad='b{v="{{version}}",n="{{namespace}}"}', total="t"))
    assert own.metric.bad == 'b{v="{{version}}",n="bookinfo"}'
