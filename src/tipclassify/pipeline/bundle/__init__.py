"""Bundles: zip files by which others can verify published figures. `writing` makes one, `checking` verifies one.

``manifest.json`` has inputs, versions, model, thresholds, counts and file hashes; ``passages.jsonl`` every passage.
``README.txt`` explains them; ``sources/`` and ``model/`` are optional. The manifest's SHA-256, the fingerprint, covers
all files: it proves that nothing changed, not who made the bundle nor that a label is right.
"""
