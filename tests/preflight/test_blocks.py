"""For every rule that can block: worlds that it must stop, and nearby worlds that it must not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rollout.model.finding import Finding, Severity
from rollout.model.spec import UNAVOIDABLE, AnalysisTemplateSpec, Metric, TemplateUse, Unread
from rollout.model.traffic import Cohort, Route, Split, StringMatch, VirtualServiceRef
from rollout.preflight import rollouts
from rollout.preflight.rollouts import RULES
from rollout.preflight.snapshot import Case
from tests.preflight.test_rollouts import (
    FLUX,
    HOST,
    KEDA,
    TARGET,
    Json,
    an_abort,
    an_hpa,
    at_gate,
    bare_pods,
    behind,
    but,
    dark,
    delegate,
    deployment,
    destination,
    endpoints,
    for_cohort,
    handed_over,
    healthy,
    meta,
    owned,
    passed_through,
    rule,
    same_version,
    service,
    single,
    two_ports,
    unjoinable,
    virtual_service,
    with_route,
)

HTTPS = service(ports=[{"name": "https", "port": 443}])
HELM = {"helm.toolkit.fluxcd.io/name": "shop"}
TESTERS = Cohort({"x-api": StringMatch(exact="3")})


def bare() -> Json:
    """A VirtualService whose route names the host alone."""
    return virtual_service(http=[{"route": [{"destination": {"host": "shop"}}]}])


def ports(*names: str, **route: Any) -> Case:
    """The service has these ports, 80 and on."""
    listed = [{"name": name, "port": 80 + number} for number, name in enumerate(names)]
    case = with_route(**route)
    services = (service(ports=listed),)
    return replace(case, snapshot=replace(case.snapshot, services=services))


def served(protocol: str, mode: str = "", host: str = "shop.example", **more: Any) -> Case:
    """A VirtualService behind a gateway alone; the service's only port is called https."""
    tls = {"tls": {"mode": mode}} if mode else {}
    server: Json = {"hosts": [host], "port": {"number": 443, "protocol": protocol}, **tls}
    plain = {"hosts": ["else.example"], "port": {"number": 8443, "protocol": "HTTP"}}
    gateway = {"metadata": meta("gw"), "spec": {"servers": [plain, server]}}
    obj = virtual_service(gateways=["gw"], hosts=["shop.example"], **more)
    return but(virtual_services=(obj,), services=(HTTPS,), gateways=(gateway,))


def routes(*http: Json, only: str = "", **spec: Any) -> Case:
    """A VirtualService with these routes; ``only`` one of them is named by the Rollout."""
    case = but(virtual_services=(virtual_service(http=list(http), **spec),))
    refs = (VirtualServiceRef("shop", routes=(only,)),) if only else ()
    return replace(case, target=replace(TARGET, virtual_services=refs))


def ours(**more: Any) -> Json:
    return {"route": [destination("stable", 100), destination("canary", 0)], **more}


def theirs(**more: Any) -> Json:
    return {"route": [{"destination": {"host": "legacy"}}], **more}


def handed(
    asked: Json, cohort: Cohort = TESTERS, exportTo: list[str] | None = None, **route: Any
) -> Case:
    """A delegate that a root hands requests of ``asked`` to, and a dark step for ``cohort``."""
    root = virtual_service(
        "edge",
        hosts=["shop.example"],
        gateways=["gw"],
        http=[{"match": [asked], "delegate": {"name": "shop"}}],
    )
    leaf = virtual_service(http=[ours(**route)], exportTo=exportTo or ["*"])
    del leaf["spec"]["hosts"]
    ahead = (Route(Split(100, 0), (cohort,)),)
    return replace(but(virtual_services=(root, leaf)), cohorts=(cohort,), ahead=ahead)


def using(*, known: bool = True, unread: bool = False, **args: str) -> Case:
    """The Rollout uses a template whose argument ``team`` is required, and ``max`` is not."""
    metric = Metric("q", query='x{team="{{args.team}}"} > {{args.max}}', max=1)
    template = Unread("analysistemplate shop/q: broken") if unread else None
    whole = AnalysisTemplateSpec((metric,), {"max": "5"})
    templates = {"defaults": template or whole} if known else {}
    return replace(healthy(), uses=(TemplateUse("defaults", args),), templates=templates)


def exported(*spaces: str) -> Case:
    second = virtual_service("b", exportTo=list(spaces))
    return but(virtual_services=(virtual_service(exportTo=["."]), second))


def destined(subset: str) -> Json:
    return {"route": [destination(subset, 100)]}


def to(port: int) -> Json:
    return {"destination": {"host": "shop", "port": {"number": port}}}


def speaking(**port: Any) -> Case:
    """The service has one port, which says this of itself."""
    return but(services=(service(ports=[{"port": 80, **port}]),))


def elsewhere(space: str, *gateways: str, **spec: Any) -> Case:
    """Callers of a namespace have a rule of their own, without a subset."""
    obj = virtual_service(gateways=list(gateways))
    rules = (rule(), rule("mine", space, subsets=[], **spec))
    return but(virtual_services=(obj,), destination_rules=rules)


def listening(port: int, host: str, tls: Json | None = None, **route: Any) -> Case:
    """The service has ports 80 and 81; a gateway has a server for 80 and one for ``port``."""
    plain = {"hosts": [HOST], "port": {"number": 80, "protocol": "HTTP"}}
    other = {"hosts": [host], "port": {"number": port, "protocol": "HTTP"}, "tls": tls or {}}
    gate = {"metadata": meta("gate"), "spec": {"servers": [plain, other]}}
    obj = virtual_service(gateways=["gate", "mesh"], http=[ours(**route)])
    return but(virtual_services=(obj,), services=(two_ports(),), gateways=(gate,))


def two_servers() -> tuple[Json]:
    """A server for our host at 80, and another one for others at 8080."""
    servers = [
        {"hosts": [HOST], "port": {"number": 80, "protocol": "HTTP"}},
        {"hosts": ["else.example"], "port": {"number": 8080, "protocol": "HTTP"}},
    ]
    return ({"metadata": meta("gate"), "spec": {"servers": servers}},)


API = {"uri": {"prefix": "/api"}}
EQUAL = [theirs(match=[API]), ours(match=[API])]
GATEWAY = {"gateways": ["edge"]}
HEADER = {"headers": {"method": {"exact": "GET"}}}

WORLDS: Mapping[str, tuple[list[Case], list[Case]]] = {
    "ROL-001": (
        [same_version()],
        [healthy(), but(deployments=(deployment("v1"),))],
    ),
    "ROL-002": (
        [
            ports("tcp"),
            ports("tls-api"),
            ports("mongo", "redis"),
            speaking(appProtocol="kubernetes.io/wss"),
            speaking(appProtocol="tls-1.3", name="http"),
            speaking(name="db", port=3306),
            served("TCP"),
            served("TCP", host="shop/shop.example"),
            served("TLS", "SIMPLE"),
            served("HTTPS", "PASSTHROUGH"),
        ],
        [
            ports("http"),
            ports("http", "tcp-metrics"),
            ports("http", "https", route=[to(443)]),
            ports("grpc-web"),
            ports("http_proxy"),
            speaking(appProtocol="kubernetes.io/ws"),
            speaking(appProtocol="http-alt", name="tcp"),
            speaking(name="http", port=3306),
            served("HTTPS", "SIMPLE"),
            served("HTTPS", "MUTUAL"),
            served("HTTP"),
            served("HTTPS", "PASSTHROUGH", host="else.example"),
            served("TCP", host="far/shop.example"),
        ],
    ),
    "ROL-010": (
        [
            with_route(route=[destination("stable", 90), destination("v9", 10)]),
            but(destination_rules=(rule(), rule("mine", "callers", subsets=[]))),
            elsewhere("callers", "mesh", "edge"),
            elsewhere("edge", "edge/web"),
        ],
        [
            elsewhere("callers", "edge/web"),
            elsewhere("shop", "edge/web", workloadSelector={"matchLabels": {"app": "web"}}),
            with_route(route=[destination("stable", 100), destination("v9", 0)]),
            but(destination_rules=()),
            but(destination_rules=(rule(), rule("mine", "callers"))),
            routes({"name": "x", **destined("v9")}, ours(name="main"), only="main"),
        ],
    ),
    "ROL-011": (
        [
            but(endpoint_slices=()),
            but(endpoint_slices=(endpoints("shop-v2-a"),)),
            but(endpoint_slices=(endpoints("shop-v2-a"),), virtual_services=(bare(),)),
        ],
        [
            but(endpoint_slices=(endpoints("shop-v1-a"),)),
            but(endpoint_slices=(endpoints("shop-v1-a"),), virtual_services=(bare(),)),
            but(pods=(), endpoint_slices=()),
        ],
    ),
    "ROL-023": (
        [
            routes(*EQUAL),
            routes(theirs(), ours()),
            routes(theirs(match=[API]), ours(match=[{"uri": {"prefix": "/api/v2"}}])),
            routes(*(r | {"name": n} for r, n in zip(EQUAL, "ab", strict=True)), only="b"),
            behind({"regex": "/.*"}),
            routes(theirs(match=[API | {"gateways": ["shop/edge"]}]), EQUAL[1], gateways=["edge"]),
            routes(ours(match=[{"gateways": ["another"]}]), gateways=["edge"]),
            handed(API, match=[API, {"uri": {"prefix": "/shop"}}]),
            handed(API | {"sourceNamespace": "web"}, match=[API]),
        ],
        [
            routes(*EQUAL, ours()),
            routes(theirs(match=[{"uri": {"prefix": "/api/v2"}}]), ours(match=[API])),
            routes(theirs(match=[API | GATEWAY]), ours(match=[API]), gateways=["edge", "mesh"]),
            routes(theirs(match=[API | {"port": 81}]), ours(match=[API])),
            routes(theirs(match=[API | {"gateways": ["far/edge"]}]), EQUAL[1], gateways=["edge"]),
            routes(ours(match=[{"gateways": ["shop/edge"]}]), gateways=["edge"]),
            handed(API, match=[API, {"uri": {"prefix": "/api/v2"}}]),
            handed(API | {"sourceNamespace": "web"}),
            routes(ours(), theirs()),
            routes(*EQUAL, ours(name="main"), only="main"),
        ],
    ),
    "ROL-026": (
        [for_cohort(uri=StringMatch(exact="/")), with_route(match=[HEADER])],
        [
            with_route(match=[HEADER, API]),
            with_route(match=[{"headers": {"X-Team": {"exact": "a"}}}]),
            with_route(match=[{"headers": {"x_team": {"exact": "a"}}}]),
            with_route(match=[{"headers": {"@request.auth.claims.userId": {"exact": "7"}}}]),
            replace(
                healthy(), cohorts=(Cohort({"@request.auth.claims[userId]": StringMatch("7")}),)
            ),
            routes(theirs(match=[HEADER], name="x"), ours(name="main"), only="main"),
        ],
    ),
    "ROL-029": (
        [but(virtual_services=(virtual_service(), virtual_service("b"))), exported("*")],
        [
            but(virtual_services=(virtual_service(), virtual_service("b", gateways=["gw"]))),
            but(virtual_services=(virtual_service(), virtual_service("b", hosts=["b"]))),
            exported("elsewhere"),
        ],
    ),
    "ROL-034": (
        [
            with_route(fault=an_abort(5)),
            with_route(fault=an_abort(0.01)),
            with_route(fault={"delay": {"fixedDelay": "1s", "percentage": {"value": 100}}}),
            with_route(fault={"delay": {"fixedDelay": "1s", "percent": 1}}),
        ],
        [
            with_route(fault=an_abort(0)),
            with_route(fault={"abort": {"httpStatus": 500}}),
            with_route(fault={"delay": {"fixedDelay": "1s"}}),
            with_route(fault={"delay": {"fixedDelay": "1s", "percent": 0}}),
            with_route(fault={"abort": {"httpStatus": 500, "percentage": {}}}),
            routes({"name": "x", "fault": an_abort(5), **theirs()}, ours(name="m"), only="m"),
        ],
    ),
    "ROL-036": (
        [
            single(weight=0),
            at_gate(8080),
            listening(8080, f"./{HOST}"),
            listening(8080, "*", match=[{"port": 8080}]),
            listening(8080, HOST),
        ],
        [
            listening(8080, f"far/{HOST}"),
            listening(8080, "*", match=[{"port": 80}]),
            listening(8080, "*", match=[{"gateways": ["mesh"]}]),
            listening(8080, "*", tls={"httpsRedirect": True}),
            single(),
            single(weight=100),
            at_gate(81),
            replace(at_gate(80), snapshot=replace(at_gate(80).snapshot, gateways=two_servers())),
        ],
    ),
    "ROL-037": (
        [
            delegate(),
            handed(API, exportTo=["elsewhere"]),
            unjoinable(),
            replace(passed_through(), ahead=(Route(Split(90, 10), (TESTERS,)),)),
            replace(passed_through(), ahead=(Route(Split(90, 10), mirror=0.1),)),
            with_route(route=[destination("stable", 1), destination("other", 1)]),
        ],
        [
            handed(API),
            handed(API, exportTo=["edge", "shop"]),
            replace(passed_through(), ahead=(Route(Split(90, 10)),)),
            dark(TESTERS),
        ],
    ),
    "ROL-038": (
        [
            dark(Cohort(path=StringMatch(prefix="/b")), match=[API]),
            handed({"headers": {"x-api": {"exact": "2"}}}),
            handed(API, Cohort(path=StringMatch(prefix="/shop"))),
            handed(API | {"ignoreUriCase": True}),
            handed({"headers": {"x-api": {}}}),
        ],
        [
            dark(Cohort(path=StringMatch(prefix="/api/b")), match=[API]),
            handed({"headers": {"x-api": {"exact": "3"}}}),
            handed(API),
            replace(
                dark(Cohort(path=StringMatch(prefix="/b")), match=[API]),
                ahead=(Route(Split(90, 10), (Cohort(path=StringMatch(prefix="/b")),)),),
            ),
        ],
    ),
    "ROL-050": (
        [owned(FLUX)],
        [
            owned(HELM),
            owned({"argocd.argoproj.io/instance": "x"}),
            owned(FLUX | {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}),
        ],
    ),
    "ROL-051": (
        [handed_over(), handed_over(an_hpa(**KEDA))],
        [handed_over(an_hpa()), handed_over(autoscaler="")],
    ),
    "ROL-055": (
        [
            replace(passed_through(), counted=("errors",)),
            replace(bare_pods(), counted=("errors",), server_side=True),
        ],
        [
            passed_through(),
            replace(healthy(), counted=("errors",)),
            replace(healthy(), counted=("errors",), server_side=True),
            replace(bare_pods(), counted=("errors",)),
        ],
    ),
    "ROL-056": (
        [
            using(team="shop", known=False),
            using(),
            using(team="shop", mxa="9"),
            using(team="shop", unread=True),
        ],
        [using(team="shop"), using(team="shop", max="9")],
    ),
    "ROL-060": (
        [but(claims={"shop/b": HOST})],
        [but(claims={"shop/shop": HOST, "shop/b": "b.shop.svc.cluster.local"})],
    ),
    "ROL-063": ([but(moved_by="upgrade/mesh")], [but(moved_by="")]),
}
STOPPED = [(name, case) for name, (blocks, _) in WORLDS.items() for case in blocks]
FREE = [(name, case) for name, (_, nearby) in WORLDS.items() for case in nearby]


def blocking(case: Case) -> list[str]:
    return [f.rule for f in rollouts.findings(case) if f.severity is Severity.BLOCK]


def test_every_rule_that_can_block_has_worlds_of_both_kinds() -> None:
    assert {r.id for r in RULES if r.severity is Severity.BLOCK} == WORLDS.keys()
    assert all(blocks and nearby for blocks, nearby in WORLDS.values())


@pytest.mark.parametrize(("name", "case"), STOPPED)
def test_it_stops_what_cannot_go_well(name: str, case: Case) -> None:
    assert name in blocking(case)


@pytest.mark.parametrize(("name", "case"), FREE)
def test_it_does_not_stop_what_is_near_and_goes_well(name: str, case: Case) -> None:
    assert name not in blocking(case)


def overruled(case: Case, name: str) -> list[Finding]:
    found = rollouts.findings(replace(case, overruled={name: "we know"}))
    return [f for f in found if f.rule == name]


@pytest.mark.parametrize(("name", "case"), STOPPED)
def test_a_person_overrules_every_block_that_is_not_of_the_impossible(
    name: str, case: Case
) -> None:
    before = {
        f.text for f in rollouts.findings(case) if (f.rule, f.severity) == (name, Severity.BLOCK)
    }
    after = overruled(case, name)
    passed = {f.text for f in after if f.severity is Severity.WARN and f.overruled == "we know"}
    stopped = {f.text for f in after if f.severity is Severity.BLOCK}
    assert (passed, stopped) == ((set(), before) if name in UNAVOIDABLE else (before, set()))


def test_every_rule_that_nobody_can_overrule_is_one_that_blocks() -> None:
    assert UNAVOIDABLE.keys() <= WORLDS.keys()


def test_a_reason_that_nothing_needs_any_more_is_told() -> None:
    assert overruled(healthy(), "ROL-023") == [
        Finding(
            "ROL-023",
            Severity.INFO,
            "is overruled and blocks nothing here; take it out of preflight.overrule",
        )
    ]
    assert overruled(healthy(), "ROL-052")[0].text.startswith("is overruled and is no rule that")


def test_an_overruled_finding_says_why() -> None:
    found = overruled(routes(*EQUAL), "ROL-023")
    assert [str(f) for f in found] == [
        "ROL-023: virtualservice shop/shop http[1]: is never reached; "
        "http[0] before it takes all its requests (overruled: we know)"
    ]
