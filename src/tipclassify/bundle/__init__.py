"""Bundles: zip files by which others can verify published figures.

`writing` makes one, `checking` verifies one.
"""
