"""Bundles: zip files by which others can verify published figures."""
