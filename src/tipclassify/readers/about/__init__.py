"""Whose report it is, on what, of when."""
