"""What ``rollout install`` prints; what is kept of it in the repository is fresh."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli.installing import mounts, workload
from rollout.cli.installing.workload import Installation
from rollout.cli.settings import NAMES
from tests import generate, realkube
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[3]
MADE = generate.files()


def kinds(objs: list[dict[str, Any]]) -> list[str]:
    return [obj["kind"] for obj in objs]


@pytest.mark.parametrize("path", [path for path in MADE if path.startswith("deploy/")])
def test_what_is_kept_here_is_what_is_printed(path: str) -> None:
    assert (ROOT / path).read_text() == MADE[path]


def test_the_account_stands_before_what_runs_as_it() -> None:
    made = kinds(Installation().manifests())
    assert made[0] == "Namespace"
    assert made.index("ServiceAccount") < made.index("Deployment")


def test_the_pod_is_restricted() -> None:
    """Each line of https://kubernetes.io/docs/concepts/security/pod-security-standards."""
    (deployment,) = (o for o in Installation().manifests() if o["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    container, reader = (each["securityContext"] for each in pod["containers"])
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert reader == {**container, "runAsUser": 65533, "runAsGroup": 65533}
    volumes = {volume["name"]: set(volume) - {"name"} for volume in pod["volumes"]}
    assert volumes == {
        "account": {"projected"},
        **{key: {"emptyDir"} for key in ("socket", "cache", "tmp", "reader-tmp")},
        "policy": {"configMap"},
        "slack": {"secret"},
    }


def test_whoever_reads_git_has_three_empty_folders_and_nothing_that_says_who_we_are() -> None:
    (deployment,) = (o for o in Installation().manifests() if o["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    controller, reader = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert [mount["name"] for mount in reader["volumeMounts"]] == ["socket", "cache", "reader-tmp"]
    assert not reader.keys() & {"env", "envFrom", "ports"}
    mine = {mount["name"]: mount.get("readOnly", False) for mount in controller["volumeMounts"]}
    assert (mine["account"], mine["socket"]) == (True, True)
    assert not mine.keys() & {"cache", "reader-tmp"}
    (socket,) = (e["value"] for e in controller["env"] if e["name"] == "ROLLOUT_CACHE")
    assert socket.removeprefix("unix:") == reader["args"][2]


def test_slack_s_secret_and_the_audit_log_have_their_places() -> None:
    made = Installation(audit="rollout-audit").manifests()
    (deployment,) = (o for o in made if o["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert (places["slack"], places["audit"]) == (mounts.folder("slack"), workload.AUDIT)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["slack"]["secret"] == {"secretName": "rollout-slack", "optional": True}
    assert volumes["audit"]["persistentVolumeClaim"] == {"claimName": "rollout-audit"}
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert env["ROLLOUT_AUDIT"] == f"{workload.AUDIT}/audit.jsonl"
    for page in ("slack.md", "policy.md"):
        assert f"botToken: {mounts.folder('slack')}/botToken" in (ROOT / "docs" / page).read_text()


def test_the_environment_names_settings_that_are_there() -> None:
    (deployment,) = (
        o
        for o in Installation(only="shop", prometheus="http://p", istiod="http://i").manifests()
        if o["kind"] == "Deployment"
    )
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    said = {entry["name"] for entry in container["env"]}
    assert said - {"POD_NAMESPACE"} <= set(NAMES.values())
    assert {"ROLLOUT_NAMESPACE", "ROLLOUT_PROMETHEUS", "ROLLOUT_ISTIOD"} <= said


def test_a_policy_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "policy.yaml"
    wrong.write_text("webhook: []\n")
    asked = run("install", "--policy", str(wrong), cluster=False)
    assert asked.exit_code == 1
    good = tmp_path / "good.yaml"
    good.write_text("localGit: false\n")
    told = run("install", "--policy", str(good), "-n", "shop", cluster=False)
    (config,) = (o for o in yaml.safe_load_all(told.stdout) if o["kind"] == "ConfigMap")
    assert config["data"] == {"policy.yaml": "localGit: false\n"}


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--prometheus", "prometheus:9090"),
        ("--prometheus", "http://prometheus:9090 "),
        ("--istiod", "istiod:15014"),
        ("--image", ""),
        ("--image", "foo bar"),
        ("--namespace", "Bad_Name"),
        ("--own", "shop/x"),
        ("--audit", "bad name"),
        ("--page", "8081"),
        ("--page", "0.0.0.0:page"),
        ("--log-level", "loud"),
        ("--prometheus-token", "mimir/"),
        ("--prometheus-ca", "/ca.crt"),
        ("--slack-secret", "Slack"),
        ("--push-secret", "a b"),
        ("--oidc-secret", "-"),
    ],
)
def test_a_value_that_no_cluster_takes_is_refused_by_its_option(
    run: Run, option: str, text: str
) -> None:
    told = run("install", option, text)
    assert told.exit_code == 2
    assert f"{text!r} is wrong; " in told.stderr
    assert told.stdout == ""


def test_a_controller_does_not_begin_with_a_prometheus_that_is_none(run: Run) -> None:
    told = run("run", "--prometheus", "prometheus:9090")
    assert told.exit_code == 2
    assert "http://HOST[:PORT]" in told.stderr


@pytest.mark.envtest
@pytest.mark.timeout(600)
def test_a_real_api_server_takes_all_of_it(tmp_path: Path) -> None:
    with realkube.running(tmp_path) as kube:
        command = (
            *(Path(sys.executable).with_name("kubectl"), f"--server={kube.url}"),
            *(f"--token={kube.token}", f"--certificate-authority={kube.ca}"),
        )
        served = _kubectl(command, "api-versions").split()
        _kubectl(command, "apply", "--server-side", "-k", str(ROOT / "deploy" / "crds"))
        made = [
            obj
            for obj in Installation(prometheus="http://prometheus:9090").manifests()
            if obj["apiVersion"] in served  # policy/v1 came with Kubernetes 1.21
        ]
        assert {"Deployment", "NetworkPolicy", "ClusterRole"} <= set(kinds(made))
        text = yaml.safe_dump_all(made)
        _kubectl(command, "apply", "--server-side", "-f", "-", text=text)
        again = _kubectl(command, "diff", "--server-side", "-f", "-", text=text)
        assert again == ""


def _kubectl(command: tuple[object, ...], *words: str, text: str = "") -> str:
    done = subprocess.run(
        [str(word) for word in (*command, *words)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
