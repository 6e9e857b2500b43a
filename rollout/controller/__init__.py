"""The shell: wait, look, decide, save, act."""
