"""The steps of the GitHub Action: the commands of the CLI, told in a workflow's own words."""
