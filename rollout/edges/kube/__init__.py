"""The Kubernetes API server: one shared watch per kind behind every read, JSON Patch for writes."""

from rollout.edges.kube.client import Kube
from rollout.edges.kube.credentials import Connection, as_somebody, connect
from rollout.edges.kube.paths import PATHS
from rollout.edges.kube.source import Scope, scopes

__all__ = ["PATHS", "Connection", "Kube", "Scope", "as_somebody", "connect", "scopes"]
