"""Forges beside the looks: what they show of each commit is kept true, and reverts are proposed."""
