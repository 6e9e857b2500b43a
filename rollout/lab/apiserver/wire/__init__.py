"""HTTP: paths, bodies, answers; the rules are in ``storage``."""
