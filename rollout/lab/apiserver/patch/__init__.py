"""Patches of a JSON document; nothing here knows what a resource is."""
