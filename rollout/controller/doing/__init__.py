"""What a look does: one action of the core to its calls on the ports."""
