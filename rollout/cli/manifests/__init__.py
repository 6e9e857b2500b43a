"""Before a push: what is wrong with manifests, and what they would do; nothing is written."""
