"""Bundles: zip files by which others can verify published figures. `writing` makes one, `checking` verifies one.

The fingerprint covers all files: it proves that nothing changed, not who made the bundle nor that a label is right.
"""
