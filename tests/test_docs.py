"""What the docs show is run: examples of webhooks and of the policy."""

import hashlib
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli import policy
from rollout.edges.kube import paths
from rollout.edges.reach import Hosts
from rollout.edges.webhook import body, signature
from rollout.manifest import load
from tests.edges.test_webhook import KEY, question

DOCS = Path(__file__).parent.parent / "docs"


def block(page: str, language: str) -> str:
    """The page's first block of that language."""
    found = re.search(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def receiver() -> Any:
    """The receiver's function, as the page has it."""
    known: dict[str, Any] = {}
    exec(block("webhooks.md", "python"), known)
    return known["is_ours"]


def test_a_receiver_as_the_page_has_it_knows_us(receiver: Any) -> None:
    now, text = datetime.fromtimestamp(time.time(), UTC), body(question("https://a/"))
    both = signature((b"another key, as long", KEY), text, now)
    assert receiver(both, text, KEY)
    assert not receiver(both, text + b" ", KEY)
    assert not receiver(both, text, hashlib.sha256(KEY).digest())
    assert not receiver(signature((KEY,), text, now - timedelta(hours=1)), text, KEY)


def test_the_step_of_the_page_loads() -> None:
    step = yaml.safe_load(block("webhooks.md", "yaml"))
    spec = {
        "service": "shop",
        "revision": "v1",
        "workload": {"deployments": "shop-{revision}"},
        "strategy": {"canary": step},
    }
    whole = {"apiVersion": "rollout.dev/v1alpha1", "kind": "Rollout", "metadata": {"name": "shop"}}
    assert not load.text("page", yaml.safe_dump(whole | {"spec": spec}).encode()).errors


def test_the_policy_of_the_page_loads(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(block("policy.md", "yaml"))
    found = policy.read(str(file))
    assert [*found.signers] == ["releases"]
    assert Hosts(found.webhooks)


def test_every_kind_that_is_read_or_written_stands_among_what_the_account_needs() -> None:
    page = (DOCS / "rights.md").read_text()
    table = [line for line in page.splitlines() if line.startswith("| ")]
    unsaid = {"ControlPlaneUpgrade", "ClusterSwitchover", "MutatingWebhookConfiguration"}
    unsaid |= {"CustomResourceDefinition"}  # for issues of their own, or a person's to write
    for kind, (_, plural) in paths.PATHS.items():
        assert any(plural in line for line in table) is (kind not in unsaid), kind
