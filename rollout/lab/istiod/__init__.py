"""The lab's istiod: watches Istio's objects and brings Envoy to what they say."""
