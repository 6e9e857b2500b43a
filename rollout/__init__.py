"""Progressive delivery on Istio: a pushed revision reaches everyone step by step, or goes back."""

__version__ = "0.1.0"
