"""Slack's secrets: from files or the environment, and what is said when they do not suffice."""

from pathlib import Path

import pytest

from rollout.cli import people, policy
from rollout.errors import RefusedError

NAMES = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")


@pytest.fixture(autouse=True)
def _nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_without_secrets_there_is_no_slack() -> None:
    assert people.talk(policy.Slack(), listens=True) is None


def test_the_environment_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(NAMES, ("xoxb-1", "xapp-1", "s" * 32), strict=True):
        monkeypatch.setenv(name, value)
    talk = people.talk(policy.Slack(), listens=True)
    assert talk is not None
    assert talk.door() is not None
    assert talk.secrets.bot() == "xoxb-1"


def test_without_a_port_nothing_is_heard_by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "s" * 32)
    with pytest.raises(RefusedError, match="SLACK_APP_TOKEN"):
        people.talk(policy.Slack(), listens=False)


def test_a_file_goes_before_the_environment_and_is_read_anew_sec_26(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-environment")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1")
    file = tmp_path / "bot"
    file.write_text("xoxb-old\n")
    talk = people.talk(policy.Slack(bot_token=str(file)), listens=False)
    assert talk is not None
    assert talk.secrets.bot() == "xoxb-old"
    file.write_text("xoxb-new\n")
    assert talk.secrets.bot() == "xoxb-new"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (("", "xapp-1", ""), "SLACK_BOT_TOKEN: is missing"),
        (("xoxb-1", "", ""), "nobody could answer; SLACK_APP_TOKEN"),
        (("planted-secret", "xapp-1", ""), "SLACK_BOT_TOKEN: is none; one that begins with xoxb-"),
        (("xoxb-1", "planted-secret", ""), "SLACK_APP_TOKEN: is none; one that begins with xapp-"),
    ],
)
def test_secrets_that_do_not_suffice_are_refused_at_the_start_without_being_told_sec_15_sec_24(
    monkeypatch: pytest.MonkeyPatch, values: tuple[str, ...], says: str
) -> None:
    for name, value in zip(NAMES, values, strict=True):
        monkeypatch.setenv(name, value)
    with pytest.raises(RefusedError) as caught:
        people.talk(policy.Slack(), listens=True)
    assert says in str(caught.value)
    assert "planted" not in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(RefusedError, match="/nowhere/bot: cannot be read"):
        people.talk(policy.Slack(bot_token="/nowhere/bot"), listens=True)
