"""A KEDA external scaler that starts batch work when the grid is clean."""
