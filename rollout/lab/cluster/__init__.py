"""What a cluster does by itself: Deployments become pods, pods become endpoints."""
