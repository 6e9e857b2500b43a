"""Istio's versions as they are written in tags and in names of revisions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.upgrade import matching, versions
from rollout.upgrade.versions import Version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.30.3", Version(1, 30, 3)),
        ("1-30-3", Version(1, 30, 3)),
        ("default-v1-30-3", Version(1, 30, 3)),
        ("v1.30", Version(1, 30)),
        ("1.31.0-rc.1", Version(1, 31, 0, "rc.1")),
        ("1-31-0-rc-1", Version(1, 31, 0, "rc-1")),
        ("canary", None),
        ("30", None),
        ("", None),
    ],
)
def test_a_version_is_read_from_tags_and_names(text: str, version: Version | None) -> None:
    assert versions.version(text) == version


@given(st.integers(0, 99), st.integers(0, 999), st.integers(0, 999))
def test_what_is_written_is_read_again(major: int, minor: int, patch: int) -> None:
    known = Version(major, minor, patch)
    assert versions.version(str(known)) == known
    assert versions.version(str(known).replace(".", "-")) == known


@given(st.text())
def test_any_text_is_a_version_or_none(text: str) -> None:
    assert isinstance(versions.version(text), Version | None)


@pytest.mark.parametrize(
    ("text", "pre"), [("1.31.0-rc.1", True), ("1.31-alpha.0abc", True), ("1.31.0-patch1", False)]
)
def test_pre_releases_are_told(text: str, pre: bool) -> None:
    version = versions.version(text)
    assert version is not None
    assert version.pre is pre


@pytest.mark.parametrize(
    ("istio", "kubernetes"), [(23, None), (24, 28), (27, 29), (29, 30), (30, 32), (33, 32)]
)
def test_each_version_needs_a_kubernetes(istio: int, kubernetes: int | None) -> None:
    assert versions.kubernetes(istio) == kubernetes


def test_notes_are_those_between_the_two() -> None:
    between = versions.notes(Version(1, 26, 1), Version(1, 28, 0))
    assert [note.minor for note in between] == [27, 27, 28]
    assert versions.notes(Version(1, 28, 1), Version(1, 28, 9)) == ()


@pytest.mark.parametrize(
    ("pattern", "applies"),
    [
        (r"^1\.30.*", True),
        (r"1\.30", True),
        (r"^1\.29.*", False),
        ("", True),
        ("(", None),
        ("(a+)+$", False),
        ("x" * 1025, None),
    ],
)
def test_a_filter_is_for_the_proxies_its_pattern_matches(
    pattern: str, applies: bool | None
) -> None:
    assert matching.applies(pattern, Version(1, 30, 3)) is applies


@given(st.text(alphabet="(|)*+.^$1a{}?[]\\", max_size=30))
def test_any_pattern_is_answered(pattern: str) -> None:
    assert matching.applies(pattern, Version(1, 30, 3)) in (True, False, None)
