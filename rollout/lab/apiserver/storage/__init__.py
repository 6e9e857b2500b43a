"""The objects themselves: revisions, history, watches, and the rules of a write."""
