"""Postgres: embedded or given, migrated, read and written."""
