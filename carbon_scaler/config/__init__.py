"""Settings and policy files: the only readers of environment and files."""
