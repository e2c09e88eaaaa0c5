"""Bundles: a zip file that lets somebody else check a published figure.

Inputs, a model and a policy go in (`writing`), a zip file comes out; `checking` reads it again and says, step by step, what
holds, what differs and what could not be checked. A bundle holds

- ``manifest.json`` (`manifest`): what was read, with which versions, model and thresholds, what was counted, and the
  SHA-256 of every other file;
- ``passages.jsonl``: every passage with its place, its probabilities to the last bit, and its labels;
- ``README.txt``: what this is, and how to check it;
- ``sources/`` and ``model/``, where they were asked for.

The manifest ends with its own SHA-256, the bundle's fingerprint, since it covers the hashes of all other files. It shows that
nothing was changed since, not who made the bundle, nor that a label is right.
"""
