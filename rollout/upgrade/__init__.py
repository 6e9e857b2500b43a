"""The same shape as reconcile, for the Istio control plane; arrives with its own issue."""
