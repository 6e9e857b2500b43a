"""Structural schemas of CustomResourceDefinitions: prune, default, validate."""
