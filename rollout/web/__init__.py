"""The HTTP door: health, metrics and webhooks; the dashboard arrives with its own issue."""
