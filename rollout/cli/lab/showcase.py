"""The demo's shop: three revisions of one service, one of them bad; plain objects and text."""

from rollout.lab import sample
from rollout.lab.kube.client import Object

NAMESPACE = sample.NAMESPACE
HOST = sample.HOST
NAME = "shop"
FILE = "shop/rollout.yaml"
BAD = "v3"
CHANNEL, APPROVERS = "#releases", "S0LABOPS1"
"""Of the lab's Slack: the channel, and the user group of ann and bob."""
ERROR_RATE = 0.1
"""Of the bad revision's answers: the issue's own figure."""


def objects() -> list[Object]:
    """What a team has before it has us; all three revisions' pods stand ready."""
    route = {"name": "primary", "route": [{"destination": {"host": NAME, "subset": "stable"}}]}
    rule = sample.destination_rule(name=NAME)
    rule["spec"]["subsets"] = [{"name": "stable", "labels": {"version": "v1"}}]
    return [
        sample.service(),
        sample.gateway(),
        rule,
        _probed(sample.deployment("v1", latency_ms="5")),
        _probed(sample.deployment("v2", latency_ms="5")),
        _probed(sample.deployment(BAD, latency_ms="5", error_rate=str(ERROR_RATE))),
        sample.virtual_service(route),
    ]


def _probed(deployment: Object) -> Object:
    """With a readiness probe, so that no preflight rule warns of the shop."""
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        container["readinessProbe"] = {"httpGet": {"path": "/", "port": "http"}}
    return deployment


def source(url: str) -> Object:
    """The repository that says which revision is wanted."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "RolloutSource",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"url": url, "ref": "main", "path": "shop", "interval": "5s"},
    }


def manifest(revision: str, *, asks: bool = False) -> str:
    """The file that is pushed; times are seconds here that would be minutes elsewhere.

    ``asks``: people of the lab's Slack must say yes before everyone has it.
    """
    asked = f', approval: {{slack: "{CHANNEL}", approvers: [{APPROVERS}], expires: 1h}}'
    return f"""\
apiVersion: rollout.dev/v1alpha1
kind: Rollout
metadata: {{name: {NAME}, namespace: {NAMESPACE}}}
spec:
  service: {NAME}
  revision: {revision}
  workload: {{deployments: "{NAME}-{{revision}}"}}
  strategy:
    canary:
      steps:
      - {{weight: 10, bake: 5s, timeBox: 12s}}
      - {{weight: 40, bake: 5s, timeBox: 30s{asked if asks else ""}}}
      bakeAfterPromotion: 3s
  notify: {{slack: "{CHANNEL}", events: [started, waiting, promoted, rolledBack, paused, degraded]}}
  analysis:
    interval: 1s
    warmup: 2s
"""
