"""Slack as an app meets it: Web API, Socket Mode, signed HTTP, and a page to press buttons on."""
