"""Istio's JSON to nouns and back; patches are made here and sent elsewhere."""
