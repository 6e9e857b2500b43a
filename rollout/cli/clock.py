"""The present, as a command sees it."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present, for ages; what a command decides it leaves to the controller."""
    return datetime.now(UTC)  # noqa: TID251 - a command is an edge of its own
