"""What the lab lets its own controller do is written as our own reader wants it."""

from pathlib import Path

from rollout.cli import policy
from rollout.cli.lab import showcase, up


def test_the_policy_of_the_lab_is_one_that_the_controller_reads(tmp_path: Path) -> None:
    key = "release ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBz0z5nXv2o6Nn1mVQmIYxSyoRZVNPhUkAQe8eqf7p1x"
    file = up.local_policy(tmp_path, push_secret="secret", signers={"releases": key})
    read = policy.read(str(file))
    here = {"http://127.0.0.1:*", "https://127.0.0.1:*"}
    assert read.local_git
    assert {*read.webhooks} == here
    assert {*read.forges} == here
    assert {*read.signers} == {"releases"}
    assert read.page.login


def test_the_lab_says_what_each_address_is_for_and_where_the_logs_are(tmp_path: Path) -> None:
    known = {"kubeconfig": "/x/kubeconfig", "mesh": "http://127.0.0.1:1", "slack": ""}
    assert up.addresses(known, None, tmp_path) == [
        ("kubeconfig", "/x/kubeconfig", ""),
        ("mesh", "http://127.0.0.1:1", up.MEANT["mesh"]),
        ("logs", f"{tmp_path}/*.log", "gone with the lab"),
    ]


def test_no_rule_warns_of_the_labs_own_shop_for_want_of_a_probe() -> None:
    shops = [obj for obj in showcase.objects() if obj["kind"] == "Deployment"]
    assert len(shops) == 3
    for shop in shops:
        boxes = shop["spec"]["template"]["spec"]["containers"]
        assert all("readinessProbe" in box for box in boxes)
