"""What the docs show is run: examples of webhooks and of the policy."""

import hashlib
import re
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli import policy
from rollout.cli.manifests import rbac
from rollout.controller import instruments
from rollout.edges.kube import paths
from rollout.edges.reach import Hosts
from rollout.edges.webhook import body, signature
from rollout.errors import ManifestError
from rollout.lab.slack.api import SCOPE_OF
from rollout.manifest import load
from rollout.model import upgrading
from rollout.model.reasons import Cause, PauseKind, Verb, WaitsFor
from rollout.model.status import Phase, Stage
from rollout.model.switchover import SwitchStage
from rollout.model.upgrade import UNAVOIDABLE
from rollout.model.upgrading import Awaits, State
from rollout.upgrade import rules as upgrade_rules
from tests import clipage
from tests.edges.test_webhook import KEY, question

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


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


def mistakes(fields: dict[str, object]) -> tuple[ManifestError, ...]:
    """What is wrong with a Rollout of the shop that has these fields of a page."""
    shop = {
        "service": "shop",
        "revision": "v1",
        "workload": {"deployments": "shop-{revision}"},
    }
    whole = {"apiVersion": "rollout.dev/v1alpha1", "kind": "Rollout", "metadata": {"name": "shop"}}
    return load.text("page", yaml.safe_dump(whole | {"spec": shop | fields}).encode()).errors


def test_the_step_of_the_page_loads() -> None:
    step = yaml.safe_load(block("webhooks.md", "yaml"))
    assert not mistakes({"strategy": {"canary": step}})


def test_the_policy_of_the_page_loads(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(block("policy.md", "yaml"))
    found = policy.read(str(file))
    assert [*found.signers] == ["releases"]
    assert Hosts(found.webhooks)


def test_slacks_app_has_the_scopes_and_the_events_that_the_code_uses() -> None:
    app = yaml.safe_load((DOCS / "slack-app.yaml").read_text())
    private = {"groups:history", "groups:read"}  # the same methods in private channels
    used = {SCOPE_OF[method] for method in CALLED if method in SCOPE_OF} | {"commands"} | private
    assert set(app["oauth_config"]["scopes"]["bot"]) == used
    assert {one["command"] for one in app["features"]["slash_commands"]} == {"/rollout"}
    assert app["settings"]["interactivity"]["is_enabled"]
    assert app["settings"]["socket_mode_enabled"]
    assert "event_subscriptions" not in app["settings"]  # the code hears no events


CALLED = sorted(
    set(
        re.findall(
            r'"((?:auth|chat|conversations|usergroups|users|views|apps)\.[a-zA-Z.]+)"',
            (ROOT / "rollout/edges/slack/client.py").read_text(),
        )
    )
)


def test_the_step_and_the_policy_of_the_slack_page_load(tmp_path: Path) -> None:
    page = (DOCS / "slack.md").read_text()
    files, step, notify = (yaml.safe_load(x) for x in re.findall(r"```yaml\n(.*?)```", page, re.S))
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(files))
    assert policy.read(str(tmp_path / "policy.yaml")).slack.bot_token
    assert not mistakes({"strategy": {"canary": step}, **notify["spec"]})


OF_UPGRADES = {"Job", "Node"}
"""What `rollout preflight upgrade/NAME` reads with a person's own account."""


def test_every_kind_that_is_read_or_written_stands_among_what_the_account_needs() -> None:
    page = (DOCS / "rights.md").read_text()
    table = [line for line in page.splitlines() if line.startswith("| ")]
    unsaid = OF_UPGRADES
    for kind in paths.PATHS:
        resource = f"`{rbac.resource(kind, '')}`"
        assert any(resource in line for line in table) is (kind not in unsaid), kind


def test_every_rule_of_an_upgrade_is_explained() -> None:
    page = (DOCS / "upgrade-preflight.md").read_text()
    parts = re.split(r"^### ", page, flags=re.M)[1:]
    told = {part.split("\n", 1)[0]: set(re.findall(r"^\*(\w+)\*:", part, re.M)) for part in parts}
    wanted: dict[str, set[str]] = {}
    for rule in upgrade_rules.RULES:
        wanted.setdefault(rule.id, set()).add(rule.severity.value)
    assert told == wanted
    named = re.search(r"Some rules cannot be overruled.*?: (.*)\.$", page, re.M)
    assert named is not None
    assert set(re.findall(r"[A-Z]+-\d+", named[1])) == set(UNAVOIDABLE)


def test_the_page_of_metrics_has_a_row_for_each_metric_and_none_for_others() -> None:
    told = instruments.Instruments()
    told.watch(instruments.Fleet(lambda _: ()))
    told.watch(instruments.Planes(tuple))
    told.asked("rollout_leader", "", float)
    told.asked("rollout_shards", "", float)
    told.each("rollout_shard_leader", "", "shard", {"0": float})
    told.asked("rollout_watch_silence_seconds", "", float)
    ours = {family.name for family in told.registry.collect()}
    rows = set(
        re.findall(r"^\| `(rollout_\w+)` \|", (DOCS / "metrics.md").read_text(), re.MULTILINE)
    )
    assert rows == {name for name in ours if not name.startswith("process_")}


PEOPLES_WORDS = (
    *(Phase, Stage, WaitsFor, Cause, PauseKind, Verb),
    *(State, Awaits, upgrading.Standing, SwitchStage),
)


@pytest.mark.parametrize("words", PEOPLES_WORDS, ids=lambda words: words.__qualname__)
def test_every_word_of_a_status_stands_in_the_vocabulary(words: type[StrEnum]) -> None:
    pages = ("concepts", "states", "upgrade", "switchover", "metrics")
    said = " ".join((DOCS / f"{page}.md").read_text() for page in pages)
    assert [w.value for w in words if not re.search(rf"\b{re.escape(w.value)}\b", said)] == []


def test_the_page_of_commands_is_drawn_from_the_parser() -> None:
    assert clipage.PAGE.read_text() == clipage.page(), "run `make generate`"


def test_the_templates_of_the_page_load_together() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "templates.md").read_text(), re.DOTALL)
    assert load.text("templates.md", blocks[-1].encode()).errors == ()
    for block_ in blocks[:-1]:
        steps: dict[str, object] = {"strategy": {"canary": {"steps": [{"weight": 5}]}}}
        assert mistakes(steps | yaml.safe_load(block_)) == ()
