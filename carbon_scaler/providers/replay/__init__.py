"""A recorded year in place of live data."""
