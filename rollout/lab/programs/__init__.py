"""Real programs that the lab starts and stops; none of them outlives it."""
