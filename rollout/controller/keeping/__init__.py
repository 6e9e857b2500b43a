"""What outlives a look: the status in the cluster, and what people said until it is heard."""
