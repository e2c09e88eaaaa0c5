"""The fast model: hashed features, and a sum of their weights."""
