"""The operator's secret for push webhooks, from a file or the environment."""

from pathlib import Path

import pytest

from rollout.cli import forges, policy
from rollout.cli.policy import PushPolicy
from rollout.errors import OutsideError, RefusedError
from rollout.model import forge

SECRET, NEXT = "0123456789abcdef-one", "0123456789abcdef-two"


def test_a_file_is_read_anew_so_a_secret_is_changed_while_we_run_sec_26(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    known = forges.shared(PushPolicy(str(file)))
    assert known() == [SECRET]
    file.write_text(f"{SECRET}\n{NEXT}\n")
    assert known() == [SECRET, NEXT]
    file.unlink()
    with pytest.raises(RefusedError, match="cannot be read"):
        known()


def test_the_environment_is_asked_where_no_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(forges.SECRET, raising=False)
    assert list(forges.shared(PushPolicy())()) == []
    monkeypatch.setenv(forges.SECRET, SECRET)
    assert list(forges.shared(PushPolicy())()) == [SECRET]


def test_a_secret_that_can_be_guessed_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(forges.SECRET, f"{SECRET} short")
    with pytest.raises(RefusedError, match="is short; 16 bytes") as caught:
        forges.shared(PushPolicy())
    assert SECRET not in str(caught.value)
    with pytest.raises(RefusedError, match="cannot be read"):
        forges.shared(PushPolicy(str(tmp_path / "none")))


async def test_before_the_controller_runs_nobody_is_let_in() -> None:
    door = forges.Inbound(tuple).door()
    with pytest.raises(OutsideError, match="not ready yet"):
        await door.secrets("")
    with pytest.raises(OutsideError, match="not ready yet"):
        await door.pushed(forge.Push(("https://x/y",)), "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("push: {secrt: x}", "push.secrt is unknown; did you mean secret?"),
        ("forges: [ghe.corp]", "scheme://host or scheme://host:port is wanted"),
        ("forge: []", "forge is unknown; did you mean forges?"),
    ],
)
def test_a_misspelt_switch_is_no_switch_sec_24(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(RefusedError) as caught:
        policy.read(str(file))
    assert words in str(caught.value)
