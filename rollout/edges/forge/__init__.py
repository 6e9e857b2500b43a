"""Forges: where the repository is kept, and people read what we say about a commit."""
