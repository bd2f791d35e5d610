"""One pure module per rule, and `decide`, which asks them in order."""
