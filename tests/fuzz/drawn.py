"""Inputs that Hypothesis draws: bytes, of every length that a door takes apart."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

INPUTS = st.binary(min_size=2, max_size=160)


def drawn(count: int, read: Callable[[bytes], object]) -> None:
    """So many inputs are read, none of which may raise."""

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(INPUTS)
    def each(data: bytes) -> None:
        read(data)

    each()
