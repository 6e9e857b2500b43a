"""People beside the looks: what a channel shows is kept true, and what they press is weighed."""
