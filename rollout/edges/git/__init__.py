"""Git: remotes and their commits, read in child processes within limits."""
