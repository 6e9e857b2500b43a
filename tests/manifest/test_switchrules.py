import pytest

from rollout.manifest import load

GOOD = """\
apiVersion: rollout.dev/v1alpha1
kind: ClusterSwitchover
metadata: {name: edge, namespace: shop}
spec:
  serve: green
  blue: {setIdentifier: blue}
  green: {setIdentifier: green, kubeconfig: {name: green-cluster}}
  dns:
    names: [shop.example.com, "*.shop.example.com"]
    endpoints: [{name: shop}]
    nameServers: ["ns-1.awsdns-01.org", "[2001:db8::1]:53"]
  probes:
  - {url: "https://shop.example.com/health"}
  - {url: "https://eu.shop.example.com:8443/", status: 204}
  steps: [{weight: 1}, {weight: 25, approval: {}, bake: 5m}]
"""


def complaints(text: str) -> list[str]:
    return [str(error) for error in load.text("edge.yaml", text.encode()).errors]


def test_a_switchover_is_read() -> None:
    loaded = load.text("edge.yaml", GOOD.encode())
    assert loaded.errors == ()
    assert [one.kind for one in loaded.manifests] == ["ClusterSwitchover"]


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (
            "green: {setIdentifier: green, kubeconfig: {name: green-cluster}}",
            "green: {setIdentifier: green}",
            "7: green is the controller's own cluster, as blue is; a kubeconfig in one of them",
        ),
        (
            "{weight: 25, approval: {}, bake: 5m}",
            "{weight: 1}",
            "15: steps[1].weight is 1, no more than the step before (1); weights must rise",
        ),
        (
            "https://shop.example.com/health",
            "https://example.com/health",
            "13: probes[0].url asks for 'example.com', which dns.names does not move; "
            "one of *.shop.example.com, shop.example.com",
        ),
        (
            "endpoints: [{name: shop}]",
            "endpoints: [{name: shop}, {name: shop}]",
            "10: dns.endpoints[1].name is 'shop' again; each object once",
        ),
        (
            "endpoints: [{name: shop}]",
            "endpoints: [{name: shop, namespace: kube-system}]",
            "10: dns.endpoints[0].namespace is 'kube-system', in the controller's own cluster; "
            "leave it out: there the switchover's own namespace is written",
        ),
        (
            '"*.shop.example.com"',
            "shop.example.com",
            "9: dns.names[1] is 'shop.example.com' again; each name once",
        ),
        (
            "  serve: green",
            "  serve: green\n  overrule: [{rule: SW-002, reason: x}]",
            "6: overrule[0].rule is SW-002, which nobody can overrule; "
            "weights of such records cannot be moved",
        ),
        (
            "  serve: green",
            "  serve: green\n  analysis: {templates: [{name: x}], reporter: source}",
            "6: analysis.templates is set, but a switchover's metrics stand in its own spec; "
            "metrics beside it are wanted",
        ),
        (
            "blue: {setIdentifier: blue}",
            "blue: {setIdentifier: green}",
            "4: spec blue and green have one setIdentifier; one of its own is wanted",
        ),
        ("serve: green", "serve: gren", "5: serve is 'gren'; blue or green is wanted"),
        ("setIdentifier: blue", "setIdentifer: blue", "6: blue.setIdentifier is missing"),
    ],
)
def test_a_mistake_is_told_with_its_line(good: str, bad: str, said: str) -> None:
    assert said in "\n".join(complaints(GOOD.replace(good, bad, 1)))
