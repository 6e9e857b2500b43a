"""Questions to an Observation, through the ports."""
