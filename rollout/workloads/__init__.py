"""Deployment, Service, pod and configuration JSON to nouns and back."""
