"""Every act recorded once, beside the looks: what objects remember, and what a door refused."""
