"""``python -m rollout``."""

from rollout.cli.main import main

main()
