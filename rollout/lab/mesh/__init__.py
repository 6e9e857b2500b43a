"""Istio's objects -> Envoy's configuration, written without a look at rollout.istio."""
