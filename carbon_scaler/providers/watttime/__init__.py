"""WattTime."""
