"""Passages to tokens and hashed features."""
