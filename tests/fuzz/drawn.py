"""Inputs that Hypothesis draws: bytes, many of them and of every length that a door takes apart."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.surfaces import Finding, Surface, tried

INPUTS = st.binary(min_size=2, max_size=160)


def drawn(surface: Surface, count: int, found: Callable[[Finding], None]) -> None:
    """So many inputs at ``surface``; each finding is told, and none of them ends it."""

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(INPUTS)
    def each(data: bytes) -> None:
        finding = tried(surface, data)
        if finding is not None:
            found(finding)

    each()
