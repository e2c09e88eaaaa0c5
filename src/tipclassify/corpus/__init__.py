"""Labelled rows: load, check, curate, hold out, convert."""
