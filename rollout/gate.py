"""Arrives with the core."""
