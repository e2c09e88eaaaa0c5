"""Linear model over hashed features, the ``fast`` model."""
