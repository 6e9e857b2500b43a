"""Real processes that are stopped, cut off and starved, on a real kube-apiserver and etcd."""
