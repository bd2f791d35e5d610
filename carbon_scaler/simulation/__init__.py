"""Jobs replayed on a grid's past, by the decision that serves."""
