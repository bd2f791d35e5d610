"""Where grid data come from."""
