"""One script a promise; each prints its figure."""
