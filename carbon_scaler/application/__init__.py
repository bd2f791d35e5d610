"""Use cases; they reach the world through their own ports."""
