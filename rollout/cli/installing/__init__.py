"""What runs the controller in a cluster: as manifests, as a chart, beside what is there."""
