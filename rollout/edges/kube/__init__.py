"""The Kubernetes API server: one shared watch per kind behind every read, JSON Patch for writes."""

from rollout.edges.kube.client import Kube
from rollout.edges.kube.credentials import connect
from rollout.edges.kube.paths import PATHS
from rollout.edges.kube.source import Scope, scopes

__all__ = ["PATHS", "Kube", "Scope", "connect", "scopes"]
