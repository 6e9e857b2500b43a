"""The page: what a browser is sent, and what may be asked from there; read-only without a login."""
