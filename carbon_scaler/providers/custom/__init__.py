"""Sources of the user's own that answer in JSON."""
