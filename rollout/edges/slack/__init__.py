"""Slack: its Web API, Socket Mode and signed HTTP; what is heard becomes nouns, nothing more."""
