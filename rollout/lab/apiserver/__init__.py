"""A Kubernetes API server in memory, as much of one as our client and kubectl need."""
