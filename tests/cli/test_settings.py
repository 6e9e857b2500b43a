"""Settings as somebody mistypes them: a sentence that names the setting, and what is wanted."""

import pytest

from rollout.cli import settings
from rollout.errors import RefusedError
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    "text",
    ["", "x:", "x:y", ":-1", ":65536", ":²", ":" + "9" * 5000, "a..b:80", f"{'a' * 64}:80"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match=r"listen .* is no address; host:port is wanted") as said:
        settings.address("listen", text)
    assert len(str(said.value)) < 400


@pytest.mark.parametrize(
    ("text", "found"),
    [(":0", ("", 0)), ("[::1]:8080", ("::1", 8080)), ("0.0.0.0:65535", ("0.0.0.0", 65535))],
)
def test_an_address_is_a_host_and_a_port(text: str, found: tuple[str, int]) -> None:
    assert settings.address("listen", text) == found


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--log-level", "x"], "log-level 'x': debug, info or warning is wanted"),
        (["--log-level", ""], "log-level '': debug, info or warning is wanted"),
        (["--prometheus", "http://[::1"], "'http://[::1' is wrong"),
        (["--prometheus", "http://x:99999"], "'http://x:99999' is wrong"),
        (["--istiod", "http://x,http://y:z"], "'http://x,http://y:z' is wrong"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(run: Run, words: list[str], says: str) -> None:
    said = run("run", *words)
    assert said.exit_code in (1, 2)
    assert says in " ".join(f"{said.exception} {said.stderr}".split())
