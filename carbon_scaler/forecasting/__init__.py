"""Forecasts of a grid's intensity from its own past: pure, numpy only."""
