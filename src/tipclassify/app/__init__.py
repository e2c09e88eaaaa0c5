"""The local app, on which people label passages and check findings."""
