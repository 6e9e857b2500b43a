"""Istio control planes side by side: what each writes, answers and counts; no proxy is real."""
