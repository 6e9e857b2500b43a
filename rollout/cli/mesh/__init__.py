"""An upgrade of the mesh beforehand: what stands in its way, and what each wave would do."""
