"""Tokenize passages and extract hashed features."""
