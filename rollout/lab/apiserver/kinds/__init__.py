"""Which kinds there are and what is particular to each, as data."""
