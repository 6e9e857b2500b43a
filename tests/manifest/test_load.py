import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.manifest import load, schema
from rollout.manifest.load import Loaded, Manifest
from rollout.model.spec import Canary, RolloutSpec, Step, Strategy, Workload

HEAD = "apiVersion: rollout.dev/v1alpha1\nkind: Rollout\nmetadata: {name: shop}\n"
SPEC = """spec:
  service: shop
  revision: v2
  workload: {deployments: "shop-{revision}"}
"""


def of_steps(*steps: str, strategy: str = "canary") -> str:
    lines = "".join(f"      - {step}\n" for step in steps)
    return f"{HEAD}{SPEC}  strategy:\n    {strategy}:\n      steps:\n{lines}"


def errors(text: str) -> list[str]:
    loaded = load.text("shop.yaml", text.encode())
    assert bool(loaded.errors) != bool(loaded.manifests)
    return [str(error) for error in loaded.errors]


def test_a_manifest_becomes_its_noun_and_keeps_its_plain_values() -> None:
    text = of_steps("{weight: 5}", "{weight: 50}")
    assert load.text("shop.yaml", text.encode()) == Loaded(
        manifests=(
            Manifest(
                kind="Rollout",
                name="shop",
                namespace="",
                spec=RolloutSpec(
                    service="shop",
                    revision="v2",
                    workload=Workload(deployments="shop-{revision}"),
                    strategy=Strategy(canary=Canary(steps=(Step(weight=5), Step(weight=50)))),
                ),
                plain={
                    "service": "shop",
                    "revision": "v2",
                    "workload": {"deployments": "shop-{revision}"},
                    "strategy": {"canary": {"steps": [{"weight": 5}, {"weight": 50}]}},
                },
                metadata={"name": "shop"},
                file="shop.yaml",
                line=1,
            ),
        )
    )


def test_fields_that_are_null_are_left_out_but_not_inside_what_is_free() -> None:
    text = SPEC.replace('{deployments: "shop-{revision}"}', "{template: {a: , template: {b: }}}")
    text = text.replace("b: ", "spec: {containers: [{c: }]}")
    text = f"{HEAD}{text}  strategy: {{canary: {{steps: [{{weight: , approval: }}]}}, dark: }}\n"
    [manifest] = load.text("shop.yaml", text.encode()).manifests
    assert manifest.plain["strategy"] == {"canary": {"steps": [{}]}}
    assert manifest.plain["workload"] == {
        "template": {"a": None, "template": {"spec": {"containers": [{"c": None}]}}}
    }


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("{weight: 101}", "weight is 101; a weight is a whole number from 0 to 100"),
        ("{weight: '5'}", "weight is '5'; a weight is a whole number from 0 to 100"),
        ("{weight: on}", "weight is 'on'; a weight is a whole number from 0 to 100"),
        ("{weight: 1.5}", "weight is 1.5; a weight is a whole number from 0 to 100"),
        ("{weight: true}", "weight is true; a weight is a whole number from 0 to 100"),
        (
            "{weight: 010}",
            "weight is 010, on which readers of YAML disagree; "
            "plain decimal digits, or quotes if it is text",
        ),
        ("{wieght: 5}", "wieght is unknown; did you mean weight?"),
        ("{time_box: 5m}", "time_box is unknown; did you mean timeBox?"),
        ("{bake: 5}", "bake is 5; a duration is written 250ms, 90s, 5m, 2h or 1d"),
        ("{bake: 9999d}", "bake is '9999d'; a duration is at most 365d"),
        ("{bake: 5m, timeBox: 1m}", "timeBox is 1m, shorter than the bake (5m); at least the bake"),
        ("{weight: 5, weight: 6}", "weight is given twice, first in line 12; once is wanted"),
        (
            "{approval: {quorum: 2, approvers: [kubernetes]}}",
            "approval.quorum is 2, but answers without a name count as one; slack: ",
        ),
        (
            "{approval: {approvers: [U012AB3CD]}}",
            "approval.approvers names nobody whose answer could be proved; slack: ",
        ),
        (
            "{approval: {notAuthor: true}}",
            "approval.notAuthor is true, but answers without a name do not count then; slack: ",
        ),
        ("{approval: {slack: '<!channel>'}}", "approval.slack is '<!channel>'"),
        ("{approval: {slack: '#r', approvers: [ann]}}", "approval.approvers[0]. is 'ann'"),
        ("{approval: {quorum: 0}}", "approval.quorum is 0; greater than or equal to 1 is wanted"),
        ("{cohorts: [{}]}", "cohorts[0] needs at least one of headers, cookies, query, path"),
        (
            "{cohorts: [{headers: {X-A: {exact: b}}}]}",
            "cohorts[0].headers.X-A has upper-case letters; write x-a",
        ),
        (
            "{cohorts: [{headers: {uri: {exact: b}}}]}",
            "cohorts[0].headers.uri means a header of that name",
        ),
        (
            "{cohorts: [{headers: {a: {regex: '(?=b)'}}}]}",
            "cohorts[0].headers.a.regex is '(?=b)': ",
        ),
        (
            "{cohorts: [{cookies: {'a b': {exact: c}}}]}",
            "cohorts[0].cookies.'a b' is no cookie name",
        ),
        ("{cohorts: [{path: {prefix: a}}]}", "cohorts[0].path.prefix is 'a'; a path begins with /"),
        ("{fault: {abort: 503}}", "fault has no cohort to meet; cohorts, here or before"),
        ("{mirror: 200%}", "mirror is '200%'; a percentage lies between 0 and 100"),
        ("{approval: {expires: 0s}}", "approval.expires is '0s'; a time above 0 is wanted"),
        (
            "{cohorts: [{path: {exact: '/a?b=1'}}]}",
            "cohorts[0].path.exact is '/a?b=1'; a path ends before its query, which has a match",
        ),
        ("{cohorts: [{method: {exact: get}}]}", "cohorts[0].method.exact is 'get'; write GET"),
        (
            "{cohorts: [{query: {'': {exact: '1'}}}]}",
            "cohorts[0].query.'' is no parameter's name; one such as beta is wanted",
        ),
        (
            "{analysis: [{name: s, successRate: {min: 0.990}}]}",
            "analysis[0].successRate.min is 0.990; a percentage such as 99% is wanted, not a share",
        ),
        (
            "{analysis: [{name: unreached, query: a, max: 1}]}",
            "analysis[0].name is 'unreached'; that name is for verdicts of our own",
        ),
        (
            "{analysis: [{name: template.qa, query: a, max: 1}]}",
            "analysis[0].name is 'template.qa'; that name is for verdicts of our own",
        ),
        ("{analysis: [{name: foo}]}", "analysis[0] 'foo' says nothing to measure; one of "),
        ("{analysis: [{name: q, query: up}]}", "analysis[0] has a query and no limit; min, max"),
        ("{analysis: [{name: b, bad: up}]}", "analysis[0] has one of bad and total; both counters"),
        (
            "{analysis: [{name: q, query: up, max: 1, successRate: {min: 99%}}]}",
            "analysis[0] has successRate and query; one of them is wanted",
        ),
        (
            "{analysis: [{name: errors, tolerate: {ratio: 0.5}}]}",
            "analysis[0].tolerate.ratio is 0.5; greater than or equal to 1 is wanted",
        ),
        ("7", " is 7; a mapping is wanted"),
    ],
)
def test_a_wrong_step_is_refused_at_its_line(step: str, error: str) -> None:
    found = errors(of_steps("{}", step))
    assert len(found) == 1
    assert found[0].replace("] is", "]. is").startswith(f"shop.yaml:12: steps[1].{error}")


def test_falling_weights_are_refused() -> None:
    assert errors(of_steps("{weight: 5}", "{weight: 50}", "{weight: 30}")) == [
        "shop.yaml:13: steps[2].weight is 30, less than the step before (50); weights must rise"
    ]


def test_a_dark_release_gives_ordinary_users_nothing() -> None:
    steps = ("{mirror: 10%}", "{weight: 5}")
    assert errors(of_steps(*steps, strategy="dark")) == [
        "shop.yaml:12: steps[1].weight is 5, but in a dark release ordinary users see stable; "
        "no weight, or strategy canary",
        "shop.yaml:12: steps[1] sends nothing to the canary; cohorts or mirror",
    ]


def test_two_strategies_are_refused() -> None:
    text = f"{HEAD}{SPEC}  strategy:\n    canary: {{}}\n    blueGreen: {{}}\n"
    assert errors(text) == [
        "shop.yaml:8: strategy names 2 strategies; exactly one is wanted",
    ]


def test_all_mistakes_of_a_file_are_reported_in_its_order() -> None:
    text = f"{of_steps('{weight: 50}', '{weight: 30, boke: 1m}')}  onFailure: explode\n  oops: 1\n"
    assert errors(text) == [
        "shop.yaml:12: steps[1].boke is unknown; did you mean bake?",
        "shop.yaml:12: steps[1].weight is 30, less than the step before (50); weights must rise",
        "shop.yaml:13: onFailure is 'explode'; rollback or hold is wanted",
        "shop.yaml:14: oops is unknown; one of service, workload, strategy, revision, traffic, "
        "analysis, notify, preflight, onFailure, onDrift, progressDeadline is wanted",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("kind: Rollout", "apiVersion is missing; rollout.dev/v1alpha1 is wanted"),
        ("apiVersion: rollout.dev/v2\nkind: Rollout", "apiVersion is 'rollout.dev/v2'; rollout.d"),
        ("apiVersion: rolout.dev/v1alpha1\nkind: Rollout", "apiVersion is 'rolout.dev/v1alpha1'; "),
        (
            "apiVersion: rollout.dev/v1alpha1\nkind: Rolout",
            "kind is 'Rolout'; did you mean Rollout?",
        ),
        (HEAD, "spec is missing; it is required"),
        (f"{HEAD}spec: []", "spec is a list; a mapping is wanted"),
        (f"{HEAD}spec: {{}}\nstatus: {{}}", "status is the controller's to write; leave it out"),
        (HEAD.replace("shop", "Shop"), "metadata.name is 'Shop'; a-z, 0-9 and -, at most 53 char"),
        (HEAD.replace("{", "{labels: {a: 1}, "), "metadata.labels.a is 1; text is wanted: put it"),
        (
            HEAD.replace("{", "{annotations: {rollout.dev/commit: x}, "),
            "metadata.annotations.'rollout.dev/commit' is the controller's to write; leave it out",
        ),
        (HEAD.replace("{", "{generateName: x, "), "metadata.generateName is unknown; one of name"),
    ],
)
def test_a_wrong_envelope_is_refused(text: str, error: str) -> None:
    found = errors(text)
    assert any(re.sub(r"^shop.yaml:\d+: ", "", one).startswith(error) for one in found), found


def test_what_is_not_ours_is_passed_over_with_a_note() -> None:
    loaded = load.text(
        "all.yaml",
        b"apiVersion: apps/v1\nkind: Deployment\nspec: {mode: &x 0755, again: *x}\n---\n- 1\n---\n"
        b"apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n",
    )
    assert loaded == Loaded(
        notes=(
            "all.yaml:1: 'Deployment' of 'apps/v1' is not ours; ignored",
            "all.yaml:5: is no Kubernetes object; ignored",
            "all.yaml:7: is Argo's Rollout and not ours, which is of rollout.dev/v1alpha1; ignored",
        )
    )


def test_a_chart_beside_our_manifests_is_no_error_but_a_broken_manifest_is() -> None:
    chart = load.text("chart.yaml", b"name: {{ .Values.name }}: x")
    ours = load.text("shop.yaml", b"apiVersion: rollout.dev/v1alpha1\nname: {{ .Values.name }}: x")
    assert (len(chart.errors), len(chart.notes)) == (0, 1)
    assert (len(ours.errors), len(ours.notes)) == (1, 0)


def test_the_items_of_a_list_are_read_one_by_one() -> None:
    item = f"{HEAD}{SPEC}  strategy: {{canary: {{}}}}\n"
    good = "".join(f"  {line}\n" for line in item.splitlines())
    bad = good.replace("service: shop", "servise: shop")
    text = "apiVersion: v1\nkind: List\nitems:\n-" + good[1:] + "-" + bad[1:]
    loaded = load.text("list.yaml", text.encode())
    assert [manifest.name for manifest in loaded.manifests] == ["shop"]
    assert [str(error) for error in loaded.errors] == [
        "list.yaml:15: service is missing; it is required",
        "list.yaml:16: servise is unknown; did you mean service?",
    ]


def test_json_is_read_like_yaml() -> None:
    value = load.text("a.yaml", of_steps("{weight: 5}").encode()).manifests[0]
    document = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": dict(value.metadata),
        "spec": dict(value.plain),
    }
    loaded = load.text("a.json", json.dumps(document, indent="\t").encode())
    assert loaded.manifests[0].spec == value.spec


TEMPLATE = """apiVersion: rollout.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: shop-defaults}
spec:
  args: {team: , region: eu}
  metrics:
  - {name: carts, bad: 'x{team="{{args.team}}"}', total: 'y{r="{{ args.%s }}"}'}
"""


def test_a_template_uses_only_arguments_that_it_names() -> None:
    assert load.text("t.yaml", (TEMPLATE % "region").encode()).errors == ()
    assert [str(e) for e in load.text("t.yaml", (TEMPLATE % "zone").encode()).errors] == [
        "t.yaml:7: metrics[0].total uses {{args.zone}}, which args does not name; "
        "one of team, region"
    ]


@pytest.mark.parametrize(
    ("field", "error"),
    [
        ("url: https://u:p@git.example/x", "url carries a password; a Secret named by secretRef"),
        ("url: https://git.example/x\n  path: a/../b", "path is 'a/../b'; a folder inside the rep"),
        ("url: https://git.example/x\n  interval: 1s", "interval is 1s; at least 5s is wanted"),
        (
            "url: https://git.example/x\n  commitStatus: {forge: gitlab, deployments: true}",
            "commitStatus has deployments, which only GitHub has; leave it out",
        ),
    ],
)
def test_a_wrong_source_is_refused(field: str, error: str) -> None:
    text = HEAD.replace("Rollout", "RolloutSource") + f"spec:\n  {field}\n"
    [found] = errors(text)
    assert re.sub(r"^shop.yaml:\d+: ", "", found).startswith(error)


STEP = ("spec", "strategy", "canary", "steps", 0)
METRIC = ("spec", "analysis", "metrics", 0)
KEYS = (
    *("canary", "dark", "blueGreen", "steps", "headers", "args", "url", "path", "regex"),
    *schema.keys("Rollout", ("spec",)),
    *schema.keys("Rollout", STEP),
    *schema.keys("Rollout", METRIC),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(schema.KINDS)), VALUES, VALUES)
def test_no_values_bring_about_anything_but_errors(kind: str, spec: object, labels: object) -> None:
    document = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "shop", "labels": labels},
        "spec": spec,
    }
    loaded = load.text("shop.json", json.dumps(document).encode())
    assert all("\n" not in str(error) and len(str(error)) < 600 for error in loaded.errors)
    assert loaded.errors or loaded.manifests or loaded.notes


@given(st.data())
def test_a_manifest_with_bytes_changed_is_still_answered(data: st.DataObject) -> None:
    text = bytearray(of_steps("{weight: 5, cohorts: [{headers: {a: {regex: 'b+'}}}]}").encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    loaded = load.text("shop.yaml", bytes(text))
    assert all("\n" not in str(error) for error in loaded.errors)


def test_a_claim_of_the_requests_token_is_no_header_and_keeps_its_case() -> None:
    claim = "'@request.auth.claims.userId'"
    assert errors(of_steps(f"{{cohorts: [{{headers: {{{claim}: {{exact: '7'}}}}}}]}}")) == []


def overruling(*rules: str) -> str:
    listed = "".join(f"    - {{rule: {rule}, reason: we know}}\n" for rule in rules)
    return f"{of_steps('{weight: 50}')}  preflight:\n    overrule:\n{listed}"


def test_a_blocking_rule_is_overruled_with_a_reason_unless_it_names_the_impossible() -> None:
    assert errors(overruling("ROL-023")) == []
    assert errors(overruling("ROL-023", "ROL-037", "ROL-023", "23")) == [
        "shop.yaml:15: preflight.overrule[1].rule is ROL-037, which nobody can overrule; "
        "such a route cannot be written",
        "shop.yaml:16: preflight.overrule[2].rule is 'ROL-023' again; each rule once is wanted",
        "shop.yaml:17: preflight.overrule[3].rule is 23; text is wanted: put it in quotes",
    ]


@pytest.mark.parametrize(
    ("field", "written", "found"),
    [
        ("revision", "1.20", "revision is 1.20; text is wanted: put it in quotes"),
        ("revision", "+5", "revision is +5; text is wanted: put it in quotes"),
        ("revision", "True", "revision is True; text is wanted: put it in quotes"),
        ("revision", "~", "revision is ~; text is wanted"),
        ("revision", "1e3", "revision is 1e3, on which readers of YAML disagree; "),
        ("revision", "0x10", "revision is 0x10, on which readers of YAML disagree; "),
        ("revision", "012", "revision is 012, on which readers of YAML disagree; "),
        ("progressDeadline", "1.50", "progressDeadline is 1.50; a duration is written "),
        ("progressDeadline", "2026-11-27", "progressDeadline is '2026-11-27'; a duration is "),
        ("progressDeadline", "yes", "progressDeadline is 'yes'; a duration is written "),
        ("onFailure", "1.0", "onFailure is 1.0; "),
    ],
)
def test_a_value_is_quoted_back_as_its_author_wrote_it(
    field: str, written: str, found: str
) -> None:
    others = "" if field == "revision" else "  revision: v1\n"
    text = (
        "apiVersion: rollout.dev/v1alpha1\nkind: Rollout\nmetadata: {name: shop}\nspec:\n"
        "  service: shop\n  workload: {deployments: 'shop-{revision}'}\n"
        f"  strategy: {{canary: {{}}}}\n{others}  {field}: {written}\n"
    )
    said = errors(text)
    assert [error.partition(": ")[2][: len(found)] for error in said] == [found]


def test_a_limit_is_quoted_back_as_its_author_wrote_it() -> None:
    step = "{weight: 5, analysis: [{name: q, query: up, min: 1.20, max: 1.10}]}"
    assert errors(of_steps(step)) == [
        "shop.yaml:11: steps[0].analysis[0].min is 1.20, more than max (1.10); min below max"
    ]


def test_a_name_and_a_label_are_quoted_back_as_their_author_wrote_them() -> None:
    labels = "template: {template: {metadata: {labels: {n: 1.20}}, spec: {containers: [{}]}}}"
    text = (
        "apiVersion: rollout.dev/v1alpha1\nkind: Rollout\nmetadata: {name: 1.20}\nspec:\n"
        f"  service: shop\n  workload: {{{labels}}}\n  strategy: {{canary: {{}}}}\n"
    )
    assert errors(text) == [
        "shop.yaml:3: metadata.name is 1.20; a-z, 0-9 and -, at most 53 characters",
        "shop.yaml:6: workload.template.template.metadata.labels.n is 1.20; text is wanted",
    ]


def test_a_placeholder_that_nobody_fills_and_broken_promql_are_mistakes_of_the_file() -> None:
    step = (
        "{weight: 5, analysis: [{name: rps, query: 'sum(x{a=\"{{svc}}\"}[5m]', max: 1}, "
        '{name: own, bad: \'b{v="{{version}}"}\', total: \'t{h="{{hots}}", a="{{args.x}}"}\'}]}'
    )
    assert errors(of_steps(step)) == [
        "shop.yaml:11: steps[0].analysis[0].query has '(' that is never closed: "
        "'(x{a=\"{{svc}}\"}[5m]'; PromQL is wanted",
        "shop.yaml:11: steps[0].analysis[1].total uses {{hots}}, which nobody fills in; "
        "did you mean {{host}}?",
    ]


def test_a_query_names_no_side_for_it_is_asked_once() -> None:
    step = "{weight: 5, analysis: [{name: rps, query: 'x{a=\"{{revision}}\"}', max: 1}]}"
    assert errors(of_steps(step)) == [
        "shop.yaml:11: steps[0].analysis[0].query uses {{revision}}, which nobody fills in; "
        "known are namespace, service, host, stable, canary"
    ]


def test_an_argument_that_no_metric_uses_is_told() -> None:
    text = (TEMPLATE % "team").replace("args.region", "args.team")
    assert [e.found for e in load.text("t.yaml", text.encode()).errors] == [
        "args.region is used by no metric"
    ]


def test_a_deployment_must_select_its_own_pods() -> None:
    text = (
        "apiVersion: rollout.dev/v1alpha1\nkind: Rollout\nmetadata: {name: shop}\nspec:\n"
        "  service: shop\n  strategy: {canary: {}}\n  workload:\n    template:\n"
        "      selector: {matchLabels: {app: shop, tier: web}}\n      template:\n"
        "        metadata: {labels: {app: shopp}}\n"
        "        spec: {containers: [{name: a, image: x}]}\n"
    )
    assert errors(text) == [
        "shop.yaml:9: workload.template.selector.matchLabels.app is 'shop', but the pods have "
        "app: 'shopp'; the same label is wanted",
        "shop.yaml:9: workload.template.selector.matchLabels.tier is 'web', but the pods have "
        "no label tier; the same label is wanted",
    ]


def of_source(**fields: str) -> list[str]:
    spec = {"url": "https://git.example/a.git"} | fields
    head = "apiVersion: rollout.dev/v1alpha1\nkind: RolloutSource\nmetadata: {name: s}\n"
    return errors(f"{head}spec: {json.dumps(spec)}\n")


REF = "a branch, or a tag as refs/tags/…, is wanted"


@pytest.mark.parametrize(
    "ref", ["", "main ", "a..b", "main@{1}", "main:x", "refs/", "@", "-x", "/a", "a//b", "a.lock"]
)
def test_what_git_takes_for_no_ref_is_a_mistake_of_the_file(ref: str) -> None:
    assert of_source(ref=ref) == [f"shop.yaml:4: ref is {ref!r}; {REF}"]


@pytest.mark.parametrize(
    "ref", ["main", "feature/x-1", "refs/tags/v1.2", "HEAD", "release-1.x", "été", "deadbeef"]
)
def test_a_branch_or_a_tag_is_none(ref: str) -> None:
    assert of_source(ref=ref) == []


def test_a_commits_id_is_said_to_be_one() -> None:
    for size in (40, 64):
        (error,) = of_source(ref="0a" * (size // 2))
        assert error.endswith(", a commit's id; a branch or a tag is wanted")


@pytest.mark.parametrize("url", ["", "ext::sh -c id", "https://git.example/a b", "https://x\t/a"])
def test_what_is_no_address_is_a_mistake_of_the_file(url: str) -> None:
    (error,) = of_source(url=url)
    assert error.endswith("; a repository's address is wanted")


@pytest.mark.parametrize("url", ["git@git.example:a/b.git", "ssh://git@x/a", "/srv/my repo"])
def test_every_way_to_write_an_address_is_taken(url: str) -> None:
    assert of_source(url=url) == []


@pytest.mark.parametrize("second", ["x", "[1]", "3", "{}"])
def test_a_key_that_is_given_twice_is_told_whatever_its_first_value_held(second: str) -> None:
    spec = SPEC.replace("service: shop", f"service: {{b: 5, b: 6}}\n  service: {second}")
    found = errors(f"{HEAD}{spec}  strategy: {{canary: {{steps: [{{weight: 5}}]}}}}\n")
    assert found[0] == ("shop.yaml:5: service.b is given twice, first in line 5; once is wanted"), (
        found
    )
    assert any("service is given twice, first in line 5" in line for line in found), found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"strategy": {"canary": {"steps": [{"weight": 5}] * 201}}},
            "steps has 201 entries; at most 200 are wanted",
        ),
        (
            {
                "analysis": {
                    "metrics": [{"name": f"m{n}", "query": "up", "max": 1} for n in range(101)]
                }
            },
            "analysis.metrics has 101 entries; at most 100 are wanted",
        ),
        (
            {"analysis": {"templates": [{"name": "t"}] * 21}},
            "analysis.templates has 21 entries; at most 20 are wanted",
        ),
        (
            {"preflight": {"overrule": [{"rule": "ROL-052", "reason": ""}]}},
            "preflight.overrule[0].reason has 0 characters; at least 1 is wanted",
        ),
        (
            {"preflight": {"overrule": [{"rule": "ROL-052", "reason": "x" * 301}]}},
            "preflight.overrule[0].reason has 301 characters; at most 300 are wanted",
        ),
    ],
)
def test_too_much_and_too_little_is_counted(change: dict[str, Any], says: str) -> None:
    """What each metric came to is in the status; one of 10,000 metrics is more than etcd takes."""
    workload = {"deployments": "shop-{revision}"}
    spec = {"service": "shop", "revision": "v1", "workload": workload, "strategy": {"canary": {}}}
    obj = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "shop"},
        "spec": {**spec, **change},
    }
    [error] = load.text("shop.yaml", json.dumps(obj).encode()).errors
    assert says in str(error)
