"""Great Britain's carbon intensity API."""
