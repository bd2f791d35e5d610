"""Electricity Maps."""
