"""Where requests go at each step; no clock, no metric, no person."""
