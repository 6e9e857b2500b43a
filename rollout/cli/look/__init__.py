"""What is, and what a person may ask of it: one rollout or all of them, once or as they move."""
