"""The loop that fills the store: what is due, what came of it, what is kept."""
