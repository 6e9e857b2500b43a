"""Many rollouts' questions to few queries, and the replies back as counters."""
