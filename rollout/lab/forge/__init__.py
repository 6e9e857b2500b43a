"""Forges as an app meets them: REST of GitHub and GitLab, push webhooks, over real git."""
