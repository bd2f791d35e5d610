"""A KEDA external scaler that starts batch work when the grid is clean."""

__version__ = "0.1.0"
