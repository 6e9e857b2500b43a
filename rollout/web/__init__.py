"""The HTTP doors: health, metrics, webhooks, and the page for browsers."""
