"""The chart beside ``rollout install``: the same objects, and a sentence for every wrong value."""

import copy
import json
from dataclasses import fields
from typing import Any

import pytest
import yaml

from rollout.cli import policy
from rollout.cli.installing import needs
from rollout.cli.installing.mounts import SecretEntry, Secrets
from rollout.cli.installing.values import values
from rollout.cli.installing.workload import POLICY_HASH, Installation
from rollout.cli.settings import NAMES, Settings
from rollout.controller import rights
from rollout.controller.rights import Need
from rollout.manifest import definition, schema
from tests.deploy import charts
from tests.deploy.charts import ChartRefusedError, Helm, Json, one

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(
    scope="module",
    params=[pytest.param(4, id="helm-4"), pytest.param(3, id="helm-3", marks=pytest.mark.long)],
)
def helm(request: pytest.FixtureRequest) -> Helm:
    return Helm.at(request.param)


OURS = ("app.kubernetes.io/instance", "app.kubernetes.io/version", "helm.sh/chart")


def bare(obj: Json) -> Json:
    """Without what only a release has: its labels, and what Kubernetes would say itself."""
    text = json.dumps(obj)
    found: Json = json.loads(text)
    for meta in (found["metadata"], found.get("spec", {}).get("template", {}).get("metadata", {})):
        meta.get("annotations", {}).pop(POLICY_HASH, None)
        meta.get("annotations", {}).pop("helm.sh/resource-policy", None)
        if not meta.get("annotations", True):
            del meta["annotations"]
    if policy_text := (found.get("data") or {}).get("policy.yaml"):
        found["data"]["policy.yaml"] = yaml.safe_load(policy_text)
    cleaned: Json = _without_labels(found)
    return cleaned


def _without_labels(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_labels(each) for each in node]
    if not isinstance(node, dict):
        return node
    dropped = {*OURS, "app.kubernetes.io/managed-by"}
    kept = {key: _without_labels(value) for key, value in node.items() if key not in dropped}
    plain = {"app.kubernetes.io/name": "rollout"}
    for name in ("labels", "imagePullPolicy"):
        if kept.get(name) in (plain, "IfNotPresent", {}):
            del kept[name]
    return kept


def granted(objs: list[Json]) -> set[tuple[str, str, str, str, str]]:
    """Every right: in which namespace, of which group's what, of which name, which verb."""
    return {
        (role["metadata"].get("namespace", ""), group, resource, name, verb)
        for role in objs
        if role["kind"] in ("Role", "ClusterRole")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }


LOGIN = {
    "push": {"secret": "/var/run/secrets/rollout.dev/push/secret"},
    "page": {
        "login": True,
        "oidc": {
            "issuer": "https://login.example.com",
            "clientId": "kubernetes",
            "clientSecret": "/var/run/secrets/rollout.dev/oidc/clientSecret",
        },
    },
}
INSTALLATIONS = [
    (Installation(), {}),
    (Installation(only="shop"), {"settings": {"namespace": "shop"}}),
    (
        Installation(replicas=3, prometheus="http://p:9090", istiod="http://i:15014/debug/syncz"),
        {
            "replicas": 3,
            "settings": {"prometheus": "http://p:9090", "istiod": "http://i:15014/debug/syncz"},
        },
    ),
    (Installation(audit="logs"), {"settings": {"audit": "logs"}}),
    (Installation(audit="-"), {"settings": {"audit": "-"}}),
    (
        Installation(image="registry/rollout:x"),
        {"image": {"repository": "registry/rollout", "tag": "x"}},
    ),
    (Installation(page="0.0.0.0:8081"), {"settings": {"page": "0.0.0.0:8081"}}),
    (Installation(tenant="shop"), {"settings": {"tenant": "shop"}}),
    (Installation(log_level="debug"), {"settings": {"logLevel": "debug"}}),
    (Installation(shards=3), {"settings": {"shards": 3}}),
    (Installation(secrets=Secrets(slack="")), {"slackSecret": ""}),
    (
        Installation(secrets=Secrets(prometheus_token=SecretEntry("mimir", "token"))),
        {"settings": {"prometheusToken": {"secret": "mimir"}}},
    ),
    (
        Installation(secrets=Secrets(prometheus_ca=SecretEntry("mimir", "tls.crt"))),
        {"settings": {"prometheusCa": {"secret": "mimir", "key": "tls.crt"}}},
    ),
    (
        Installation(needs=rights.USUAL | rights.OPT_IN),
        {"rights": {"manifests": True, "upgrades": True}},
    ),
    (
        Installation(needs=rights.USUAL - {Need.SECRETS, Need.CONFIGURATION}, only="shop"),
        {"settings": {"namespace": "shop"}, "rights": {"secrets": False, "configuration": False}},
    ),
    (
        Installation(
            page="0.0.0.0:8081",
            audit="logs",
            policy=yaml.safe_dump(LOGIN),
            secrets=Secrets(
                "chat", "push", "oidc", SecretEntry("mimir", "token"), SecretEntry("ca", "ca.crt")
            ),
        ),
        {
            "settings": {
                "page": "0.0.0.0:8081",
                "audit": "logs",
                "prometheusToken": {"secret": "mimir"},
                "prometheusCa": {"secret": "ca"},
            },
            "policy": LOGIN,
            "slackSecret": "chat",
            "pushSecret": "push",
            "oidcSecret": "oidc",
        },
    ),
]


@pytest.mark.parametrize(("installation", "given"), INSTALLATIONS)
def test_a_release_is_what_rollout_install_prints(
    helm: Helm, installation: Installation, given: Json
) -> None:
    release, printed = helm.rendered(given), installation.manifests()
    assert granted(release) == granted(printed)
    rights_apart = ("Role", "ClusterRole", "CustomResourceDefinition", "Namespace")
    ours, theirs = (
        sorted(
            (bare(o) for o in objs if o["kind"] not in rights_apart),
            key=lambda o: (o["kind"], o["metadata"]["name"]),
        )
        for objs in (release, printed)
    )
    assert ours == theirs


def test_two_releases_for_two_namespaces_share_no_object(helm: Helm) -> None:
    shop, pay = (
        helm.rendered({"settings": {"namespace": only}, "crds": {"install": False}}, f"own-{only}")
        for only in ("shop", "pay")
    )
    assert named(shop) & named(pay) == set()
    printed = [Installation(own=f"own-{only}", only=only).manifests() for only in ("shop", "pay")]
    assert named(printed[0]) & named(printed[1]) == set()


def named(objs: list[Json]) -> set[tuple[str, str, str]]:
    """Kind, namespace and name of each."""
    return {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in objs}


def test_our_kinds_come_with_the_release_and_outlive_it(helm: Helm) -> None:
    made = [o for o in helm.rendered() if o["kind"] == "CustomResourceDefinition"]
    kinds = [definition.crd(kind) for kind in schema.KINDS.values()]
    assert sorted((bare(o) for o in made), key=str) == sorted((bare(o) for o in kinds), key=str)
    assert {o["metadata"]["annotations"]["helm.sh/resource-policy"] for o in made} == {"keep"}
    assert not any(
        o["kind"] == "CustomResourceDefinition" for o in helm.rendered({"crds": {"install": False}})
    )


@pytest.mark.parametrize("need", sorted(set(Need) - rights.REQUIRED - {Need.UPGRADES}))
def test_a_need_that_is_not_granted_takes_its_rights_and_no_other_need_s(
    helm: Helm, need: Need
) -> None:
    names = {each: name for name, each in needs.BY_NAME.items()}
    every = {name: each is not Need.UPGRADES for each, name in names.items()}
    less = {**every, names[need]: False}
    if need is Need.SOURCES:
        less |= {names[Need.PUSHES]: False, names[Need.MANIFESTS]: False}
    gone = {each for each, name in names.items() if every[name] and not less[name]}
    before, after = (
        granted(helm.rendered({"rights": said, "crds": {"install": False}}))
        for said in (every, less)
    )
    missing = before - after
    wanted = {
        (call.kind, call.verb, call.subresource)
        for call, needs in rights.calls(frozenset(Need) - {Need.UPGRADES}).items()
        if set(needs) <= gone
    }
    assert len(missing) == len(wanted)


def test_upgrades_are_a_role_of_their_own(helm: Helm) -> None:
    release = helm.rendered({"rights": {"upgrades": True}})
    added = granted(release) - granted(helm.rendered())
    assert ("", "", "pods", "", "delete") in added
    assert one(release, "ClusterRole", "rollout-upgrades")["rules"]


def test_every_setting_and_every_key_of_the_policy_can_be_said(helm: Helm) -> None:
    by_the_chart = {"kubeconfig", "context", "cache", "listen", "policy"}
    said = set(values()["properties"]["settings"]["properties"])
    wanted = {field.name for field in fields(Settings)} - by_the_chart
    assert {"".join(c if c.islower() else f"_{c.lower()}" for c in name) for name in said} == wanted
    assert set(values()["properties"]["policy"]["properties"]) == set(policy.KEYS)
    token = {"secret": "mimir", "key": "password"}
    given = {
        "prometheusToken": token,
        "prometheusCa": {"secret": "ca"},
        "tenant": "a",
        "logLevel": "debug",
    }
    pod = one(helm.rendered({"settings": given}), "Deployment")["spec"]["template"]["spec"]
    env = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    mounts = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    assert set(env) - {"POD_NAMESPACE"} <= set(NAMES.values())
    assert env[NAMES["prometheus_token"]] == f"{mounts['prometheus-token']}/password"
    assert env[NAMES["prometheus_ca"]] == f"{mounts['prometheus-ca']}/ca.crt"
    assert (env[NAMES["tenant"]], env[NAMES["log_level"]]) == ("a", "debug")


POLICY = {
    "webhooks": ["https://*.corp.example", "http://gate.qa.svc:8080"],
    "signers": {"releases": "ann@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGmIvPLq"},
    "verify": {"*": {"signers": ["releases"]}},
    "abroad": {"shop/everything": ["shop-eu"]},
    "manifests": {"*": ["ServiceEntry.networking.istio.io"], "shop/all": ["Secret"]},
    "localGit": False,
}


def test_the_page_has_its_port_where_it_is_asked_for(helm: Helm) -> None:
    release = helm.rendered({"settings": {"page": "0.0.0.0:8081"}})
    container = one(release, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8080, "page": 8081}
    served = {port["name"]: port["port"] for port in one(release, "Service")["spec"]["ports"]}
    (let_in,) = one(release, "NetworkPolicy")["spec"]["ingress"]
    assert (served, {port["port"] for port in let_in["ports"]}) == (ports, {8080, 8081})


def test_the_policy_arrives_as_the_controller_reads_it(helm: Helm, tmp_path: Any) -> None:
    config = one(helm.rendered({"policy": POLICY}), "ConfigMap")
    file = tmp_path / "policy.yaml"
    file.write_text(config["data"]["policy.yaml"])
    assert yaml.safe_load(file.read_text()) == POLICY
    assert policy.read(str(file)).webhooks == tuple(POLICY["webhooks"])  # type: ignore[arg-type]


def test_another_policy_wants_other_pods(helm: Helm) -> None:
    first, second = (
        one(helm.rendered(given), "Deployment")["spec"]["template"]["metadata"]["annotations"]
        for given in ({}, {"policy": {"localGit": True}})
    )
    assert first[POLICY_HASH] != second[POLICY_HASH]


def wrong(node: Json, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    """For each value, one that it cannot be: of another type, of another form, out of range."""
    found: list[tuple[tuple[str, ...], object]] = []
    for name, field in node.get("properties", {}).items():
        here = (*path, name)
        found.append((here, 7 if field["type"] != "integer" else "seven"))
        if "pattern" in field:
            found.append((here, "no such thing!"))
        if "enum" in field:
            found.append((here, "Sometimes"))
        if "minimum" in field:
            found.append((here, field["minimum"] - 1))
        found += wrong(field, here)
    if node.get("additionalProperties") is False:
        found.append(((*path, "unheardOf"), "x"))
    return found


def nested(path: tuple[str, ...], value: object) -> Json:
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def test_every_wrong_value_is_named_and_refused(helm: Helm) -> None:
    """All of them at once, since Helm names each: one line a value."""
    pairs = wrong(values())
    assert len(pairs) > 100
    for batch in _apart(pairs):
        given: Json = {}
        for path, value in batch:
            _merge(given, nested(path, value))
        with pytest.raises(ChartRefusedError) as refused:
            helm.rendered(given)
        for path, _ in batch:
            place, key = "/" + "/".join(path), path[-1]
            parent = "/" + "/".join(path[:-1]) if path[:-1] else ""
            told = f"at '{place}'" in str(refused.value)
            assert told or f"at '{parent}': additional properties '{key}'" in str(refused.value), (
                path,
                str(refused.value),
            )


def _apart(
    pairs: list[tuple[tuple[str, ...], object]],
) -> list[list[tuple[tuple[str, ...], object]]]:
    """Batches in which no value stands in another's place, or inside of it."""
    batches: list[list[tuple[tuple[str, ...], object]]] = []
    for path, value in pairs:
        for batch in batches:
            if all(not _over(path, other) for other, _ in batch):
                batch.append((path, value))
                break
        else:
            batches.append([(path, value)])
    return batches


def _over(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    short = min(len(a), len(b))
    return a[:short] == b[:short]


def _merge(into: Json, more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"policy": {"webhooks": ["gate.example.com"]}}, "at '/policy/webhooks/0'"),
        (
            {"policy": {"abroad": {"shop": ["eu"]}}},
            "policy.abroad.shop: is no source; namespace/name is wanted",
        ),
        (
            {"policy": {"verify": {"*": {"signers": ["leads"]}}}},
            'policy.verify.*: names "leads"; a name of policy.signers is wanted',
        ),
        ({"policy": {"verify": {"shop": {"signers": ["a"]}}}}, "policy.verify.shop: is no source"),
        ({"policy": {"manifests": {"shop": ["Secret"]}}}, "policy.manifests.shop: is no source"),
        ({"policy": {"manifests": {"*": ["secret"]}}}, "at '/policy/manifests/*/0'"),
        ({"policy": {"slack": {"token": "x"}}}, "additional properties 'token'"),
        (
            {"policy": {"signers": {"releases": "# nobody"}}},
            "policy.signers.releases: is no list of keys",
        ),
        ({"serviceAccount": {"create": False}}, "serviceAccount.name: is empty"),
        (
            {"monitoring": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}},
            "each pod would be counted twice",
        ),
        ({"rights": {"sources": False}}, "rights.pushes: is of no use"),
        ({"settings": {"namespace": charts.OWN}}, "is the release's own namespace"),
        ({"pushSecret": "push"}, "pushSecret: is mounted and not read"),
        (
            {
                "policy": {
                    "page": {
                        "login": True,
                        "oidc": {
                            "issuer": "https://login.example.com",
                            "clientId": "kubernetes",
                            "clientSecret": "/var/run/secrets/rollout.dev/oidc/clientSecret",
                        },
                    }
                }
            },
            "policy.page.oidc.clientSecret: names a file of the Secret oidcSecret",
        ),
        (
            {"policy": {"page": {"login": True, "oidc": {"issuer": "http://login.example.com"}}}},
            "at '/policy/page/oidc",
        ),
        (
            {
                "slackSecret": "",
                "policy": {"slack": {"botToken": "/var/run/secrets/rollout.dev/slack/botToken"}},
            },
            "policy.slack.botToken: names a file of the Secret slackSecret",
        ),
    ],
)
def test_what_the_controller_would_refuse_at_its_start_is_refused_before(
    helm: Helm, given: Json, told: str
) -> None:
    with pytest.raises(ChartRefusedError) as refused:
        helm.rendered(given)
    assert told in str(refused.value)


def test_monitoring_is_what_kustomize_adds(helm: Helm) -> None:
    on = {"enabled": True, "labels": {"release": "prom"}}
    release = helm.rendered(
        {"monitoring": {"podMonitor": on, "alerts": on, "board": {"enabled": True}}}
    )
    rule = one(release, "PrometheusRule")
    kept = charts.CHART.parent / "monitoring"
    assert rule["spec"] == yaml.safe_load((kept / "alerts.yaml").read_text())["spec"]
    assert rule["metadata"]["labels"]["release"] == "prom"
    board = one(release, "ConfigMap", "rollout-board")
    assert board["data"]["board.json"] == (kept / "board.json").read_text()
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    (pods,) = one(release, "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert pods == {"port": "http", "path": "/metrics", "interval": "15s"}


def test_helm_lints_it(helm: Helm) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in helm.says("lint", str(charts.CHART))
