"""Whose report it is, on which country, of what year."""
