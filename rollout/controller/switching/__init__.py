"""Switchovers between clusters: what a look sees of both, what it does, and when it begins."""
