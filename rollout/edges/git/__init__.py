"""Git: remotes and their commits, read within limits, in child processes or a sidecar's."""
