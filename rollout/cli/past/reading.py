"""A rollout's past, asked of the Prometheus that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager

from rollout.cli.access import access
from rollout.cli.past.counted import PastReader
from rollout.cli.settings import Settings
from rollout.controller.metrics.batcher import Batcher
from rollout.edges.prometheus import Prometheus
from rollout.model.spec import Rollout


@contextmanager
def reader(given: Settings, rollout: Rollout, stable: str) -> Iterator[PastReader]:
    """Reads the past of ``rollout`` while its revision ``stable`` had everyone."""
    client = Prometheus(access(given))
    try:
        yield PastReader(Batcher(client, gather=0.0), rollout, stable)
    finally:
        client.close()
