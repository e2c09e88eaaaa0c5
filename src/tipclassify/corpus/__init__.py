"""Labelled corpora: load, validate, curate, hold out, convert."""
