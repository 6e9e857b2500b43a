"""The mesh itself, brought to another revision of its control plane: what is, and what must be."""
