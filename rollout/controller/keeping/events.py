"""Kubernetes Events: news of one object of ours, told once; losing one never fails a look."""

from dataclasses import dataclass
from datetime import UTC, datetime

from rollout.controller import telemetry
from rollout.controller.ports import Json, Kube
from rollout.errors import ConflictError, RolloutError
from rollout.model.spec import GROUP, VERSION

NOTE = 1024  # the longest message (Kubernetes, pkg/apis/core/validation/events.go)
INSTANCE = 128  # the longest name of who reports, as above


@dataclass(frozen=True, slots=True)
class Reporter:
    """``part``: which of the controller's; ``instance``: this process, unlike any other."""

    part: str
    instance: str


@dataclass(frozen=True, slots=True)
class News:
    """What is told of an object of ours; ``reason`` is one word, ``note`` the sentences.

    ``once``: of this object, no other news has the same ``once`` and reason.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    once: str
    reason: str
    note: str
    warning: bool


async def tell(kube: Kube, news: News, now: datetime, reporter: Reporter) -> None:
    """The Event is there, or a line says why not."""
    try:
        await kube.create(_event(news, now, reporter))
    except ConflictError:
        return  # it is there from before a crash
    except RolloutError as error:
        about = f"{news.kind} {news.namespace}/{news.name}"
        telemetry.warn("event not written", object=about, error=str(error))


def _event(news: News, now: datetime, reporter: Reporter) -> Json:
    """Its name is made of what it tells, so that saying it twice makes one.

    In the core's own form, with the times of old: kubectl sorts and dates Events by them, and
    those of events.k8s.io have none.
    """
    # An Event of an object without a namespace stands in "default" (client-go, EventRecorder), and
    # servers before 1.21 want both namespaces to be the same one (validation/events.go).
    space = news.namespace or "default"
    name = f"{news.name[:200]}.{news.uid[:8]}.{news.once}.{news.reason.lower()}"
    moment = now.astimezone(UTC)
    second = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    part = f"{GROUP}/{reporter.part}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": space},
        "firstTimestamp": second,
        "lastTimestamp": second,
        "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "count": 1,
        "source": {"component": part},
        "reportingComponent": part,
        "reportingInstance": reporter.instance[:INSTANCE],
        "action": news.reason,
        "reason": news.reason,
        "type": "Warning" if news.warning else "Normal",
        "message": news.note[:NOTE],
        "involvedObject": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": news.kind,
            "name": news.name,
            "namespace": space,
            "uid": news.uid,
        },
    }
