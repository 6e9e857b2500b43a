"""The Kubernetes API server: one shared watch per kind behind every read, JSON Patch for writes."""

from rollout.edges.kube.client import PATHS, Kube, Scope, connect

__all__ = ["PATHS", "Kube", "Scope", "connect"]
