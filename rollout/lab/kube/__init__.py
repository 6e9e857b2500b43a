"""The lab's own way to a Kubernetes API, and the loop that each of its controllers is."""
