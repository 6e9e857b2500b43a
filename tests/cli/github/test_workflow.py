"""What a workflow reads: no text from outside begins a command, or ends one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.cli.github import workflow
from rollout.cli.github.workflow import Annotation, Files

HOSTILE = "x\n::error::y\r\n::set-output name=a::b%0A,:"


def test_an_annotation_is_one_line_whatever_is_in_it() -> None:
    annotation = Annotation(HOSTILE, HOSTILE, 3, HOSTILE)
    assert annotation.command() == (
        "::error file=x%0A%3A%3Aerror%3A%3Ay%0D%0A%3A%3Aset-output name=a%3A%3Ab%250A%2C%3A,line=3,"
        "title=x%0A%3A%3Aerror%3A%3Ay%0D%0A%3A%3Aset-output name=a%3A%3Ab%250A%2C%3A"
        "::x%0A::error::y%0D%0A::set-output name=a::b%250A,:"
    )


@given(st.text(), st.text(), st.text())
def test_no_text_ends_a_command(message: str, file: str, title: str) -> None:
    """SEC-23, P-GH."""
    command = Annotation(message, file, 1, title).command()
    assert "\n" not in command
    assert "\r" not in command
    properties = command.removeprefix("::error ").partition("::")[0]
    assert len(properties.split(",")) == 1 + bool(file) + bool(title)


def test_lines_of_a_group_are_no_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with workflow.group("shop\n::error::x"):
        print("::add-mask::the")
    lines = capsys.readouterr().out.splitlines()
    token = lines[1].removeprefix("::stop-commands::")
    assert lines == [
        "::group::shop%0A::error::x",
        f"::stop-commands::{token}",
        "::add-mask::the",
        f"::{token}::",
        "::endgroup::",
    ]
    assert len(token) == 32


def test_an_output_of_many_lines_sets_no_other(tmp_path: Path) -> None:
    """SEC-23."""
    files = Files(tmp_path / "out", None)
    files.set_outputs({"because": "a\nphase<<EOF\nHealthy\nEOF"})
    first, *middle, last = (tmp_path / "out").read_text().splitlines()
    assert middle == ["a", "phase<<EOF", "Healthy", "EOF"]
    assert first == f"because<<{last}"


def test_outside_of_github_nothing_is_written() -> None:
    files = Files.of({})
    files.set_outputs({"a": "b"})
    files.add_summary("text")
    assert files == Files(None, None)


def test_a_long_plan_is_cut_at_a_line_and_says_so() -> None:
    text = "\n".join(["# plan", "```diff", *(f"+ ä{n}" for n in range(1000)), "```"])
    short = workflow.cut(text, 300)
    assert len(short.encode()) <= 300
    assert short.splitlines()[0] == "# plan"
    assert short.endswith(
        "\n```\n\n_The rest is too long to be shown here; run `rollout plan` to see it._"
    )
    assert workflow.cut("short", 300) == "short"
