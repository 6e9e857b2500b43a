"""The shell of an upgrade of the mesh: wait, look, decide, save, act; as for a Rollout."""
