"""A healthy case in which no rule finds anything, and for each rule the one thing wrong."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollout.istio.beside import Beside
from rollout.model.finding import Finding, Severity
from rollout.model.spec import TemplateUse
from rollout.model.traffic import Cohort, Route, Split, StringMatch, Target, VirtualServiceRef
from rollout.preflight import rollouts
from rollout.preflight.snapshot import Case, Snapshot

Json = dict[str, Any]
HOST = "shop.shop.svc.cluster.local"
TARGET = Target("shop", "shop", HOST, "stable", "canary", destination_rule="shop")
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps"}


def meta(name: str, namespace: str = "shop", **more: Any) -> Json:
    return {"name": name, "namespace": namespace, **more}


def deployment(version: str) -> Json:
    labels = {"app": "shop", "version": version}
    probe = {"httpGet": {"path": "/", "port": 8080}}
    container = {"name": "app", "readinessProbe": probe, "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": meta(f"shop-{version}"), "spec": spec}


def pod(version: str) -> Json:
    labels = {"app": "shop", "version": version}
    containers = [{"name": "app"}, {"name": "istio-proxy"}]
    annotations = {"istio.io/rev": "1-30-3"}
    metadata = meta(f"shop-{version}-a", labels=labels, annotations=annotations)
    return {"metadata": metadata, "spec": {"containers": containers}}


def destination(subset: str, weight: int, **more: Any) -> Json:
    return {"destination": {"host": "shop", "subset": subset}, "weight": weight, **more}


def virtual_service(name: str = "shop", **spec: Any) -> Json:
    route = {"route": [destination("stable", 100), destination("canary", 0)]}
    return {"metadata": meta(name), "spec": {"hosts": ["shop"], "http": [route], **spec}}


def rule(name: str = "shop", namespace: str = "shop", **spec: Any) -> Json:
    subsets = [
        {"name": "stable", "labels": {"version": "v1"}},
        {"name": "canary", "labels": {"version": "v2"}},
    ]
    return {"metadata": meta(name, namespace), "spec": {"host": HOST, "subsets": subsets, **spec}}


def service(**spec: Any) -> Json:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    inside = {"selector": {"app": "shop"}, "ports": ports, **spec}
    return {"metadata": meta("shop"), "spec": inside}


def endpoints(*pods: str) -> Json:
    listed = [{"targetRef": {"name": p}, "conditions": {"ready": True}} for p in pods]
    return {"metadata": meta("shop-x"), "endpoints": listed}


def healthy() -> Case:
    snapshot = Snapshot(
        virtual_services=(virtual_service(),),
        destination_rules=(rule(),),
        services=(service(),),
        deployments=(deployment("v1"), deployment("v2")),
        pods=(pod("v1"), pod("v2")),
        endpoint_slices=(endpoints("shop-v1-a", "shop-v2-a"),),
        claims={"shop/shop": HOST},
    )
    return Case(snapshot, TARGET, "shop-v1", "shop-v2")


def found(case: Case) -> list[str]:
    return [f"{f.rule} {f.severity} {f.text}" for f in rollouts.findings(case)]


def test_a_port_for_metrics_beside_the_one_for_requests_is_no_ones_harm() -> None:
    ports = [{"name": "http", "port": 80}, {"name": "tcp-metrics", "port": 9090}]
    assert found(but(services=(service(ports=ports),))) == [
        "ROL-036 warn virtualservice shop/shop http[0]: the service has 2 ports and the "
        "destination names none; the one that is called is meant"
    ]


def test_nothing_is_found_where_all_is_well() -> None:
    assert rollouts.findings(healthy()) == ()


def test_what_can_be_left_to_another_object_of_the_host_is_no_finding() -> None:
    left_out: tuple[Json, ...] = ({"uri": {"prefix": "/a"}}, {"headers": {"x": {}}}, {})
    for match in left_out:
        blocks = [f.text for f in rollouts.findings(at_a_shared_host(match)) if f.rule == "ROL-037"]
        assert blocks == []


def at_a_shared_host(match: Json, year: str = "2027") -> Case:
    """A cohort on a catch-all of 2026, and another object of the same gateway host."""
    mine, other = virtual_service(), virtual_service("other")
    for obj, since in ((mine, "2026"), (other, year)):
        obj["spec"] |= {"hosts": ["shop.example"], "gateways": ["edge"]}
        obj["metadata"]["creationTimestamp"] = f"{since}-01-01T00:00:00Z"
    other["spec"]["http"] = [{"match": [match], "route": [{"destination": {"host": "other"}}]}]
    cohort = Route(Split(100, 0), (Cohort(headers={"x-staff": StringMatch(exact="1")}),))
    case = but(virtual_services=(mine,), beside=Beside((mine, other)))
    return replace(case, ahead=(cohort,))


def test_subsets_that_two_rules_have_together_are_all_there() -> None:
    both = [{"name": n, "labels": {"version": v}} for n, v in (("stable", "v1"), ("canary", "v2"))]
    theirs = [rule(n, "callers", subsets=[each]) for n, each in zip("ab", both, strict=True)]
    mine = [rule(n, subsets=[each]) for n, each in zip("ab", both, strict=True)]
    findings = rollouts.findings(but(destination_rules=(*mine, *theirs)))
    assert [each for each in findings if each.severity is Severity.BLOCK] == []


def but(**changes: Any) -> Case:
    case = healthy()
    return replace(case, snapshot=replace(case.snapshot, **changes))


def with_route(**more: Any) -> Case:
    obj = virtual_service()
    obj["spec"]["http"][0].update(more)
    return but(virtual_services=(obj,))


def with_pods(edit: Callable[[Json], object], version: str = "v2") -> Case:
    changed = deployment(version)
    edit(changed["spec"]["template"])
    others = [deployment(v) for v in ("v1", "v2") if v != version]
    return but(deployments=(*others, changed))


def with_policy(**policy: Any) -> Case:
    return but(destination_rules=(rule(trafficPolicy=policy),))


def strict() -> Json:
    return {"metadata": meta("default", "istio-system"), "spec": {"mtls": {"mode": "STRICT"}}}


def app(template: Json) -> Json:
    found: Json = template["spec"]["containers"][0]
    return found


def authorization(**labels: str) -> Json:
    return {"metadata": meta("callers"), "spec": {"selector": {"matchLabels": labels}}}


def unjoinable() -> Case:
    """The route's path is a pattern, and so is the cohort's."""
    cohort = Cohort(path=StringMatch(regex="/b|/c"))
    ahead = (Route(Split(90, 10)), Route(Split(100, 0), (cohort,)))
    return replace(with_route(match=[{"uri": {"regex": "/a|/b"}}]), ahead=ahead)


def for_cohort(**match: StringMatch) -> Case:
    headers = {k.replace("__", "-"): v for k, v in match.items()}
    return replace(healthy(), cohorts=(Cohort(headers=headers),))


def single(**more: Any) -> Case:
    return with_route(route=[{"destination": {"host": "shop"}, **more}])


def same_version() -> Case:
    twin = deployment("v1")
    twin["metadata"]["name"] = "shop-v2"
    return but(deployments=(deployment("v1"), twin))


def small(case: Case) -> Case:
    canary = deployment("v2")
    canary["spec"]["replicas"] = 2
    return replace(case, snapshot=replace(case.snapshot, deployments=(deployment("v1"), canary)))


def telemetry(**override: Any) -> Case:
    spec = {"metrics": [{"overrides": [override]}]}
    return but(telemetries=({"metadata": meta("t"), "spec": spec},))


def labelled(obj: Json, **labels: str) -> Json:
    obj["metadata"]["labels"] = labels
    return obj


def gateway(*served: str) -> Json:
    return {"metadata": meta("web", "edge"), "spec": {"servers": [{"hosts": list(served)}]}}


def at_gateway(*served: str) -> Case:
    obj = virtual_service(gateways=["edge/web", "mesh"], hosts=["shop.example"])
    gateways = (gateway(*served),) if served else ()
    return but(virtual_services=(obj,), gateways=gateways)


def on_revisions() -> Case:
    moved = pod("v2")
    moved["metadata"]["annotations"]["istio.io/rev"] = "1-31-0"
    return but(pods=(pod("v1"), moved))


def an_abort(percent: float) -> Json:
    return {"abort": {"httpStatus": 500, "percentage": {"value": percent}}}


def bare_pods() -> Case:
    bare = deepcopy([pod("v1"), pod("v2")])
    for one in bare:
        one["spec"]["containers"].pop()
    return but(pods=tuple(bare))


def other_service() -> Case:
    ports = [{"name": "tcp", "port": 80, "targetPort": 1}]
    spec = {"selector": {"app": "shop"}, "ports": ports}
    return but(services=(service(), {"metadata": meta("twin"), "spec": spec}))


def same_target() -> Case:
    ports = [{"name": "http", "port": 81, "targetPort": 8080}]
    spec = {"selector": {"app": "shop"}, "ports": ports}
    return but(services=(service(), {"metadata": meta("twin"), "spec": spec}))


def hpa(least: int | None) -> Case:
    spec: Json = {"scaleTargetRef": {"kind": "Deployment", "name": "shop-v1"}}
    spec |= {} if least is None else {"minReplicas": least}
    return but(hpas=({"metadata": meta("shop"), "spec": spec},))


def handed_over(*hpas: Json, templated: bool = False, autoscaler: str = "shop") -> Case:
    return replace(but(hpas=hpas), autoscaler=autoscaler, templated=templated)


def an_hpa(kind: str = "Deployment", **more: Any) -> Json:
    spec = {"scaleTargetRef": {"kind": kind, "name": "shop-v1"}, "minReplicas": 9}
    return {"metadata": meta("shop") | more, "spec": spec}


KEDA: Json = {"ownerReferences": [{"kind": "ScaledObject", "name": "shop"}]}


def two_ports() -> Json:
    return service(ports=[{"name": "http", "port": 80}, {"name": "http-admin", "port": 81}])


def at_gate(port: int) -> Case:
    """Two ports, and a route at a gateway's ``port`` that names neither."""
    servers = [{"hosts": ["*"], "port": {"number": port, "protocol": "HTTP"}}]
    gate = {"metadata": meta("gate"), "spec": {"servers": servers}}
    routes = virtual_service(gateways=["gate", "mesh"])
    return but(services=(two_ports(),), gateways=(gate,), virtual_services=(routes,))


def behind(path: Json) -> Case:
    """The managed route stands behind one that takes this path to somebody else."""
    first = {"match": [{"uri": path}], "route": [{"destination": {"host": "x"}}]}
    return but(
        virtual_services=(virtual_service(http=[first, *virtual_service()["spec"]["http"]]),)
    )


def owned(by: Json) -> Case:
    return but(virtual_services=(labelled(virtual_service(), **by),))


def unprobed() -> Case:
    def edit(template: Json) -> None:
        off = {"sidecar.istio.io/rewriteAppHTTPProbers": "false"}
        template["metadata"]["annotations"] = off

    case = with_pods(edit)
    return replace(case, snapshot=replace(case.snapshot, peer_authentications=(strict(),)))


def plain_text() -> Case:
    case = with_policy(tls={"mode": "DISABLE"})
    return replace(case, snapshot=replace(case.snapshot, peer_authentications=(strict(),)))


def policed(**kinds: Json) -> Case:
    return but(**{kind: ({"metadata": meta("p"), "spec": spec},) for kind, spec in kinds.items()})


def account() -> Case:
    case = with_pods(lambda t: t["spec"].update(serviceAccountName="robot"))
    policies = (authorization(app="shop"),)
    return replace(case, snapshot=replace(case.snapshot, authorization_policies=policies))


def alone() -> Case:
    canary = deployment("v2")
    canary["spec"]["replicas"] = 1
    return but(deployments=(deployment("v1"), canary))


def far_telemetry() -> Case:
    case = telemetry(disabled=True)
    case.snapshot.telemetries[0]["metadata"]["namespace"] = "far"
    return case


def dark(cohort: Cohort, **more: Any) -> Case:
    ahead = (Route(Split(100, 0), (cohort,)),)
    return replace(with_route(**more), cohorts=(cohort,), ahead=ahead)


def passed_through() -> Case:
    route = {
        "match": [{"sniHosts": ["shop"]}],
        "route": virtual_service()["spec"]["http"][0]["route"],
    }
    obj = virtual_service(tls=[route])
    del obj["spec"]["http"]
    return but(virtual_services=(obj,))


def delegate() -> Case:
    obj = virtual_service()
    obj["spec"].pop("hosts")
    return but(virtual_services=(obj,))


CASES = [
    ("ROL-001", "block", same_version(), "pods of both carry version=v1"),
    ("ROL-001", "warn", with_pods(lambda t: t["metadata"]["labels"].pop("app")), "no label app"),
    ("ROL-002", "block", but(services=(service(ports=[{"name": "tcp-x", "port": 80}]),)), "is tcp"),
    (
        "ROL-002",
        "block",
        but(services=(service(ports=[{"port": 80, "protocol": "UDP"}]),)),
        "port 80 is UDP",
    ),
    ("ROL-002", "warn", but(services=(service(ports=[{"port": 80}]),)), "does not say"),
    ("ROL-003", "warn", other_service(), "disagree on the protocol of port 80"),
    ("ROL-003", "warn", same_target(), "reach port 8080 by different ports"),
    ("ROL-004", "warn", bare_pods(), "no pod has a proxy"),
    ("ROL-004", "warn", with_pods(lambda t: t["spec"].update(hostNetwork=True)), "hostNetwork"),
    (
        "ROL-005",
        "warn",
        with_pods(lambda t: t["spec"].update(securityContext={"runAsUser": 1337})),
        "app runs as user 1337",
    ),
    (
        "ROL-005",
        "warn",
        with_pods(lambda t: app(t).update(ports=[{"containerPort": 15006}])),
        "uses port 15006",
    ),
    ("ROL-006", "warn", but(services=(service(clusterIP="None"),)), "headless"),
    ("ROL-006", "warn", but(services=(service(type="ExternalName"),)), "ExternalName"),
    (
        "ROL-010",
        "block",
        with_route(
            route=[destination("stable", 90), destination("canary", 0), destination("v9", 10)]
        ),
        "sends requests to subset v9, which no destinationrule has",
    ),
    (
        "ROL-010",
        "warn",
        with_route(
            route=[destination("stable", 100), destination("canary", 0), destination("v9", 0)]
        ),
        "names subset v9, which no destinationrule has",
    ),
    ("ROL-011", "block", but(endpoint_slices=()), "subset stable has requests but no ready pod"),
    ("ROL-012", "warn", but(destination_rules=(rule(), rule("b"))), "destinationrules b, shop"),
    (
        "ROL-012",
        "warn",
        but(destination_rules=(rule(subsets=[*rule()["spec"]["subsets"], {"name": "stable"}]),)),
        "2 subsets are named stable",
    ),
    ("ROL-013", "warn", but(destination_rules=(rule(), rule("b", "else"))), "only callers in else"),
    (
        "ROL-014",
        "warn",
        but(destination_rules=(rule(subsets=[{"name": "stable", "labels": {"app": "shop"}}]),)),
        "selects every pod",
    ),
    (
        "ROL-014",
        "warn",
        but(
            destination_rules=(
                rule(
                    subsets=[{"name": n, "labels": {"version": "v1"}} for n in ("stable", "canary")]
                ),
            )
        ),
        "subsets stable and canary",
    ),
    (
        "ROL-010",
        "block",
        but(destination_rules=(rule(), rule("mine", "callers", subsets=[]))),
        "callers in callers use it, and it has no subset canary or stable; they would get 503",
    ),
    (
        "ROL-010",
        "block",
        but(
            destination_rules=(
                rule(),
                rule("some", workloadSelector={"matchLabels": {"app": "web"}}, subsets=[]),
            )
        ),
        "callers in shop labelled app=web use it, and it has no subset canary or stable",
    ),
    (
        "ROL-013",
        "warn",
        but(destination_rules=(rule("default", "istio-system", host="*.local"),)),
        "destinationrule istio-system/default: a rule that we make hides it",
    ),
    ("ROL-020", "warn", but(virtual_services=(virtual_service(gateways=["g"]),)), "leave out mesh"),
    (
        "ROL-021",
        "warn",
        replace(
            but(virtual_services=(virtual_service(), virtual_service("b", hosts=["b"]))),
            target=replace(TARGET, virtual_services=(VirtualServiceRef("shop"),)),
        ),
        "virtualservice shop/b: sends requests to shop and is not managed",
    ),
    (
        "ROL-023",
        "block",
        but(
            virtual_services=(
                virtual_service(
                    http=[{"route": [{"destination": {"host": "x"}}]}]
                    + virtual_service()["spec"]["http"]
                ),
            )
        ),
        "http[1]: is never reached; http[0] before it takes everything",
    ),
    (
        "ROL-024",
        "warn",
        with_route(route=[{"destination": {"host": "shop.shop"}}]),
        "shop.shop is not resolved",
    ),
    (
        "ROL-024",
        "warn",
        but(
            virtual_services=(virtual_service(), {**virtual_service(), "metadata": meta("b", "z")})
        ),
        "host shop means its own namespace",
    ),
    ("ROL-025", "warn", at_gateway(), "gateway edge/web is not there"),
    ("ROL-025", "warn", at_gateway("*.other"), "has none of its hosts"),
    ("ROL-026", "block", for_cohort(uri=StringMatch(exact="/")), "match uri itself"),
    (
        "ROL-026",
        "block",
        with_route(match=[{"headers": {"method": {"exact": "GET"}}}]),
        "header 'method' means a header of that name; match method itself",
    ),
    (
        "ROL-026",
        "warn",
        with_route(match=[{"headers": {"method": {"exact": "GET"}}}, {"uri": {"prefix": "/a"}}]),
        "header 'method' means a header of that name",
    ),
    (
        "ROL-026",
        "warn",
        with_route(match=[{"headers": {"x_tester": {"exact": "1"}}}]),
        "'x_tester' has an underscore",
    ),
    ("ROL-027", "warn", with_route(match=[{"uri": {"regex": "(?=a)"}}]), "is not RE2"),
    ("ROL-027", "warn", for_cohort(x=StringMatch(regex="(")), "cannot be read"),
    ("ROL-028", "warn", for_cohort(cookie=StringMatch(exact="a=1")), "cookie is matched whole"),
    (
        "ROL-029",
        "block",
        but(virtual_services=(virtual_service(), virtual_service("b"))),
        "all are for shop",
    ),
    ("ROL-030", "warn", with_policy(loadBalancer={"consistentHash": {"a": 1}}), "consistentHash"),
    ("ROL-030", "warn", but(services=(service(sessionAffinity="ClientIP"),)), "sessionAffinity"),
    ("ROL-031", "info", for_cohort(x__tester=StringMatch(exact="1")), "must pass the cohort"),
    ("ROL-032", "warn", small(with_policy(outlierDetection={"interval": "1s"})), "2 canary pods"),
    ("ROL-033", "warn", with_policy(connectionPool={"tcp": {}}), "connectionPool"),
    ("ROL-034", "block", with_route(fault=an_abort(5)), "injects a fault"),
    ("ROL-034", "warn", with_route(mirror={"host": "spy"}), "mirrors already"),
    ("ROL-035", "warn", with_route(retries={"attempts": 5}), "5 retries"),
    ("ROL-023", "block", behind({"prefix": "/"}), "http[1]: is never reached"),
    ("ROL-023", "block", behind({"regex": "/.*"}), "http[1]: is never reached"),
    ("ROL-036", "block", single(weight=0), "weight 0 and gets everything"),
    (
        "ROL-036",
        "block",
        with_route(route=[destination("stable", 0), destination("canary", 0)]),
        "all weights are 0",
    ),
    ("ROL-036", "block", at_gate(8080), "a gateway's port 8080 is none of them"),
    ("ROL-036", "warn", at_gate(81), "2 ports and the destination names none; the one that is"),
    ("ROL-036", "warn", but(services=(two_ports(),)), "2 ports and the destination names none"),
    (
        "ROL-037",
        "block",
        with_route(route=[destination("stable", 1), destination("other", 1)]),
        "weights 1 and 1 sum to 2",
    ),
    ("ROL-037", "block", delegate(), "no virtualservice delegates to it"),
    ("ROL-037", "block", unjoinable(), "RE2 cannot say both"),
    (
        "ROL-037",
        "block",
        replace(healthy(), ahead=(Route(Split(100, 0), preview_host="pre.example"),)),
        "no virtualservice lists the preview host pre.example",
    ),
    (
        "ROL-037",
        "block",
        at_a_shared_host({"uri": {"prefix": "/a"}, "queryParams": {"q": {"exact": "1"}}}),
        "virtualservice shop/other: takes requests by the query parameter 'q'",
    ),
    ("ROL-037", "block", at_a_shared_host({}, "2025"), "shop/other takes every request"),
    (
        "ROL-038",
        "block",
        dark(Cohort(path=StringMatch(prefix="/b")), match=[{"uri": {"prefix": "/a"}}]),
        "step 1: nobody can be of its cohorts: at virtualservice shop/shop http[0], "
        "its own match contradicts it",
    ),
    (
        "ROL-038",
        "warn",
        replace(behind({"prefix": "/a"}), cohorts=(Cohort(path=StringMatch(prefix="/a/b")),)),
        "cohort 1: nobody can be of it at virtualservice shop/shop http[1]: "
        "http[0] before it takes all its requests",
    ),
    (
        "ROL-038",
        "warn",
        replace(healthy(), ahead=(Route(Split(100, 0)), Route(Split(90, 10)))),
        "step 1: sends the canary no request, so counters judge nothing there",
    ),
    ("ROL-040", "warn", plain_text(), "tls DISABLE"),
    ("ROL-041", "warn", unprobed(), "http probes fail"),
    (
        "ROL-042",
        "warn",
        but(authorization_policies=(authorization(version="v1"),)),
        "authorizationpolicy shop/callers: holds for shop-v1 and not for shop-v2",
    ),
    (
        "ROL-042",
        "warn",
        policed(network_policies={"podSelector": {"matchLabels": {"version": "v1"}}}),
        "networkpolicy shop/p: holds for shop-v1",
    ),
    (
        "ROL-042",
        "warn",
        policed(pdbs={"selector": {"matchLabels": {"version": "v1"}}}),
        "poddisruptionbudget shop/p: holds for shop-v1",
    ),
    ("ROL-042", "warn", account(), "service accounts differ (default and robot)"),
    ("ROL-052", "warn", alone(), "one pod is all of the canary"),
    ("ROL-043", "warn", but(virtual_services=(virtual_service(exportTo=["."]),)), "outside shop"),
    (
        "ROL-043",
        "warn",
        but(sidecars=({"metadata": meta("s", "web"), "spec": {"egress": [{"hosts": ["./*"]}]}},)),
        "sidecar web/s: does not let its callers see shop",
    ),
    ("ROL-044", "warn", on_revisions(), "mesh revisions 1-30-3 and 1-31-0"),
    (
        "ROL-046",
        "warn",
        with_policy(loadBalancer={"localityLbSetting": {"distribute": [{}]}}),
        "locality distribute",
    ),
    ("ROL-050", "block", owned(FLUX), "Flux puts git's version back"),
    ("ROL-050", "warn", owned({"argocd.argoproj.io/instance": "x"}), "Argo CD owns it"),
    ("ROL-051", "warn", hpa(None), "may shrink shop-v1 to 1 pods"),
    ("ROL-051", "block", handed_over(), "hpa shop/shop: is not there; make it"),
    ("ROL-051", "block", handed_over(an_hpa(**KEDA)), "hpa shop is KEDA's"),
    ("ROL-051", "block", handed_over(an_hpa("StatefulSet")), "scales a StatefulSet"),
    (
        "ROL-051",
        "warn",
        handed_over(an_hpa(), templated=True, autoscaler=""),
        "scales shop-v1 alone, and nobody after the next release",
    ),
    ("ROL-052", "warn", with_pods(lambda t: app(t).pop("readinessProbe")), "no readiness probe"),
    (
        "ROL-054",
        "warn",
        telemetry(tagOverrides={"response_code": {"operation": "REMOVE"}}),
        "takes label response_code away",
    ),
    ("ROL-054", "warn", telemetry(disabled=True), "switches off every metric"),
    (
        "ROL-055",
        "block",
        replace(passed_through(), counted=("errors", "latency")),
        "service shop: its routes are tls, of which no requests are counted, "
        "so errors, latency can never open a gate",
    ),
    (
        "ROL-055",
        "block",
        replace(bare_pods(), counted=("errors",), server_side=True),
        "no pod has a proxy, and reporter is destination",
    ),
    (
        "ROL-056",
        "block",
        replace(healthy(), uses=(TemplateUse("defaults"),)),
        "AnalysisTemplate 'defaults' is not there; it is wanted",
    ),
    (
        "ROL-060",
        "block",
        but(claims={"shop/shop": HOST, "shop/b": HOST}),
        "rollout shop/b: has service",
    ),
    (
        "ROL-063",
        "block",
        but(moved_by="upgrade/mesh"),
        "namespace shop: upgrade/mesh is moving its pods; it waits for that",
    ),
    (
        "ROL-062",
        "warn",
        replace(
            healthy(),
            cohorts=(Cohort({"@request.auth.claims.userId": StringMatch(exact="7")}),),
        ),
        "Istio refuses a match on claims there",
    ),
    (
        "ROL-061",
        "warn",
        but(
            virtual_services=(
                virtual_service(
                    http=[
                        {
                            "match": [{"uri": {"exact": "/x"}}],
                            "route": [destination("canary", 100)],
                        },
                        *virtual_service()["spec"]["http"],
                    ]
                ),
            )
        ),
        "always goes to subset canary",
    ),
]


@pytest.mark.parametrize(("rule_id", "severity", "case", "words"), CASES)
def test_the_rule_finds_what_is_wrong(rule_id: str, severity: str, case: Case, words: str) -> None:
    mine = [f for f in found(case) if f.startswith(f"{rule_id} {severity} ")]
    assert any(words in f for f in mine), found(case)


QUIET = [
    (
        "ROL-004",
        but(
            pods=bare_pods().snapshot.pods,
            namespaces=(
                {"metadata": {"name": "shop", "labels": {"istio.io/dataplane-mode": "ambient"}}},
            ),
        ),
    ),
    ("ROL-025", at_gateway("other/*.example", "shop.example")),
    ("ROL-030", replace(with_policy(loadBalancer={"consistentHash": {"a": 1}}), sticky=True)),
    ("ROL-032", with_policy(outlierDetection={"interval": "1s"})),
    ("ROL-038", replace(healthy(), ahead=(Route(Split(100, 0), mirror=0.1), Route(Split(90, 10))))),
    ("ROL-040", with_policy(tls={"mode": "DISABLE"})),
    ("ROL-042", but(authorization_policies=(authorization(app="shop"),))),
    ("ROL-050", owned(FLUX | {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"})),
    ("ROL-051", hpa(3)),
    ("ROL-051", handed_over(an_hpa(), templated=True)),
    ("ROL-051", handed_over(an_hpa(), autoscaler="")),
    ("ROL-011", but(pods=(), endpoint_slices=())),
    ("ROL-054", far_telemetry()),
    (
        "ROL-043",
        but(sidecars=({"metadata": meta("s"), "spec": {"egress": [{"hosts": ["./*"]}]}},)),
    ),
    ("ROL-036", with_route(route=[{"destination": {"host": "shop", "port": {"number": 80}}}])),
    ("ROL-054", telemetry(tagOverrides={"x": {"operation": "REMOVE"}})),
]


@pytest.mark.parametrize(("rule_id", "case"), QUIET)
def test_the_rule_is_quiet_where_its_trouble_is_provided_for(rule_id: str, case: Case) -> None:
    assert [f for f in found(case) if f.startswith(rule_id)] == []


def test_every_rule_has_a_case_that_it_finds() -> None:
    assert {r.id for r in rollouts.RULES} == {c[0] for c in CASES}


def test_every_rule_has_its_place_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
    assert [r.id for r in rollouts.RULES if f"### {r.id}\n" not in text] == []
    assert rollouts.page("ROL-010") == "docs/rules.md#rol-010"


def test_a_service_and_pods_that_are_not_there_yet_stop_no_rule() -> None:
    case = but(services=(), deployments=(), pods=(), destination_rules=())
    assert [f for f in found(case) if "could not be judged" in f] == []


def test_an_odd_object_is_told_and_stops_no_other_rule() -> None:
    case = but(telemetries=({"metadata": meta("t"), "spec": {"metrics": [7]}},), endpoint_slices=())
    rules = [f.rule for f in rollouts.findings(case)]
    assert rules == ["ROL-011", "ROL-054"]


def test_blocks_come_first() -> None:
    case = but(endpoint_slices=(), services=(service(clusterIP="None"),))
    assert [f.severity for f in rollouts.findings(case)] == [Severity.BLOCK, Severity.WARN]


def test_a_finding_names_its_object_first() -> None:
    assert rollouts.findings(hpa(None)) == (
        Finding(
            "ROL-051",
            Severity.WARN,
            "hpa shop/shop: may shrink shop-v1 to 1 pods in mid-journey; "
            "minReplicas 3 keeps the way back open",
        ),
    )
