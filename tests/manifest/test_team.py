import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.manifest import team
from rollout.manifest.team import Stranger

PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {team: shop}}\n"


def wrong(text: str) -> list[str]:
    """What is said of ``text``, all of whose objects are refused."""
    made, errors = team.strangers("a.yaml", text.encode())
    assert made == ()
    return [str(error).removeprefix("a.yaml:") for error in errors]


def test_objects_are_taken_as_written_without_what_a_server_adds() -> None:
    text = (
        "# first\n---\napiVersion: apps/v1\nkind: Deployment\n"
        "metadata: {name: shop, namespace: eu, uid: u, creationTimestamp: null}\n"
        "spec: {replicas: 2}\nstatus: {replicas: 1}\n"
    )
    metadata = {"name": "shop", "namespace": "eu"}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    assert team.strangers("a.yaml", text.encode()) == (
        (
            Stranger(
                "apps/v1",
                "Deployment",
                "shop",
                "eu",
                {**body, "spec": {"replicas": 2}},
                "a.yaml",
                3,
            ),
        ),
        (),
    )


def test_ours_are_left_to_their_own_rules_and_empty_documents_to_nobody() -> None:
    ours = "apiVersion: rollout.dev/v1alpha1\nkind: Rollout\nmetadata: {name: x}\n"
    made, errors = team.strangers("a.yaml", f"{ours}---\n---\n# none\n---\n{PLAIN}".encode())
    assert [one.name for one in made] == ["a"]
    assert errors == ()


def test_the_items_of_a_list_are_objects() -> None:
    item = "- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n"
    text = f"apiVersion: v1\nkind: List\nitems:\n{item}"
    [made], errors = team.strangers("a.yaml", text.encode())
    assert (made.kind, made.line, errors) == ("Service", 4, ())


def test_what_is_no_yaml_is_an_error_and_so_is_a_template() -> None:
    assert wrong("a: {")[0].startswith("2: is not YAML")
    assert wrong("a: {{ .Values.x }}") != []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1\n", "1: the document is no Kubernetes object; a folder of manifests alone"),
        ("replicas: 2\n", "1: the document is no Kubernetes object; a folder of manifests alone"),
        (
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
            "2: kind is 'Kustomization'; write what it renders into git",
        ),
        (PLAIN.replace("v1", "one"), "1: apiVersion is 'one'; a version like apps/v1 is wanted"),
        (PLAIN.replace("ConfigMap", "config"), "2: kind is 'config'; a kind like Deployment"),
        ("apiVersion: v1\nkind: Service\n", "1: metadata is missing or no mapping; metadata"),
        (PLAIN.replace("name: a", "name: A_"), "3: metadata.name is 'A_'; a-z, 0-9, - and ."),
        (PLAIN.replace("a,", "a, namespace: A,"), "3: metadata.namespace is 'A'; a-z, 0-9"),
        (
            PLAIN.replace("a,", "a, finalizers: [x],"),
            "3: metadata.finalizers is not taken from git",
        ),
        (PLAIN.replace("{team: shop}", "[x]"), "3: metadata.labels is "),
        (PLAIN.replace("shop", "1"), "3: metadata.labels.team is 1; text is wanted: put it in"),
        (
            PLAIN.replace("labels: {team: shop}", "annotations: {rollout.dev/commit: x}"),
            "3: metadata.annotations.'rollout.dev/commit' is the controller's to write; leave it",
        ),
        (PLAIN + "data: {a: 1, a: 2}\n", "4: data.a "),
        (PLAIN + "data: {a: 0644}\n", "4: data.a is 0644"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    found = wrong(text)
    assert [one for one in found if one.startswith(said)] == found[:1]


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes) -> None:
    made, errors = team.strangers("a.yaml", data)
    assert all(str(error).startswith("a.yaml") for error in errors)
    assert all(one.kind and one.name for one in made)
