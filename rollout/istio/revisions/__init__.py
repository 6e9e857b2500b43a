"""Istio's control planes in JSON to nouns: webhooks, tags, proxies, roots of trust."""
