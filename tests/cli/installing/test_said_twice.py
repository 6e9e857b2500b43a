"""Whatever the chart's values say has its option of ``install``, or is said to have none."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli.installing import checks, command, mounts, needs
from rollout.cli.installing.mounts import SecretEntry, Secrets
from rollout.cli.installing.values import values
from rollout.cli.installing.workload import Installation
from rollout.cli.policy import Policy, PushPolicy, Slack
from rollout.controller.rights import USUAL, Need
from rollout.errors import RefusedError
from tests.cli.conftest import Run

PAGE = (Path(__file__).parents[3] / "docs" / "install.md").read_text()
NOT_OF_A_RELEASE = {"--own", "--diff", "--dry-run"}
"""helm's own ``--namespace``, ``helm diff`` and ``helm template``."""


def leaves(node: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, field in node["properties"].items():
        at = f"{path}.{name}" if path else name
        if field.get("properties") and at != "policy":
            yield from leaves(field, at)
        else:
            yield at


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def rows(text: str, columns: int) -> list[list[str]]:
    """What stands in backticks in the first columns of each row of a table."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    cells = (line.strip("|").split("|")[:columns] for line in lines)
    return [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in cells]  # type: ignore[misc]


def options() -> set[str]:
    named = set(inspect.signature(command.install).parameters) - {"context"}
    return {f"--{name.replace('_', '-')}" for name in named}


def test_every_value_of_the_chart_has_its_option_or_stands_among_those_without() -> None:
    said = rows(section("rollout install"), 2)
    optional = [value for _, named in said for value in named]
    alone = re.findall(r"`([^`]+)`", section("What only the chart says").partition("\n\n")[0])
    every = [*leaves(values())]
    covered = {leaf for leaf in every if any(_covers(name, leaf) for name in (*optional, *alone))}
    assert sorted(set(every) - covered) == []
    assert [name for name in optional if name in alone] == []
    assert [n for n in (*optional, *alone) if not any(_covers(n, leaf) for leaf in every)] == []


def _covers(name: str, leaf: str) -> bool:
    return leaf == name or leaf.startswith(f"{name}.")


def test_every_option_stands_in_the_table_of_its_page() -> None:
    named = [option for first, _ in rows(section("rollout install"), 2) for option in first]
    assert {option for option in named if option.startswith("--")} == options()


def test_every_option_that_is_of_a_release_has_its_value() -> None:
    table = rows(section("rollout install"), 2)
    without = {option for first, second in table if not second for option in first}
    assert {option for option in without if option.startswith("--")} == NOT_OF_A_RELEASE


def test_what_is_asked_for_is_what_is_printed(run: Run, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"push: {{secret: {mounts.folder('push')}/secret}}\n")
    words = (
        *("--page", "0.0.0.0:8081", "--tenant", "shop", "--log-level", "debug"),
        *("--prometheus-token", "mimir/password", "--prometheus-ca", "ca", "--slack-secret", ""),
        *("--push-secret", "push", "--policy", str(policy), "--grant", "upgrades"),
        *("--withhold", "secrets", "--withhold", "configuration"),
    )
    told = run("install", *words, cluster=False)
    assert told.exit_code == 0, told.stderr
    printed = [o for o in yaml.safe_load_all(told.stdout) if o["kind"][:6] != "Custom"]
    assert (
        printed
        == Installation(
            page="0.0.0.0:8081",
            tenant="shop",
            log_level="debug",
            policy=policy.read_text(),
            secrets=Secrets(
                "", "push", "", SecretEntry("mimir", "password"), SecretEntry("ca", "ca.crt")
            ),
            needs=(USUAL | {Need.UPGRADES}) - {Need.SECRETS, Need.CONFIGURATION},
        ).manifests()
    )
    readable = [rule for o in printed if "rules" in o for rule in o["rules"]]
    granted = [rule for rule in readable if "secrets" in rule["resources"]]
    assert all(set(rule["verbs"]) <= {"get", "list", "watch"} for rule in granted)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--withhold", "sources"), "pushes is of no use without sources; withhold both"),
        (
            ("--withhold", "sources", "--withhold", "pushes", "--grant", "manifests"),
            "manifests is of no use without sources; withhold both",
        ),
        (("--grant", "everything"), "'everything' is no right; one of subsets, "),
        (("--grant", "secrets", "--withhold", "secrets"), "both name secrets"),
        (("--namespace", "shop", "--own", "shop"), "'shop' is the controller's own; want the"),
        (("--push-secret", "push"), "--push-secret: is mounted and not read; want push.secret: "),
    ],
)
def test_what_no_option_alone_is_wrong_with_is_said(
    run: Run, words: tuple[str, ...], told: str
) -> None:
    asked = run("install", *words, cluster=False)
    assert isinstance(asked.exception, RefusedError)
    assert told in str(asked.exception)
    assert asked.stdout == ""


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (
            Policy(slack=Slack(bot_token=f"{mounts.folder('slack')}/botToken")),
            "slack.botToken in the policy: names a file of the Secret --slack-secret",
        ),
        (
            Policy(push=PushPolicy(f"{mounts.folder('push')}/secret")),
            "push.secret in the policy: names a file of the Secret --push-secret",
        ),
    ],
)
def test_a_file_that_the_policy_names_is_mounted(policy: Policy, told: str) -> None:
    with pytest.raises(RefusedError) as refused:
        checks.check(Installation(secrets=Secrets(slack="")), policy)
    assert str(refused.value).startswith(told)


def test_rights_have_the_names_of_the_chart_s_values() -> None:
    assert set(needs.BY_NAME) == set(values()["properties"]["rights"]["properties"])
    assert needs.chosen(["manifests"], ["secrets"]) == (USUAL | {Need.MANIFESTS}) - {Need.SECRETS}
