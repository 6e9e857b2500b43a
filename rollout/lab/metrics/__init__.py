"""Istio's standard metrics: counted from access logs, written for Prometheus."""
