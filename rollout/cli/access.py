"""Prometheus as the settings name it, for the controller and for who reads the past."""

from rollout.cli import settings
from rollout.cli.settings import TENANT, Settings
from rollout.controller.ports import Answers
from rollout.edges.prometheus import Access
from rollout.model.observation import CountsQuestion, NoAnswer, ValueQuestion
from rollout.model.status import Outcome


class Nowhere:
    """No Prometheus is configured: every question is answered by saying so."""

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        because = "no prometheus is known; give the controller --prometheus"
        names = dict.fromkeys([*(c.metric for c in counts), *(v.metric for v in values)])
        return (), (), tuple(NoAnswer(name, Outcome.ERROR, because) for name in names)


def access(given: Settings) -> Access:
    """Where Prometheus is and how it lets us in. Errors: ``RefusedError`` for a lost secret."""
    return Access(
        url=given.prometheus,
        token=settings.secret(given.prometheus_token) if given.prometheus_token else "",
        ca_file=given.prometheus_ca,
        tenant=(TENANT, given.tenant) if given.tenant else None,
    )
