"""The simulator: the whole controller in one thread on virtual time, in a world that fails.

``make sim SEEDS=n FROM=k`` plays seeds; docs/simulation.md says what is played and what is checked.
"""
